//! The table of programs: what their arguments read, write, delete, run and send. See `core/knowledge/README.md`.

use crate::understand::{Doing, Word};

/// The built-in table and, before it, the rows of a team.
#[derive(Debug, Clone, Default)]
pub(crate) struct Knowledge {}

impl Knowledge {
    /// What a command does.
    pub(crate) fn doing(&self, argv: &[Word]) -> Doing {
        Doing {
            program: argv.first().map(|word| word.text.clone()).unwrap_or_default(),
            operands: argv.iter().skip(1).cloned().collect(),
            ..Doing::default()
        }
    }
}
