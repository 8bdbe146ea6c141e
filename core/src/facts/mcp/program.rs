//! Tools that are programs by another name: `git_push {"force": true}` is `git push --force`.

use serde_json::{Map, Value};

use crate::shell::quoted;

/// Programs that servers wrap, by the words of their names.
const PROGRAMS: [&str; 22] = [
    "git",
    "kubectl",
    "docker",
    "helm",
    "terraform",
    "npm",
    "pip",
    "cargo",
    "podman",
    "redis",
    "psql",
    "aws",
    "gcloud",
    "az",
    "gh",
    "pulumi",
    "wrangler",
    "firebase",
    "flyctl",
    "heroku",
    "vercel",
    "netlify",
];

/// Parameters whose values are words of their own.
const NAMES: [&str; 14] = [
    "resourceType",
    "resource_type",
    "kind",
    "resource",
    "remote",
    "image",
    "name",
    "args",
    "arguments",
    "target",
    "branch",
    "flags",
    "files",
    "revision",
];

/// The command line that a tool stands for, if its name or its server's is that of a program.
pub(super) fn line(words: &[String], server: &[String], input: &Value) -> Option<String> {
    let members = input.as_object()?;
    let is_program = |word: &&String| PROGRAMS.contains(&word.as_str());
    let program = match words.iter().find(is_program).or_else(|| server.iter().find(is_program))?.as_str() {
        "redis" => "redis-cli",
        program => program,
    };
    let mut line = program.to_owned();
    let mut push = |word: &str| {
        line.push(' ');
        line.push_str(&quoted(word));
    };
    let given = members.get("command").or_else(|| members.get("subcommand")).and_then(Value::as_str);
    // Where a parameter says which command it is, the tool's name says no more than that it runs one.
    let runs = given.is_some() || words.iter().any(|word| word == "command");
    let verb = words.iter().find(|word| match word.as_str() {
        "generic" | "tool" | "command" => false,
        "execute" | "exec" | "call" => !runs,
        "run" => words.iter().all(|word| word != "command"),
        _ => !is_program(word),
    });
    if let Some(verb) = verb {
        push(verb);
    } else if let Some(given) = given {
        given.split_whitespace().skip_while(|word| *word == program).for_each(&mut push);
    }
    // Options first: what follows a name may be another program's.
    let (options, names): (Vec<_>, Vec<_>) =
        members.iter().partition(|(name, _)| !NAMES.contains(&name.as_str()));
    for (name, value) in options.into_iter().chain(names) {
        match (name.as_str(), value) {
            ("command" | "subcommand" | "cwd" | "repo_path" | "repoPath" | "path", _)
            | (_, Value::Bool(false) | Value::Null) => {}
            (name, Value::Bool(true)) => push(&format!("--{}", dashed(name))),
            ("mode", Value::String(mode)) => push(&format!("--{mode}")),
            (name, Value::String(text)) if NAMES.contains(&name) => {
                text.split_whitespace().for_each(&mut push);
            }
            (name, Value::Array(items)) if NAMES.contains(&name) => {
                items.iter().filter_map(Value::as_str).for_each(&mut push);
            }
            (name, Value::String(text)) if !text.contains('\n') => {
                push(&format!("--{}={text}", dashed(name)));
            }
            (name, Value::Array(items)) => {
                for text in items.iter().filter_map(Value::as_str) {
                    push(&format!("--{}={text}", dashed(name.strip_suffix('s').unwrap_or(name))));
                }
            }
            _ => {}
        }
    }
    Some(line)
}

/// The console that the commands of a server are for, where they are not for a shell.
pub(super) fn console(words: &[String]) -> Option<&'static str> {
    words.iter().find_map(|word| {
        Some(match word.as_str() {
            "redis" | "valkey" => "redis-cli",
            "kubectl" | "kubernetes" | "k8s" => "kubectl",
            "git" => "git",
            _ => return None,
        })
    })
}

/// A command line that runs in a container or a pod, for a tool that does that by its name.
pub(super) fn inside(words: &[String], all: &[String], text: &str) -> Option<String> {
    let says = |words: &[String], names: &[&str]| words.iter().any(|word| names.contains(&word.as_str()));
    if !says(words, &["exec", "execute", "run", "command"]) {
        return None;
    }
    let host = if says(words, &["pod", "pods"])
        || says(words, &["exec"]) && says(all, &["kubernetes", "k8s", "kubectl"])
    {
        "kubectl exec pod -- sh -c"
    } else if says(words, &["container", "containers"]) || says(words, &["exec"]) && says(all, &["docker"]) {
        "docker exec container sh -c"
    } else {
        return None;
    };
    Some(format!("{host} {}", quoted(text)))
}

/// `{"command": ["sh", "-c", "ls"]}`: the words of one command line.
pub(super) fn words_of_command(name: &str, value: &Value) -> Option<String> {
    let words = value.as_array().filter(|_| matches!(name, "command" | "cmd"))?;
    let words: Option<Vec<String>> = words.iter().map(|word| word.as_str().map(quoted)).collect();
    words.filter(|words| words.len() > 1).map(|words| words.join(" "))
}

/// `{"command": "rm", "args": ["-rf", "x"]}` and `{"argv": [...]}` as one command line.
pub(super) fn command_line(members: &Map<String, Value>) -> Option<String> {
    let list = |names: &[&str]| names.iter().find_map(|name| members.get(*name)?.as_array());
    let arguments = list(&["args", "arguments", "argv"])?;
    let program = ["command", "cmd", "program", "executable", "executablePath", "executable_path"]
        .iter()
        .find_map(|name| members.get(*name)?.as_str());
    let mut line = match program {
        Some(program) => program.to_owned(),
        None if members.contains_key("argv") => String::new(),
        None => return None,
    };
    for argument in arguments {
        line.push(' ');
        line.push_str(&quoted(argument.as_str()?));
    }
    Some(line.trim_start().to_owned())
}

/// `forceWithLease` and `force_with_lease` as options are spelled.
fn dashed(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '_' => out.push('-'),
            c if c.is_uppercase() => {
                out.push('-');
                out.extend(c.to_lowercase());
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(tool: &str, server: &str, input: &Value) -> Option<String> {
        line(&super::super::words_of(tool), &super::super::words_of(server), input)
    }

    #[test]
    fn a_tool_is_the_program_it_is_called_by() {
        for (tool, server, input, expected) in [
            ("git_push", "git", json!({"repo_path": "/p", "force": true}), "git push --force"),
            ("git_reset", "x", json!({"mode": "hard"}), "git reset --hard"),
            (
                "kubectl_generic",
                "k",
                json!({"command": "delete", "resourceType": "namespace", "name": "prod"}),
                "kubectl delete namespace prod",
            ),
            (
                "run_container",
                "docker",
                json!({"image": "alpine", "volumes": ["/:/host"], "privileged": true}),
                "docker run --volume=/:/host --privileged alpine",
            ),
        ] {
            assert_eq!(of(tool, server, &input).as_deref(), Some(expected));
        }
        assert_eq!(of("read_file", "files", &json!({"path": "x"})), None);
    }

    #[test]
    fn a_program_and_its_arguments_are_one_command() {
        let line = |value: Value| command_line(value.as_object().unwrap());
        assert_eq!(line(json!({"command": "rm", "args": ["-rf", "a b"]})).as_deref(), Some("rm -rf 'a b'"));
        assert_eq!(line(json!({"argv": ["rm", "-rf", "/"]})).as_deref(), Some("rm -rf /"));
        assert_eq!(line(json!({"arguments": ["x"]})), None);
    }
}
