//! From a value that is called to the name the tables know it by.

use super::{Means, tables};
use crate::inline::reader::Reader;
use crate::inline::value::{Is, Marks, PATH, Value};
use crate::understand::{Language, UNKNOWN};

const ENVIRONMENTS: &[&str] =
    &["os.environ", "process.env", "ENV", "$ENV", "$_ENV", "$_SERVER", "Deno.env", "Bun.env", "os.environb"];
const STREAMS: &[&str] =
    &["sys.stdin", "process.stdin", "STDIN", "$stdin", "$STDIN", "io.stdin", "sys.stdin.buffer"];
const PREFIXES: &[&str] = &[
    "globalThis.",
    "global.",
    "window.",
    "self.",
    "builtins.",
    "__builtins__.",
    "__builtin__.",
    "Kernel.",
    "CORE::",
    "_G.",
];
const SECRETS: &[&str] =
    &["SECRET", "TOKEN", "PASSWORD", "PASSWD", "API_KEY", "APIKEY", "PRIVATE", "CREDENTIAL", "ACCESS_KEY"];

impl Reader<'_> {
    /// What a name means that nobody assigned.
    pub(in crate::inline) fn global(&mut self, name: &str) -> Value {
        let mut plain = name;
        while let Some(rest) = PREFIXES.iter().find_map(|prefix| plain.strip_prefix(prefix)) {
            plain = rest;
        }
        if ENVIRONMENTS.contains(&plain) {
            return Value::name(plain).marked(Marks::ENVIRONMENT);
        }
        if STREAMS.contains(&plain) {
            self.seen.stdin = true;
            return Value::name(plain).marked(Marks::STDIN);
        }
        match plain {
            // What a browser keeps of the person who is signed in.
            "document.cookie" | "localStorage" | "sessionStorage"
                if self.language == Language::JavaScript =>
            {
                Value::name(plain).marked(Marks::SECRET)
            }
            "__dirname" | "__DIR__" | "import.meta.dirname" | "os.curdir" => Value::plain("."),
            "os.sep" | "path.sep" | "os.path.sep" | "File.SEPARATOR" => Value::plain("/"),
            "sys.executable" => Value::plain("python3"),
            "process.execPath" => Value::plain("node"),
            "PHP_EOL" | "os.linesep" | "os.EOL" => Value::plain("\n"),
            "sys.argv" | "process.argv" | "ARGV" | "$ARGV" | "$argv" => {
                let before = match self.language {
                    Language::JavaScript => vec![Value::plain("node")],
                    Language::Python | Language::Php => vec![Value::plain("-c")],
                    _ => Vec::new(),
                };
                Value::list(before.into_iter().chain(self.arguments.iter().cloned()).collect())
            }
            "$special" => Value::unknown(Marks::NONE),
            _ if !plain.contains('.') && !self.seen.wildcards.is_empty() => {
                let mut found = self.seen.wildcards.iter().map(|module| format!("{module}.{plain}"));
                let found = found.find(|name| tables::find(self.language, name).is_some());
                Value::name(found.unwrap_or_else(|| plain.to_owned()))
            }
            _ => Value::name(plain),
        }
    }

    pub(in crate::inline) fn is_environment(&self, value: &Value) -> bool {
        matches!(&*value.is, Is::Name(name) if ENVIRONMENTS.contains(&name.as_str()))
    }

    /// One variable of the environment.
    pub(in crate::inline) fn variable(&self, name: &str) -> Value {
        match name {
            "HOME" | "USERPROFILE" => Value::plain("~"),
            "PWD" | "INIT_CWD" => Value::plain("."),
            "TMPDIR" | "TEMP" | "TMP" => Value::plain("/tmp"),
            _ => {
                let upper = name.to_ascii_uppercase();
                let secret = SECRETS.iter().any(|word| upper.contains(word));
                Self::hidden(if secret { Marks::SECRET } else { Marks::NONE })
            }
        }
    }

    /// What is behind a dot.
    pub(in crate::inline) fn member(&mut self, value: &Value, name: &str) -> Value {
        self.member_called(value, name, false)
    }

    pub(in crate::inline) fn member_called(&mut self, value: &Value, name: &str, called: bool) -> Value {
        match &*value.is {
            Is::Either(all) => {
                let all = all.clone();
                let members = all.iter().map(|one| self.member_called(one, name, called)).collect();
                Value::either(members)
            }
            Is::Name(_) if self.is_environment(value) && !called && self.language != Language::Ruby => {
                self.variable(name)
            }
            Is::Name(_) if matches!(name, "__dict__" | "promises" | "default" | "__globals__") => {
                value.clone()
            }
            Is::Name(of) => {
                let made = self.global(&format!("{of}.{name}"));
                // A method of a stream gives what the stream holds; one variable is not the environment.
                if value.marks.has(Marks::STDIN) { made.marked(Marks::STDIN) } else { made }
            }
            Is::Map(_) => value
                .at(name)
                .unwrap_or_else(|| Value::new(Is::Member(value.clone(), name.to_owned()), value.marks)),
            Is::Made(by, arguments) if by == PATH && name == "parent" => {
                let text = arguments.first().map(Value::shown).unwrap_or_default();
                let parent = match text.rsplit_once('/') {
                    Some(("", _)) => "/".to_owned(),
                    Some((parent, _)) => parent.to_owned(),
                    None if text.contains(UNKNOWN) => text,
                    None => ".".to_owned(),
                };
                self.path(&Value::text(parent, value.marks))
            }
            _ => Value::new(Is::Member(value.clone(), name.to_owned()), value.marks),
        }
    }

    /// The name a value is called by.
    pub(in crate::inline) fn key(&self, callee: &Value) -> String {
        key(callee)
    }

    /// What a call of that name means.
    pub(in crate::inline) fn means(&self, key: &str) -> Option<Means> {
        let key =
            key.strip_prefix("process.mainModule.").or_else(|| key.strip_prefix("module.")).unwrap_or(key);
        tables::find(self.language, key).or_else(|| {
            let at = key.rfind(['.', ':'])?;
            let last = key.get(at + 1..)?;
            tables::find(self.language, &format!("*.{last}"))
        })
    }

    /// Whether the tables know it.
    pub(in crate::inline) fn known_call(&self, callee: &Value) -> bool {
        matches!(&*callee.is, Is::Name(_) | Is::Member(..)) && self.means(&self.key(callee)).is_some()
    }

    /// What a function gets that is an argument of this call.
    pub(in crate::inline) fn flows(&self, key: &str, callee: &Value) -> Option<Value> {
        let of = match &*callee.is {
            Is::Member(of, _) => Some(of.clone()),
            _ => None,
        };
        let marks = match self.means(key) {
            Some(Means::Read(_) | Means::Open(_)) => Marks::FILE,
            Some(Means::Fetch(_) | Means::Options(_) | Means::Connect | Means::Request | Means::Listen) => {
                Marks::NETWORK
            }
            Some(Means::Stdin) => Marks::STDIN,
            _ => of.as_ref().map_or(callee.marks, |of| of.marks),
        };
        // What a promise of a module gives is the module.
        if let Is::Name(name) = &*callee.is
            && let Some(module) = name.strip_suffix(".then")
        {
            return Some(Value::name(module));
        }
        match of {
            Some(of) if matches!(&*of.is, Is::List(_)) => Some(of),
            _ if marks == Marks::NONE => None,
            _ => Some(Value::unknown(marks)),
        }
    }
}

fn key(callee: &Value) -> String {
    match &*callee.is {
        Is::Name(name) => name.clone(),
        Is::Text(text) => text.clone(),
        Is::Made(by, _) => format!("{by}()"),
        Is::Member(of, name) => {
            let of = match &*of.is {
                Is::Name(of) => of.clone(),
                Is::Text(_) => "''".to_owned(),
                Is::List(_) => "[]".to_owned(),
                Is::Map(_) => "{}".to_owned(),
                Is::Made(by, _) if by == PATH => by.clone(),
                Is::Made(by, _) => format!("{by}()"),
                _ => "?".to_owned(),
            };
            format!("{of}.{name}")
        }
        Is::Either(all) => all.first().map(key).unwrap_or_default(),
        _ => String::new(),
    }
}
