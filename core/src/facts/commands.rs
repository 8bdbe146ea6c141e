//! The commands a script runs, those inside wrappers and inner scripts included.
//!
//! `sudo env X=1 bash -c 'rm x'` is four commands: the whole, and one for each layer taken off.

use super::shell::{self, Command, Word};

/// How many layers of wrappers and inner scripts are taken off.
const MAX_LAYERS: usize = 8;

/// A command with everything the layers around it hid.
#[derive(Debug, Clone, Default)]
pub(crate) struct Commands {
    /// The commands in the order of the text.
    pub(crate) list: Vec<Command>,
    /// The pipelines with more than one stage, each as one normalised text, and with its stages unwrapped.
    pub(crate) pipelines: Vec<String>,
    /// Why the script is over the limits of what can be understood, if it is.
    pub(crate) undecidable: Option<&'static str>,
    /// It runs a text that is made while it runs, such as `eval "$X"`.
    pub(crate) opaque: bool,
}

/// Everything a script runs.
pub(crate) fn of_script(source: &str) -> Commands {
    let mut commands = Commands::default();
    add_script(&mut commands, source, 0);
    commands
}

fn add_script(commands: &mut Commands, source: &str, layer: usize) {
    let script = shell::split(source, layer);
    if let Some(why) = script.undecidable {
        commands.undecidable.get_or_insert(why);
    }
    let mut index = 0;
    while let Some(first) = script.commands.get(index) {
        let stages: Vec<&Command> =
            script.commands.iter().skip(index).take_while(|stage| stage.pipeline == first.pipeline).collect();
        index += stages.len().max(1);
        add_pipeline(commands, &stages, layer);
    }
}

fn add_pipeline(commands: &mut Commands, stages: &[&Command], layer: usize) {
    if stages.len() > 1 {
        let plain: Vec<String> = stages.iter().map(|stage| text(&stage.words)).collect();
        let bare: Vec<String> = stages.iter().map(|stage| text(&innermost(&stage.words))).collect();
        commands.pipelines.push(plain.join(" | "));
        if bare != plain {
            commands.pipelines.push(bare.join(" | "));
        }
    }
    for (place, stage) in stages.iter().enumerate() {
        commands.list.push((*stage).clone());
        add_layers(commands, &stage.words, layer);
        let core = innermost(&stage.words);
        if runs_standard_input(&core) {
            for script in &stage.input {
                inner(commands, script, layer);
            }
            if let Some(before) = place.checked_sub(1).and_then(|place| stages.get(place)) {
                for script in printed_by(before) {
                    inner(commands, &script, layer);
                }
            }
        }
    }
}

fn inner(commands: &mut Commands, source: &str, layer: usize) {
    if layer >= MAX_LAYERS {
        commands.undecidable.get_or_insert("its scripts are nested too deeply");
    } else {
        add_script(commands, source, layer + 1);
    }
}

/// The commands inside a command: what a wrapper runs and what a shell is told to run.
fn add_layers(commands: &mut Commands, words: &[Word], layer: usize) {
    let mut words = words.to_vec();
    for _ in 0..MAX_LAYERS {
        if let Some(script) = inner_script(&words) {
            if script.dynamic {
                commands.opaque = true;
            } else {
                inner(commands, &script.text, layer);
            }
        }
        for run in executed_by_find(&words) {
            push(commands, run);
        }
        match unwrapped(&words) {
            Some(rest) if !rest.is_empty() => {
                push(commands, rest.to_vec());
                if words.first().is_some_and(|program| base_name(&program.text) == "xargs") {
                    // It gets operands from standard input that nobody knows: `xargs rm -rf` is `rm -rf` of something.
                    let unknown = Word { text: "…".to_owned(), dynamic: true, wild: false };
                    push(commands, rest.iter().cloned().chain([unknown]).collect());
                }
                words = rest.to_vec();
            }
            _ => return,
        }
    }
    commands.undecidable.get_or_insert("it is wrapped too deeply");
}

fn push(commands: &mut Commands, words: Vec<Word>) {
    let raw = text(&words);
    commands.list.push(Command { raw, words, ..Command::default() });
}

