//! A row of the table as it lies in the blob.

use serde::{Deserialize, Serialize};

use super::words::{Content, Output, Role, Style};

/// A program or one of its subcommands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Row<'a> {
    pub(crate) style: Style,
    /// The spellings of each option, the one that rules use first, and its role.
    #[serde(borrow)]
    pub(crate) options: Vec<(Vec<&'a str>, Role)>,
    /// The roles of the operands; `true` takes all that the others leave.
    pub(crate) operands: Vec<(Role, bool)>,
    pub(crate) content: Content,
    pub(crate) input: Content,
    pub(crate) output: Output,
    /// Each effect with the conditions of which one is enough; none at all means always.
    #[serde(borrow)]
    pub(crate) effects: Vec<(&'a str, Vec<&'a str>)>,
    #[serde(borrow)]
    pub(crate) when: Vec<When<'a>>,
    #[serde(borrow)]
    pub(crate) idle: Vec<&'a str>,
    #[serde(borrow)]
    pub(crate) handler: Option<&'a str>,
    /// The subcommands as a table of their own, of which a row is only read where it is named; no bytes for none.
    #[serde(borrow)]
    pub(crate) subcommands: &'a [u8],
}

/// What holds instead where a condition does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct When<'a> {
    #[serde(borrow)]
    pub(crate) conditions: Vec<&'a str>,
    #[serde(borrow)]
    pub(crate) options: Vec<(Vec<&'a str>, Role)>,
    pub(crate) operands: Option<Vec<(Role, bool)>>,
    pub(crate) content: Option<Content>,
    pub(crate) input: Option<Content>,
    pub(crate) output: Option<Output>,
}
