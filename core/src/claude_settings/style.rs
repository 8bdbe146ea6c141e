//! How a file is written: its line ends and its indentation, so that what we add looks as if it had always been there.

use jsonc_parser::ast::Value;
use serde_json::Value as Json;

/// A file's habits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Style {
    newline: &'static str,
    unit: String,
    /// Everything stands on one line.
    pub one_line: bool,
}

impl Style {
    /// Reads the habits off the text; two spaces and `\n` where it shows none.
    pub fn of(text: &str, root: Option<&Value<'_>>) -> Self {
        let first = root.and_then(Value::as_object).and_then(|root| root.properties.first());
        let unit = first.map(|first| indentation(text, first.range.start)).filter(|unit| !unit.is_empty());
        let one_line = first.is_some() && !text.trim().contains('\n');
        Self {
            newline: if text.contains("\r\n") { "\r\n" } else { "\n" },
            unit: unit.map_or_else(|| "  ".into(), str::to_owned),
            one_line,
        }
    }

    /// A line break and an indentation.
    pub fn line(&self, indent: &str) -> String {
        format!("{}{indent}", self.newline)
    }

    /// One step deeper.
    pub fn deeper(&self, indent: &str) -> String {
        format!("{indent}{}", self.unit)
    }

    /// A value whose first line stands at `indent`. Lists of plain values stay on one line.
    pub fn render(&self, value: &Json, indent: &str) -> String {
        let is_plain = |value: &Json| !value.is_object() && !value.is_array();
        let deeper = self.deeper(indent);
        let (open, items, close) = match value {
            Json::Object(fields) if !fields.is_empty() => {
                let items =
                    fields.iter().map(|(name, value)| self.field(name, value, &deeper)).collect::<Vec<_>>();
                ('{', items, '}')
            }
            Json::Array(list) if list.iter().any(|item| !is_plain(item)) => {
                ('[', list.iter().map(|item| self.render(item, &deeper)).collect(), ']')
            }
            Json::Array(list) => {
                let items: Vec<_> = list.iter().map(Json::to_string).collect();
                return format!("[{}]", items.join(", "));
            }
            plain => return plain.to_string(),
        };
        if self.one_line {
            return format!("{open}{}{close}", items.join(", "));
        }
        let separator = format!(",{}", self.line(&deeper));
        format!("{open}{}{}{}{close}", self.line(&deeper), items.join(&separator), self.line(indent))
    }

    /// A field whose line stands at `indent`.
    pub fn field(&self, name: &str, value: &Json, indent: &str) -> String {
        format!("{}: {}", Json::from(name), self.render(value, indent))
    }
}

/// The white space at the start of the line an offset stands on.
pub(super) fn indentation(text: &str, offset: usize) -> &str {
    let before = text.get(..offset).unwrap_or_default();
    let line = text.get(before.rfind('\n').map_or(0, |at| at + 1)..).unwrap_or_default();
    let end = line.find(|c: char| c != ' ' && c != '\t').unwrap_or(line.len());
    line.get(..end).unwrap_or_default()
}