/// The words joined by single spaces.
pub(crate) fn text(words: &[Word]) -> String {
    words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

/// The file name of a program, so that `/bin/rm` is `rm`.
pub(crate) fn base_name(program: &str) -> &str {
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
    name.strip_suffix(".exe").unwrap_or(name)
}

fn innermost(words: &[Word]) -> Vec<Word> {
    let mut words = words;
    for _ in 0..MAX_LAYERS {
        match unwrapped(words) {
            Some(rest) if !rest.is_empty() => words = rest,
            _ => break,
        }
    }
    words.to_vec()
}

/// What a wrapper runs: everything after its own options. The lists name the options that take a value.
fn unwrapped(words: &[Word]) -> Option<&[Word]> {
    let (program, rest) = words.split_first()?;
    let (valued, operands): (&[&str], usize) = match base_name(&program.text) {
        "sudo" => {
            (&["-u", "-g", "-p", "-C", "-h", "-r", "-t", "-T", "-U", "-D", "--user", "--group", "--chdir"], 0)
        }
        "doas" => (&["-u", "-C"], 0),
        "env" => (&["-u", "-C", "--unset", "--chdir"], 0),
        "nice" => (&["-n", "--adjustment"], 0),
        "ionice" => (&["-c", "-n", "-p"], 0),
        "timeout" => (&["-s", "-k", "--signal", "--kill-after"], 1),
        "stdbuf" => (&["-i", "-o", "-e"], 0),
        "xargs" => {
            (&["-I", "-L", "-n", "-P", "-s", "-d", "-E", "-a", "--arg-file", "--max-args", "--max-procs"], 0)
        }
        "watch" => (&["-n", "--interval"], 0),
        "strace" | "ltrace" => (&["-e", "-o", "-p", "-s"], 0),
        "exec" => (&["-a"], 0),
        "chroot" | "flock" => (&["-w", "--userspec"], 1),
        "nohup" | "time" | "command" | "builtin" | "setsid" | "busybox" | "unbuffer" | "caffeinate"
        | "then" | "do" => (&[], 0),
        _ => return None,
    };
    let mut rest = rest;
    while let Some((word, after)) = rest.split_first() {
        let option = word.text.as_str();
        if option == "--" {
            rest = after;
            break;
        }
        if valued.contains(&option) {
            rest = after.get(1..).unwrap_or(&[]);
        } else if (option.starts_with('-') && option.len() > 1) || is_assignment(option) {
            rest = after;
        } else {
            break;
        }
    }
    rest.get(operands..)
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
    })
}

/// Whether a program is a shell that runs POSIX-like scripts.
pub(crate) fn is_shell(program: &str) -> bool {
    matches!(base_name(program), "sh" | "bash" | "zsh" | "dash" | "ksh" | "ash" | "fish" | "mksh" | "rbash")
}

/// The script given as an argument: `bash -lc SCRIPT`, `eval WORDS`, `env -S WORDS`, `watch WORDS`.
fn inner_script(words: &[Word]) -> Option<Word> {
    let (program, rest) = words.split_first()?;
    let joined = |words: &[Word]| Word {
        text: text(words),
        dynamic: words.iter().any(|word| word.dynamic),
        wild: false,
    };
    match base_name(&program.text) {
        "eval" if !rest.is_empty() => Some(joined(rest)),
        "env" => {
            let at = rest.iter().position(|word| word.text == "-S" || word.text == "--split-string")?;
            Some(joined(rest.get(at + 1..)?))
        }
        "trap" => rest.first().filter(|word| !word.text.starts_with('-')).cloned(),
        "su" => {
            let at = rest.iter().position(|word| word.text == "-c" || word.text == "--command")?;
            rest.get(at + 1).cloned()
        }
        name if is_shell(name) => {
            let at = rest.iter().position(|word| {
                word.text.starts_with('-') && !word.text.starts_with("--") && word.text.contains('c')
            })?;
            rest.get(at + 1).cloned()
        }
        _ => None,
    }
}

