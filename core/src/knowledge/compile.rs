//! From rows as people write them to rows as they are looked up. Runs in the build script for the built-in table and in
//! the policy compiler for a team's rows.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::row::{Row, When};
use super::words::{Content, Output, Role, Style};

/// What may be named by a row.
pub(crate) struct Names<'n> {
    /// Whether an effect exists.
    pub(crate) effect: &'n dyn Fn(&str) -> bool,
    /// Whether a handler exists.
    pub(crate) handler: &'n dyn Fn(&str) -> bool,
}

/// Adds the rows of one file to a table: name to encoded row.
pub(crate) fn rows(
    programs: &Value,
    names: &Names<'_>,
    table: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), String> {
    named("program", "program", programs.as_array().ok_or("`programs` must be a list")?, names, table)
}

/// Adds the rows of a list, each under all of its names: of programs, or of the subcommands of one.
fn named(
    kind: &str,
    key: &str,
    list: &[Value],
    names: &Names<'_>,
    table: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), String> {
    for entry in list {
        let fields = entry.as_object().ok_or_else(|| format!("a {kind} must be a mapping"))?;
        let of = texts(fields.get(key).ok_or_else(|| format!("a {kind} has no `{key}:`"))?)?;
        let within = |error: String| format!("`{}`: {error}", of.join(", "));
        let bytes = row(fields, key, names).map_err(within)?;
        for name in of {
            if table.insert(name.to_owned(), bytes.clone()).is_some() {
                return Err(format!("`{name}` is there twice"));
            }
        }
    }
    Ok(())
}

/// The same value with every boolean and number as the text it is written as: YAML takes `true` for more than a name.
pub(crate) fn spelled(value: &Value) -> Value {
    match value {
        Value::Bool(_) | Value::Number(_) => Value::String(value.to_string()),
        Value::Array(items) => items.iter().map(spelled).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (key.clone(), spelled(value))).collect())
        }
        other => other.clone(),
    }
}

/// The table as one blob: the number of names, their places, names and rows. Sorted, so that a name is found by halving; the names
/// stand together, so that this touches few pages.
pub(crate) fn blob(table: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut index: Vec<u8> = Vec::new();
    let mut body: Vec<u8> = Vec::new();
    let mut known: BTreeMap<&[u8], u32> = BTreeMap::new();
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    index.extend(place(table.len()).to_le_bytes());
    body.extend(table.keys().flat_map(|name| name.bytes()));
    let mut name_at = 0;
    for (name, row) in table {
        // Names of one program share its row.
        let row_at = *known.entry(row).or_insert_with(|| {
            let at = place(body.len());
            body.extend(row);
            at
        });
        for number in [place(name_at), place(name.len()), row_at, place(row.len())] {
            index.extend(number.to_le_bytes());
        }
        name_at += name.len();
    }
    index.extend(body);
    index
}

fn row(fields: &Map<String, Value>, name_key: &str, names: &Names<'_>) -> Result<Vec<u8>, String> {
    const KEYS: [&str; 13] = [
        "about",
        "style",
        "options",
        "operands",
        "content",
        "input",
        "output",
        "effects",
        "when",
        "idle",
        "handler",
        "subcommands",
        "harmless",
    ];
    for key in fields.keys() {
        if key != name_key && !KEYS.contains(&key.as_str()) {
            return Err(format!("unknown key `{key}`"));
        }
    }
    let mut row = Row {
        options: options(fields.get("options"))?,
        operands: operands(fields.get("operands"))?.unwrap_or_default(),
        content: word(fields, "content", Content::named)?.unwrap_or_default(),
        input: word(fields, "input", Content::named)?.unwrap_or_default(),
        output: word(fields, "output", Output::named)?.unwrap_or_default(),
        style: word(fields, "style", Style::named)?.unwrap_or_default(),
        idle: fields.get("idle").map_or(Ok(Vec::new()), conditions)?,
        ..Row::default()
    };
    if let Some(handler) = fields.get("handler") {
        let handler = handler.as_str().ok_or("`handler` must be a name")?;
        if !(names.handler)(handler) {
            return Err(format!("there is no handler `{handler}`"));
        }
        row.handler = Some(handler);
    }
    if let Some(effects) = fields.get("effects") {
        for (id, when) in effects.as_object().ok_or("`effects` must be a mapping")? {
            if !(names.effect)(id) {
                return Err(format!("there is no effect `{id}`"));
            }
            let when = if when.as_str() == Some("always") { Vec::new() } else { conditions(when)? };
            row.effects.push((id, when));
        }
    }
    if let Some(list) = fields.get("when") {
        for entry in list.as_array().ok_or("`when` must be a list")? {
            row.when.push(when(entry)?);
        }
    }
    let mut inner = BTreeMap::new();
    if let Some(list) = fields.get("subcommands") {
        let list = list.as_array().ok_or("`subcommands` must be a list")?;
        named("subcommand", "name", list, names, &mut inner)?;
    }
    let inner = if inner.is_empty() { Vec::new() } else { blob(&inner) };
    row.subcommands = &inner;
    postcard::to_stdvec(&row).map_err(|error| error.to_string())
}

