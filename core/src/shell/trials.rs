//! Databases that are there to be thrown away: a test makes one, fills it and drops it.

use super::machine::Machine;
use crate::understand::{Address, Doing, Word};

/// Variables by which frameworks know what they run for.
const KINDS: [&str; 6] = ["RAILS_ENV", "RACK_ENV", "NODE_ENV", "APP_ENV", "MIX_ENV", "FLASK_ENV"];
/// Variables that name a database, and those that have its address.
const NAMES: [&str; 4] = ["PGDATABASE", "DB_DATABASE", "DB_NAME", "MYSQL_DATABASE"];
const ADDRESSES: [&str; 3] = ["DATABASE_URL", "TEST_DATABASE_URL", "DATABASE_URI"];
/// What a test does to its own database. Rights and programs are no part of it.
const SPARED: [&str; 4] =
    ["database.drop", "database.delete-all", "database.migrate-reset", "database.replace"];

/// Where databases listen by custom: what is there may be the developer's own.
const USUAL: [&str; 8] = ["5432", "3306", "6379", "27017", "1433", "1521", "9042", "33060"];

impl Machine<'_> {
    /// Takes away what a command does to a database where that is one to be thrown away, without doubt. `true` if what is
    /// told to it in SQL goes to such a one, too.
    pub(super) fn spare_tests(&mut self, argv: &[Word], doing: &mut Doing) -> bool {
        let thrown_away = self.is_thrown_away(doing);
        if doing.effects.iter().any(|effect| spares(&effect.id))
            && (thrown_away || self.works_on_tests(argv, doing) || self.migrates_temporary(doing))
        {
            doing.effects.retain(|effect| !spares(&effect.id));
        }
        if doing.effects.iter().any(|effect| effect.id == "database.flush") && self.flushes_test(doing) {
            doing.effects.retain(|effect| effect.id != "database.flush");
        }
        thrown_away
    }

    /// Whether a database is a file in a temporary folder, in memory, or in a container that the script started.
    fn is_thrown_away(&mut self, doing: &Doing) -> bool {
        match doing.program.as_str() {
            "sqlite3" | "sqlite" | "litecli" | "duckdb" => match doing.operands.first().cloned() {
                Some(word) => self.is_temporary(&word),
                None => false,
            },
            "psql" | "pgcli" | "dropdb" | "mysql" | "mariadb" | "mycli" | "mysqladmin" | "mongosh"
            | "mongo" => self.is_in_container(doing),
            _ => false,
        }
    }

    /// Whether a file of SQLite, or the address of one, lies in memory or in a temporary folder.
    fn is_temporary(&mut self, word: &Word) -> bool {
        let mut text = word.text.as_str();
        for scheme in ["sqlite3:", "sqlite:", "file:"] {
            if let Some(rest) = text.strip_prefix(scheme) {
                text = rest.strip_prefix("//").unwrap_or(rest);
            }
        }
        let text = text.split('?').next().unwrap_or_default().to_owned();
        if matches!(text.as_str(), ":memory:" | "/:memory:") {
            return true;
        }
        let folder = self.state.folder();
        let [folder] = folder.paths.as_slice() else { return false };
        let placed = self.place(&Word { text, ..word.clone() }, &folder.clone());
        placed.known && !placed.wild && placed.is_in("temp")
    }

    /// `goose sqlite3 /tmp/x.db reset`, `dbmate --url sqlite:/tmp/x.db drop`.
    fn migrates_temporary(&mut self, doing: &Doing) -> bool {
        let driver = doing.operands.windows(2).find_map(|pair| match pair {
            [driver, file] if matches!(driver.text.as_str(), "sqlite3" | "sqlite") => Some(file.clone()),
            _ => None,
        });
        let values = doing.options.iter().filter_map(|(_, value)| value.clone());
        let addresses: Vec<Word> = values
            .chain(doing.operands.iter().cloned())
            .filter(|word| word.text.contains(':') && word.text.starts_with(|c: char| c.is_ascii_lowercase()))
            .collect();
        let is_sqlite = |word: &Word| word.text.starts_with("sqlite:") || word.text.starts_with("sqlite3:");
        match driver {
            Some(file) => self.is_temporary(&file),
            None => {
                !addresses.is_empty()
                    && addresses.iter().all(is_sqlite)
                    && addresses.iter().all(|word| self.is_temporary(word))
            }
        }
    }

    /// The host and the port that a console of databases is told, by options, an address or variables.
    fn told_place(&self, doing: &Doing) -> (Option<String>, Option<String>) {
        let given = |names: &[&str]| {
            let value = doing.options.iter().rfind(|(name, _)| names.contains(&name.as_str()));
            value.map(|(_, value)| value.as_ref().map_or_else(String::new, |word| word.text.clone()))
        };
        let values = doing.options.iter().filter_map(|(_, value)| value.as_ref());
        let schemes = ["postgres://", "postgresql://", "mysql://", "mariadb://", "mongodb://"];
        let is_address = |word: &&Word| schemes.iter().any(|scheme| word.text.starts_with(scheme));
        if let Some(address) = doing.operands.iter().chain(values).find(is_address) {
            // Which of two holds is the program's to say.
            let Address { host, port, .. } = Address::of(&address.text);
            return match given(&["--host", "-h"]) {
                Some(_) => (Some(String::new()), None),
                None => (Some(host), port.map(|port| port.to_string())),
            };
        }
        let variable = |name: &str| self.state.handed_on(name).map(str::to_owned);
        (
            given(&["--host", "-h"]).or_else(|| variable("PGHOST")),
            given(&["--port", "-p", "-P"]).or_else(|| variable("PGPORT")),
        )
    }

    /// Whether a command goes to a port of this machine that a container has which the script started.
    fn is_in_container(&self, doing: &Doing) -> bool {
        let (Some(host), Some(port)) = self.told_place(doing) else { return false };
        let published = |port: &str| {
            self.seen.commands.iter().any(|command| {
                let starts = matches!(command.fact.program.as_str(), "docker" | "podman" | "nerdctl")
                    && command.fact.subcommand.last().is_some_and(|verb| verb == "run");
                starts
                    && !command.elsewhere
                    && !command.mention
                    && command.fact.options.iter().any(|(name, value)| {
                        name == "--publish"
                            && value.as_deref().is_some_and(|value| value.rsplit(':').nth(1) == Some(port))
                    })
            })
        };
        Address::of(&host).is_loopback()
            && !USUAL.contains(&port.as_str())
            && published(&port)
            && !self.has_tunnel()
            && !self.elsewhere
    }

    /// Whether a store on this machine is emptied that tests have for themselves: by number on a port of its own, or one that
    /// the script started for tests.
    fn flushes_test(&self, doing: &Doing) -> bool {
        let given = |name: &'static str| doing.options.iter().filter(move |(option, _)| option == name);
        let is_here = |name: &'static str| {
            given(name).all(|(_, value)| {
                value.as_ref().is_some_and(|word| word.known() && Address::of(&word.text).is_loopback())
            })
        };
        let Some(verb) = doing.operands.first().map(|word| word.text.to_ascii_lowercase()) else {
            return false;
        };
        if !is_here("-h")
            || !is_here("-u")
            || given("-s").next().is_some()
            || self.has_tunnel()
            || self.elsewhere
        {
            return false;
        }
        let known = |name: &'static str| {
            given(name).next_back().and_then(|(_, value)| value.as_ref()).filter(|word| word.known())
        };
        let apart =
            verb == "flushdb" && known("-n").is_some() && known("-p").is_some_and(|port| port.text != "6379");
        let started = self.seen.commands.iter().any(|command| {
            command.fact.subcommand.last().is_some_and(|verb| verb == "up")
                && !command.elsewhere
                && command.fact.options.iter().any(|(name, value)| {
                    name == "--file" && value.as_deref().is_some_and(super::made::is_for_tests)
                })
        });
        apart || matches!(verb.as_str(), "flushdb" | "flushall") && started
    }

    fn works_on_tests(&mut self, argv: &[Word], doing: &Doing) -> bool {
        let value = |name: &str| {
            let variable = self.state.variable(name)?;
            variable.value.single().filter(|word| word.known()).map(|word| word.text.clone())
        };
        let says = |text: &str| matches!(text, "test" | "testing");
        let option = argv.windows(2).any(|pair| {
            matches!(pair, [name, kind] if matches!(name.text.as_str(), "--env" | "-e" | "--environment") && says(&kind.text))
        });
        let joined = argv.iter().any(|word| word.text.strip_prefix("--env=").is_some_and(says));
        let host = self.told_place(doing).0;
        let operand = doing.program == "dropdb"
            && !doing.operands.is_empty()
            && doing.operands.iter().all(|word| is_test(&word.text))
            && host.is_none_or(|host| Address::of(&host).is_loopback());
        let addresses: Vec<String> = ADDRESSES.iter().filter_map(|name| value(name)).collect();
        option
            || joined
            || operand
            || KINDS.iter().any(|name| value(name).is_some_and(|kind| says(&kind)))
            || NAMES.iter().any(|name| value(name).is_some_and(|name| is_test(&name)))
            || addresses.iter().any(|address| {
                is_test_address(address)
                    || address.starts_with("sqlite") && self.is_temporary(&Word::plain(address.as_str()))
            })
    }
}

