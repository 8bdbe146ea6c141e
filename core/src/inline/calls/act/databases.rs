//! Statements that code hands to a database.

use crate::inline::reader::Reader;
use crate::inline::value::{Is, Value};
use crate::shell::is_for_tests;

impl Reader<'_> {
    /// What a statement does. What is only in memory, or in a database that a test makes and drops, is gone anyway.
    pub(super) fn sql(&mut self, value: &Value) {
        let Is::Text(text) = &*value.is else { return };
        if self.seen.memory || !crate::inline::sql::looks_like(text) {
            return;
        }
        let statements = crate::inline::sql::read(text, self.fuel);
        let trial = self.seen.trial;
        for effect in statements.effects {
            if !(trial && crate::shell::spares(&effect.id)) {
                self.effect(&effect.id, effect.detail);
            }
        }
        self.doing.touches.extend(statements.touches);
        self.doing.runs.extend(statements.runs);
    }
}

/// Whether all databases that code opens are for tests: each call that opens one has the address of one written out in it.
/// A name somewhere else in the code says nothing.
pub(in crate::inline) fn only_trials(text: &str) -> bool {
    let opens =
        ["create_engine(", "create_async_engine(", "connect(", "create_pool(", "Client(", "Database("];
    let mut any = false;
    // Under another name it would open what nobody sees here.
    let code = || text.lines().filter(|line| !line.contains("import "));
    let count = |name: &str| code().map(|line| line.matches(name).count()).sum::<usize>();
    if count("create_engine") != count("create_engine(") {
        return false;
    }
    for (at, open) in opens.iter().flat_map(|open| text.match_indices(open)) {
        let rest = text.get(at + open.len()..).unwrap_or_default().trim_start();
        // `engine.connect()` opens what is already named.
        if rest.starts_with(')') {
            continue;
        }
        let Some(mark) = rest.chars().next().filter(|mark| matches!(mark, '"' | '\'')) else { return false };
        let address = rest.get(1..).and_then(|rest| rest.split(mark).next()).unwrap_or_default();
        let memory = matches!(address, "sqlite://" | "sqlite:///:memory:");
        if !memory && (!address.contains("://") || !is_for_tests(address)) {
            return false;
        }
        any = true;
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_database_has_to_be_for_tests() {
        assert!(only_trials("e = create_engine('postgresql://u@localhost/shop_test')\nc = e.connect()"));
        assert!(only_trials("psycopg.connect(\"postgresql://localhost/shop_test\")"));
        for text in [
            "create_engine(URL)  # postgresql://localhost/shop_test",
            "create_engine('postgresql://db.corp.example/shop')\ncreate_engine('postgresql://localhost/shop_test')",
            "open = create_engine\nopen(URL)\ncreate_engine('postgresql://localhost/shop_test')",
            "x = 'postgresql://localhost/shop_test'",
            "create_engine(\"postgresql://localhost/shop\")",
        ] {
            assert!(!only_trials(text), "{text}");
        }
    }
}
