//! What a notebook's own object runs: <https://ipython.readthedocs.io/en/stable/api/generated/IPython.core.interactiveshell.html>.

use super::Call;
use crate::inline::reader::Reader;
use crate::inline::value::Value;

impl Reader<'_> {
    /// A magic by its name: what stands behind it in a line, or the cell below it. The names are those of the magics that a
    /// cell itself may have.
    pub(super) fn magic(&mut self, call: &Call<'_>, cell: bool) {
        let (name, line) = (call.named(0, &["magic_name"]), call.named(1, &["line"]));
        let name = name.known().unwrap_or_default().trim_start_matches('%').to_owned();
        // `magic("sx ls")` has both in one.
        let (name, line) = match name.split_once(char::is_whitespace) {
            Some((first, rest)) => (first.to_owned(), Value::text(rest, line.marks)),
            None => (name, line),
        };
        let blank = Value::plain(" ");
        match (name.as_str(), cell) {
            ("bash" | "sh" | "zsh" | "dash" | "script" | "system" | "sx" | "!" | "cmd", true) => {
                self.shell(&call.named(2, &["cell"]));
            }
            ("sx" | "system" | "sc" | "bash" | "!" | "!!", false) => {
                self.shell(&line);
            }
            (
                "pip" | "conda" | "mamba" | "uv" | "rm" | "rmdir" | "cp" | "mv" | "mkdir" | "cat" | "ln"
                | "chmod",
                false,
            ) => {
                self.shell(&Value::plain(name).concat(&blank).concat(&line));
            }
            ("sql", true) => self.sql(&call.named(2, &["cell"])),
            ("sql", false) => self.sql(&line),
            // `time`, `capture` and the like run what they are given.
            (_, true) => self.evaluate(&call.named(2, &["cell"])),
            _ => {}
        }
    }
}