/// Takes away what SQL does to a database that is there to be thrown away, unless it reaches for another one.
pub(super) fn spare_sql(text: &str, doing: &mut Doing) {
    let lower = text.to_ascii_lowercase();
    let reaches = ["attach", ".open", ".restore", ".cd", "\\c", "\\i", "source ", "\\.", "dblink", "connect"];
    if !reaches.iter().any(|word| lower.contains(word)) {
        doing.effects.retain(|effect| !SPARED.contains(&effect.id.as_str()));
    }
}

/// Whether an effect is one that a test may have on its own database.
pub(crate) fn spares(id: &str) -> bool {
    SPARED.contains(&id)
}

/// Whether a database is called as those of tests are: `app_test`.
fn is_test(name: &str) -> bool {
    ["_test", "-test", "_testing"].iter().any(|end| name.ends_with(end))
}

/// Whether an address leads to a database for tests on this machine or beside it.
pub(crate) fn is_test_address(address: &str) -> bool {
    let host = Address::of(address);
    let name = address.split('?').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    is_test(name) && (host.is_loopback() || !host.host.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_called_so_is_for_tests() {
        for name in ["app_test", "app-test", "app_testing"] {
            assert!(is_test(name), "{name}");
        }
        for name in ["app", "testdb", "latest", "contest", "test_results_prod"] {
            assert!(!is_test(name), "{name}");
        }
    }

    #[test]
    fn an_address_for_tests_is_near() {
        for address in ["postgres://u:p@localhost:5432/app_test", "mysql://db/app_test?x=1"] {
            assert!(is_test_address(address), "{address}");
        }
        for address in ["postgres://u:p@db.prod.example/app_test", "postgres://localhost/app", ""] {
            assert!(!is_test_address(address), "{address}");
        }
    }
}
