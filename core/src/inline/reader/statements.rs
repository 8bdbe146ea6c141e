//! Statements: imports, definitions, loops, assignments.

use super::{Reader, Stream};
use crate::inline::lex::Kind;
use crate::inline::value::{Is, Marks, Value};
use crate::understand::Language;

/// Words before a statement or an expression that change nothing of what is looked for.
pub(super) const SKIPPED: &[&str] = &[
    "if",
    "elif",
    "elsif",
    "else",
    "elseif",
    "try",
    "except",
    "finally",
    "with",
    "async",
    "await",
    "yield",
    "assert",
    "raise",
    "throw",
    "new",
    "typeof",
    "void",
    "delete",
    "not",
    "unless",
    "do",
    "end",
    "then",
    "begin",
    "rescue",
    "ensure",
    "my",
    "our",
    "local",
    "const",
    "let",
    "var",
    "export",
    "default",
    "in",
    "and",
    "or",
    "case",
    "when",
    "switch",
    "catch",
    "global",
    "static",
    "public",
    "private",
    "protected",
    "return",
    "is",
    "repeat",
    "nonlocal",
    "declare",
    "readonly",
];

impl Reader<'_> {
    /// Statements up to the end, or up to the bracket that ends a block.
    pub(super) fn statements(&mut self, s: &mut Stream, end: Option<usize>) {
        while !s.done() && end.is_none_or(|end| s.at < end) {
            let start = s.at;
            if !self.spend(1) {
                s.at = s.tokens.len();
                return;
            }
            self.statement(s);
            if s.at == start {
                s.at += 1;
            }
        }
    }

    fn statement(&mut self, s: &mut Stream) {
        if let Some(token) = s.token(0)
            && token.fresh
        {
            s.conditional = s.blocks > 0 || (self.language == Language::Python && token.indented);
        }
        match s.mark(0) {
            "{" if self.language != Language::Python => {
                s.blocks += 1;
                s.at += 1;
                return;
            }
            "}" => {
                s.blocks = s.blocks.saturating_sub(1);
                s.at += 1;
                return;
            }
            ":" => {
                s.conditional = s.conditional || self.language == Language::Python;
                s.at += 1;
                return;
            }
            "@" | ";" => {
                if s.mark(0) == ";" && s.blocks == 0 && self.language != Language::Python {
                    s.conditional = false;
                }
                s.at += 1;
                return;
            }
            _ => {}
        }
        let word = s.name(0).to_owned();
        match word.as_str() {
            "import" | "from" if self.imports(s) => return,
            "use" if matches!(self.language, Language::Perl | Language::Php) => {
                // The list of a module's names says nothing.
                while !s.done() && !s.eat(";") {
                    s.at += 1;
                }
                return;
            }
            "def" | "function" | "sub" | "fn" | "class" | "module" | "interface" if !s.name(1).is_empty() => {
                s.at += 2;
                if word != "class" && s.mark(0) == "(" {
                    self.parameters(s, &Value::unknown(Marks::NONE));
                }
                return;
            }
            "for" | "foreach" => return self.each_of(s),
            "while" | "until" | "loop" => {
                self.endless(s);
                s.at += 1;
                return;
            }
            "const" | "let" | "var" | "my" | "our" | "local" if matches!(s.mark(1), "{" | "[" | "(") => {
                s.at += 1;
                return self.destructured(s);
            }
            "print" if self.language == Language::Python && s.mark(1) != "(" => {
                s.at += 1;
                let value = self.expression(s);
                self.shown(&[value]);
                return;
            }
            word if SKIPPED.contains(&word) && s.mark(1) != "(" => {
                s.at += 1;
                return;
            }
            _ => {}
        }
        // `a, b = x, y`
        let names = self.names(s);
        if names.len() > 1 && s.mark(names.len() * 2 - 1) == "=" {
            s.at += names.len() * 2;
            let first = self.expression(s);
            let mut values = vec![first];
            while s.eat(",") {
                values.push(self.expression(s));
            }
            let whole = if values.len() == 1 { values.pop() } else { Some(Value::list(values)) };
            return self.unpack(&names, &whole.unwrap_or_else(|| Value::unknown(Marks::NONE)), s.conditional);
        }
        let value = self.expression(s);
        if s.name(0) == "as" && self.language == Language::Python {
            let name = s.name(1).to_owned();
            self.assign(&name, value, false);
            s.at += 2;
        }
    }

    /// Names with commas between them.
    fn names(&self, s: &Stream) -> Vec<String> {
        let mut names = Vec::new();
        while names.len() < 16 && !s.name(names.len() * 2).is_empty() {
            names.push(s.name(names.len() * 2).to_owned());
            if s.mark(names.len() * 2 - 1) != "," {
                break;
            }
        }
        names
    }

    pub(super) fn unpack(&mut self, names: &[String], value: &Value, conditional: bool) {
        let alternatives = value.alternatives();
        for (index, name) in names.iter().enumerate() {
            let its = alternatives
                .iter()
                .map(|one| match &*one.is {
                    Is::List(all) => all.get(index).cloned().unwrap_or_else(|| Value::unknown(one.marks)),
                    _ if names.len() == 1 => one.clone(),
                    // The method or the entry of that name.
                    _ => Value::unknown(one.marks),
                })
                .collect();
            self.assign(name, Value::either(its), conditional);
        }
    }

    pub(super) fn assign(&mut self, name: &str, value: Value, conditional: bool) {
        if name.is_empty() {
            return;
        }
        let value = match self.variables.get(name) {
            Some(old) if conditional => Value::either(vec![old.clone(), value]),
            _ => value,
        };
        self.variables.insert(name.to_owned(), value);
    }

    /// `const {a, b: c} = value`, `my ($a, $b) = value`.
    fn destructured(&mut self, s: &mut Stream) {
        let end = s.ends.get(s.at).copied().unwrap_or(usize::MAX).min(s.tokens.len());
        let by_name = s.mark(0) == "{";
        let mut pairs: Vec<(String, String)> = Vec::new();
        s.at += 1;
        while s.at < end {
            let key = s.name(0).to_owned();
            if !key.is_empty() {
                let renamed = s.mark(1) == ":" && !s.name(2).is_empty();
                let name = if renamed { s.name(2).to_owned() } else { key.clone() };
                if renamed {
                    s.at += 2;
                }
                pairs.push((key, name));
            }
            s.at += 1;
        }
        s.at = end.saturating_add(1);
        if !s.eat("=") {
            return;
        }
        let value = self.expression(s);
        if by_name {
            for (key, name) in pairs {
                let its = self.member(&value, &key);
                self.assign(&name, its, s.conditional);
            }
        } else {
            let names: Vec<String> = pairs.into_iter().map(|(_, name)| name).collect();
            if self.language == Language::Perl && names.len() == 1 {
                let first = value.items().into_iter().next().unwrap_or(value);
                return self.unpack(&names, &first, s.conditional);
            }
            self.unpack(&names, &value, s.conditional);
        }
    }

    /// Parameters in brackets: whatever they are, they are no longer what was outside.
    pub(super) fn parameters(&mut self, s: &mut Stream, value: &Value) {
        let end = s.ends.get(s.at).copied().unwrap_or(usize::MAX).min(s.tokens.len());
        let mut first = true;
        while s.at < end {
            let name = s.name(0).to_owned();
            if !name.is_empty() && matches!(s.mark(1), "," | ")" | "=" | ":" | "}" | "]" | "|") {
                let its = match &*value.is {
                    Is::List(_) if first => Value::either(value.items()),
                    Is::List(_) => Value::unknown(value.marks),
                    _ => value.clone(),
                };
                first = false;
                self.assign(&name, its, false);
            }
            s.at += 1;
        }
        s.at = end.saturating_add(1);
    }

    fn endless(&mut self, s: &Stream) {
        let first = usize::from(s.mark(1) == "(") + 1;
        let forever = matches!(s.name(first), "True" | "true" | "fork")
            || matches!(s.token(first).map(|token| &token.kind), Some(Kind::Number(number)) if *number != 0)
            || (s.name(0) == "loop" && (matches!(s.name(1), "do") || s.mark(1) == "{"))
            || (s.name(first) == "os" && s.name(first + 2) == "fork");
        self.seen.endless |= forever;
        if forever && (s.name(first) == "fork" || s.name(first + 2) == "fork" || self.seen.forks) {
            self.effect("filesystem.fork-bomb", "fork in an endless loop");
        }
    }

    fn each_of(&mut self, s: &mut Stream) {
        s.at += 1;
        if s.mark(0) == "(" && s.mark(1) == ";" && s.mark(2) == ";" {
            self.seen.endless = true;
            s.at += 1;
            return;
        }
        if s.name(0) == "await" {
            s.at += 1;
        }
        let bracket = s.mark(0) == "(";
        // `for x in`, `for (const x of`
        let mut names = Vec::new();
        for ahead in 0..16 {
            match s.name(ahead) {
                "in" | "of" if ahead > 0 => {
                    s.at += ahead + 1;
                    let value = self.expression(s);
                    return self.bind(&names, &value);
                }
                "const" | "let" | "var" | "my" | "our" | "local" => {}
                "" => {
                    if !matches!(s.mark(ahead), "(" | "," | ")" | "[" | "]" | "{" | "}") {
                        break;
                    }
                }
                name => names.push(name.to_owned()),
            }
        }
        match self.language {
            Language::Php if bracket => {
                s.at += 1;
                let value = self.expression(s);
                if s.name(0) == "as" {
                    let keyed = s.mark(2) == "=>";
                    let name = s.name(if keyed { 3 } else { 1 }).to_owned();
                    s.at += if keyed { 4 } else { 2 };
                    self.bind(&[name], &value);
                }
            }
            Language::Perl => {
                while matches!(s.name(0), "my" | "our") {
                    s.at += 1;
                }
                let name = if bracket { "$_".to_owned() } else { s.name(0).to_owned() };
                if !bracket {
                    s.at += 1;
                }
                let value = self.expression(s);
                self.bind(&[name], &value);
            }
            _ => {}
        }
    }

    /// The names of a loop, each of which is any of the items.
    pub(super) fn bind(&mut self, names: &[String], value: &Value) {
        let items = match &*value.is {
            Is::List(all) => Value::either(all.clone()),
            Is::Map(all) => Value::either(all.iter().map(|(key, _)| Value::plain(key.clone())).collect()),
            Is::Either(_) => Value::either(value.items()),
            // Lines of a file, keys, or nobody knows.
            Is::Text(_) | Is::Made(..) if value.marks.has(Marks::GLOB) => value.clone(),
            _ => Value::unknown(value.marks),
        };
        if let [name] = names {
            self.assign(name, items, false);
        } else if self.language == Language::Lua {
            if let Some(name) = names.last() {
                self.assign(name, items, false);
            }
        } else {
            self.unpack(names, &items, false);
        }
    }

    /// An import; `false` where it is none.
    fn imports(&mut self, s: &mut Stream) -> bool {
        match self.language {
            Language::Python => {
                let from = s.name(0) == "from";
                s.at += 1;
                let mut module = self.dotted(s);
                if from {
                    if s.name(0) != "import" {
                        return true;
                    }
                    s.at += 1;
                    let bracket = s.eat("(");
                    loop {
                        let name = s.name(0).to_owned();
                        if s.mark(0) == "*" {
                            self.seen.wildcards.push(module.clone());
                        }
                        s.at += 1;
                        let value = Value::name(format!("{module}.{name}"));
                        if s.name(0) == "as" {
                            let alias = s.name(1).to_owned();
                            self.variables.insert(alias, value);
                            s.at += 2;
                        } else if !name.is_empty() {
                            self.variables.insert(name, value);
                        }
                        if !s.eat(",") {
                            break;
                        }
                    }
                    if bracket {
                        s.eat(")");
                    }
                    return true;
                }
                loop {
                    if s.name(0) == "as" {
                        let alias = s.name(1).to_owned();
                        self.variables.insert(alias, Value::name(module));
                        s.at += 2;
                    }
                    if !s.eat(",") {
                        return true;
                    }
                    module = self.dotted(s);
                }
            }
            Language::JavaScript if s.name(0) == "import" && s.mark(1) != "(" => {
                s.at += 1;
                let start = s.at;
                let mut names: Vec<(String, String)> = Vec::new();
                let mut braces = false;
                while !s.done() && s.at < start + 64 {
                    if let Some(text) = s.text(0) {
                        s.at += 1;
                        let module = super::operands::module(&text);
                        for (key, name) in names {
                            let whole =
                                if key.is_empty() { module.clone() } else { format!("{module}.{key}") };
                            self.variables.insert(name, Value::name(whole));
                        }
                        return true;
                    }
                    match (s.mark(0), s.name(0)) {
                        ("{", _) => braces = true,
                        ("}", _) => braces = false,
                        ("", "from" | "" | "type") => {}
                        ("", name) => {
                            let (key, name) = (name.to_owned(), name.to_owned());
                            if s.name(1) == "as" {
                                let alias = s.name(2).to_owned();
                                s.at += 2;
                                names.push((if braces { key } else { String::new() }, alias));
                            } else {
                                names.push((if braces { key } else { String::new() }, name));
                            }
                        }
                        ("*", _) if s.name(1) == "as" => s.at += 1,
                        _ => {}
                    }
                    s.at += 1;
                }
                true
            }
            _ => false,
        }
    }

    fn dotted(&self, s: &mut Stream) -> String {
        let mut name = s.name(0).to_owned();
        s.at += 1;
        while s.mark(0) == "." && !s.name(1).is_empty() {
            name = format!("{name}.{}", s.name(1));
            s.at += 2;
        }
        name
    }
}
