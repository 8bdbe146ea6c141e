//! Code of other languages than the shell's: `python -c`, `node -e`, awk and sed programs, SQL. It is not run and not
//! parsed in full: what is looked for is what reaches out of it (files, processes, hosts), with what its texts say.

use crate::understand::{Doing, Fuel, Language, Word};

/// What a text of code does. `arguments` are what it sees as its own (`sys.argv`, awk's files).
pub(crate) fn read(language: Language, text: &Word, arguments: &[Word], fuel: &mut Fuel) -> Doing {
    let _todo = (language, text, arguments, fuel);
    Doing::default()
}
