//! JSON with comments and TOML as one kind of tree that knows where in the text everything stands.

use std::ops::Range;

use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, ast};
use toml::de::{DeTable, DeValue};

/// Nothing an agent reads is nested deeper; parsers that call themselves end before their stack does.
const DEEPEST: usize = 100;

/// A value and the bytes it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub span: Range<usize>,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Bool(bool),
    List(Vec<Node>),
    Table(Vec<(String, Node)>),
    /// A number, a date, nothing.
    Other,
}

impl Node {
    /// The members, if it is a table.
    pub fn members(&self) -> &[(String, Node)] {
        if let Value::Table(members) = &self.value { members } else { &[] }
    }

    /// A member by its name.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.members().iter().find(|(known, _)| known == name).map(|(_, node)| node)
    }

    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    pub fn is(&self, wanted: bool) -> bool {
        self.value == Value::Bool(wanted)
    }

    /// The elements, if it is a list.
    pub fn elements(&self) -> &[Node] {
        if let Value::List(elements) = &self.value { elements } else { &[] }
    }

    /// Shows every member of every table in it, the outer ones first.
    pub fn visit<E>(&self, visitor: &mut dyn FnMut(&str, &Node) -> Result<(), E>) -> Result<(), E> {
        for (name, node) in self.members() {
            visitor(name, node)?;
            node.visit(visitor)?;
        }
        self.elements().iter().try_for_each(|node| node.visit(visitor))
    }
}

/// Reads JSON, with comments and trailing commas as the agents take them.
pub(super) fn json(text: &str) -> Result<Node, String> {
    check_depth(text)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let parsed = jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default())
        .map_err(|error| format!("no valid JSON: {error}"))?;
    Ok(parsed.value.map_or(Node { span: 0..0, value: Value::Other }, from_json))
}

fn from_json(value: ast::Value<'_>) -> Node {
    let range = value.range();
    let value = match value {
        ast::Value::StringLit(text) => Value::Text(text.value.into_owned()),
        ast::Value::BooleanLit(bool) => Value::Bool(bool.value),
        ast::Value::Array(array) => Value::List(array.elements.into_iter().map(from_json).collect()),
        ast::Value::Object(object) => Value::Table(
            object
                .properties
                .into_iter()
                .map(|member| (member.name.into_string(), from_json(member.value)))
                .collect(),
        ),
        ast::Value::NumberLit(_) | ast::Value::NullKeyword(_) => Value::Other,
    };
    Node { span: range.start..range.end, value }
}

/// Reads TOML.
pub(super) fn toml(text: &str) -> Result<Node, String> {
    check_depth(text)?;
    let table = DeTable::parse(text).map_err(|error| format!("no valid TOML: {}", error.message()))?;
    let span = table.span();
    Ok(Node { span, value: from_table(table.into_inner()) })
}

fn from_table(table: DeTable<'_>) -> Value {
    Value::Table(
        table
            .into_iter()
            .map(|(name, value)| {
                let span = value.span();
                (name.into_inner().into_owned(), Node { span, value: from_toml(value.into_inner()) })
            })
            .collect(),
    )
}

fn from_toml(value: DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Boolean(bool) => Value::Bool(bool),
        DeValue::Array(array) => Value::List(
            array
                .into_iter()
                .map(|value| {
                    let span = value.span();
                    Node { span, value: from_toml(value.into_inner()) }
                })
                .collect(),
        ),
        DeValue::Table(table) => from_table(table),
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_) => Value::Other,
    }
}

/// Counts brackets, those in strings too: too strict is the safe side here. Dots nest tables in TOML.
fn check_depth(text: &str) -> Result<(), String> {
    let (mut depth, mut dots) = (0_usize, 0_usize);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'.' => dots += 1,
            b'\n' => dots = 0,
            _ => {}
        }
        if depth > DEEPEST || dots > 100 * DEEPEST {
            return Err(format!("nested more than {DEEPEST} deep"));
        }
    }
    Ok(())
}
