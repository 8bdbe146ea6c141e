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

impl Machine<'_> {
    /// Takes away what a command does to a database where that is one for tests, without doubt.
    pub(super) fn spare_tests(&self, argv: &[Word], doing: &mut Doing) {
        if doing.effects.iter().any(|effect| spares(&effect.id)) && self.works_on_tests(argv) {
            doing.effects.retain(|effect| !spares(&effect.id));
        }
    }

    fn works_on_tests(&self, argv: &[Word]) -> bool {
        let value = |name: &str| {
            let variable = self.state.variable(name)?;
            variable.value.single().filter(|word| word.known()).map(|word| word.text.clone())
        };
        let says = |text: &str| matches!(text, "test" | "testing");
        let option = argv.windows(2).any(|pair| {
            matches!(pair, [name, kind] if matches!(name.text.as_str(), "--env" | "-e" | "--environment") && says(&kind.text))
        });
        let joined = argv.iter().any(|word| word.text.strip_prefix("--env=").is_some_and(says));
        let program = argv.first().map_or("", |word| word.text.rsplit('/').next().unwrap_or_default());
        let operand = matches!(program, "dropdb")
            && argv.iter().skip(1).filter(|word| !word.text.starts_with('-')).all(|word| is_test(&word.text))
            && !argv.iter().any(|word| matches!(word.text.as_str(), "-h" | "--host"));
        option
            || joined
            || operand
            || KINDS.iter().any(|name| value(name).is_some_and(|kind| says(&kind)))
            || NAMES.iter().any(|name| value(name).is_some_and(|name| is_test(&name)))
            || ADDRESSES.iter().any(|name| value(name).is_some_and(|address| is_test_address(&address)))
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