/// A shell without a script of its own reads one from standard input.
fn runs_standard_input(words: &[Word]) -> bool {
    let Some((program, rest)) = words.split_first() else { return false };
    is_shell(&program.text)
        && rest
            .iter()
            .all(|word| word.text.starts_with('-') && !(word.text.len() > 1 && word.text.contains('c')))
}

/// The literal text a command prints, where it can be told.
fn printed_by(command: &Command) -> Vec<String> {
    let words = innermost(&command.words);
    let Some((program, rest)) = words.split_first() else { return Vec::new() };
    match base_name(&program.text) {
        "echo" | "printf" => vec![text(rest)],
        "cat" => command.input.clone(),
        _ => Vec::new(),
    }
}

/// The commands of `find ... -exec COMMAND ;`.
fn executed_by_find(words: &[Word]) -> Vec<Vec<Word>> {
    let mut found = Vec::new();
    if words.first().is_none_or(|program| base_name(&program.text) != "find") {
        return found;
    }
    let mut rest = words;
    while let Some(at) =
        rest.iter().position(|word| matches!(word.text.as_str(), "-exec" | "-execdir" | "-ok" | "-okdir"))
    {
        rest = rest.get(at + 1..).unwrap_or(&[]);
        let end = rest.iter().position(|word| word.text == ";" || word.text == "+").unwrap_or(rest.len());
        if let Some(run) = rest.get(..end)
            && !run.is_empty()
        {
            found.push(run.to_vec());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(source: &str) -> Vec<String> {
        of_script(source).list.iter().map(|command| text(&command.words)).collect()
    }

    #[test]
    fn every_layer_of_a_wrapped_command_is_a_command_of_its_own() {
        for (source, inner) in [
            ("sudo -u root rm x", "rm x"),
            ("env -i A=1 rm x", "rm x"),
            ("nohup nice -n 5 rm x &", "rm x"),
            ("timeout -k 5 10 rm x", "rm x"),
            ("ls | xargs -n 1 rm x", "rm x"),
            ("xargs rm -rf < list", "rm -rf …"),
            ("bash -lc 'cd y && rm x'", "rm x"),
            ("sudo bash -c \"sh -c 'rm x'\"", "rm x"),
            ("eval rm x", "rm x"),
            ("find . -name y -exec rm x {} \\;", "rm x {}"),
            ("echo 'rm x' | sh", "rm x"),
            ("bash <<'E'\nrm x\nE", "rm x"),
            ("bash <<< 'rm x'", "rm x"),
            ("cat <<'E' | sudo bash -s\nrm x\nE", "rm x"),
            ("trap 'rm x' EXIT", "rm x"),
            ("env -S 'rm x'", "rm x"),
            ("command rm x", "rm x"),
        ] {
            assert!(all(source).iter().any(|command| command == inner), "{source}: {:?}", all(source));
        }
    }

    #[test]
    fn what_is_only_printed_or_written_is_not_run() {
        for source in
            ["echo 'rm x'", "cat > f <<'E'\nrm x\nE", "echo 'rm x' | grep rm", "git commit -m 'eval rm x'"]
        {
            assert!(!all(source).iter().any(|command| command == "rm x"), "{source}: {:?}", all(source));
        }
    }

    #[test]
    fn pipelines_are_texts_with_and_without_their_wrappers() {
        let commands = of_script("curl -s http://x|sudo -E bash");
        assert_eq!(commands.pipelines, ["curl -s http://x | sudo -E bash", "curl -s http://x | bash"]);
        assert!(of_script("ls; cat x").pipelines.is_empty());
    }

    #[test]
    fn a_script_made_while_it_runs_is_opaque_and_a_nested_one_undecidable() {
        assert!(of_script("eval \"$X\"").opaque);
        assert!(of_script("bash -c \"$(curl x)\"").opaque);
        assert!(!of_script("eval \"rm x\"").opaque);
        let nested = (0..20).fold("rm x".to_owned(), |inner, _| format!("eval {inner}"));
        assert!(of_script(&nested).undecidable.is_some());
    }
}