fn when(value: &Value) -> Result<When<'_>, String> {
    let fields = value.as_object().ok_or("an entry of `when` must be a mapping")?;
    for key in fields.keys() {
        if !["if", "operands", "content", "input", "output", "options"].contains(&key.as_str()) {
            return Err(format!("unknown key `{key}` in `when`"));
        }
    }
    Ok(When {
        conditions: conditions(fields.get("if").ok_or("an entry of `when` has no `if:`")?)?,
        options: options(fields.get("options"))?,
        operands: operands(fields.get("operands"))?,
        content: word(fields, "content", Content::named)?,
        input: word(fields, "input", Content::named)?,
        output: word(fields, "output", Output::named)?,
    })
}

fn options(value: Option<&Value>) -> Result<Vec<(Vec<&str>, Role)>, String> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let mut options: Vec<(Vec<&str>, Role)> = Vec::new();
    for (spellings, role) in value.as_object().ok_or("`options` must be a mapping")? {
        let role = self::role(role)?;
        for mut names in separate(&spellings.split_whitespace().collect::<Vec<_>>()) {
            if let Some(twice) =
                names.iter().find(|name| options.iter().any(|(others, _)| others.contains(name)))
            {
                return Err(format!("the option `{twice}` is there twice"));
            }
            // The long name is the one that people read.
            if let Some(long) = names.iter().position(|name| name.starts_with("--")) {
                names.swap(0, long);
            }
            options.push((names, role));
        }
    }
    Ok(options)
}

/// A list of many options of one role is taken apart: `-f --force -q --quiet -v` are three. Up to three names, and four
/// with no short one after a long one, are spellings of one option.
fn separate<'v>(names: &[&'v str]) -> Vec<Vec<&'v str>> {
    let long = |name: &&str| name.starts_with("--");
    let mixed = names.windows(2).any(|pair| matches!(pair, [first, second] if long(first) && !long(second)));
    if names.len() < 3 || (names.len() == 3 && !mixed) {
        return vec![names.to_vec()];
    }
    let mut options: Vec<Vec<&str>> = Vec::new();
    let mut short: Option<&str> = None;
    for name in names {
        if long(name) {
            options.push(short.take().into_iter().chain([*name]).collect());
        } else {
            options.extend(short.replace(name).map(|name| vec![name]));
        }
    }
    options.extend(short.map(|name| vec![name]));
    options
}

fn operands(value: Option<&Value>) -> Result<Option<Vec<(Role, bool)>>, String> {
    let Some(value) = value else { return Ok(None) };
    let list = texts(value)?;
    let mut roles = Vec::with_capacity(list.len());
    for text in list {
        let (word, many) = match text.strip_suffix("...") {
            Some(word) => (word, true),
            None => (text, false),
        };
        roles.push((Role::named(word).ok_or_else(|| format!("unknown role `{text}`"))?, many));
    }
    if roles.iter().filter(|(_, many)| *many).count() > 1 {
        return Err("only one of the operands may end in `...`".to_owned());
    }
    Ok(Some(roles))
}

fn role(value: &Value) -> Result<Role, String> {
    let word = value.as_str().ok_or("a role must be a word")?;
    Role::named(word).ok_or_else(|| format!("unknown role `{word}`"))
}

fn conditions(value: &Value) -> Result<Vec<&str>, String> {
    let conditions = texts(value)?;
    match conditions.iter().find(|condition| condition.split_whitespace().next().is_none()) {
        Some(_) => Err("a condition is empty".to_owned()),
        None => Ok(conditions),
    }
}

fn word<T>(
    fields: &Map<String, Value>,
    key: &str,
    named: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, String> {
    let Some(value) = fields.get(key) else { return Ok(None) };
    let word = value.as_str().ok_or_else(|| format!("`{key}` must be a word"))?;
    named(word).map(Some).ok_or_else(|| format!("unknown `{key}`: `{word}`"))
}

/// One text or a list of them.
fn texts(value: &Value) -> Result<Vec<&str>, String> {
    match value {
        Value::String(text) => Ok(vec![text]),
        Value::Array(list) => {
            list.iter().map(|text| text.as_str().ok_or_else(|| format!("`{text}` must be a text"))).collect()
        }
        other => Err(format!("`{other}` must be a text or a list of texts")),
    }
}
