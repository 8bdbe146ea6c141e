//! Programs that only read what they are given and print what they make of it, and those that only run a program for
//! another machine. An option that makes a program start one of them (`sort --compress-program=gzip`, `rg --pre zcat`)
//! runs nothing that anybody has to ask about.

use crate::understand::{UNKNOWN, Word};

/// Sums, converters and what prints: an operand of theirs is something to read.
const READERS: [&str; 31] = [
    "bzcat",
    "cat",
    "cksum",
    "column",
    "cut",
    "expand",
    "fold",
    "gzcat",
    "head",
    "hexdump",
    "jq",
    "lz4cat",
    "lzcat",
    "md5sum",
    "nl",
    "od",
    "printf",
    "rev",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "shasum",
    "sort",
    "strings",
    "tac",
    "tail",
    "tr",
    "wc",
    "xzcat",
    "zcat",
    "zstdcat",
];
/// Packers and others that leave what they make in the place of their operand, or in the second one.
const PACKERS: [&str; 23] = [
    "brotli",
    "bunzip2",
    "bzip2",
    "false",
    "gunzip",
    "gzip",
    "lbzip2",
    "lz4",
    "lzma",
    "lzop",
    "pbzip2",
    "pdftotext",
    "pigz",
    "plzip",
    "pxz",
    "true",
    "uniq",
    "unlz4",
    "unxz",
    "unzstd",
    "xxd",
    "xz",
    "zstd",
];
/// Programs that a build may put between its tools and what they compile, and linkers.
const BUILDERS: [&str; 12] = [
    "ccache", "clang", "clang++", "distcc", "g++", "gcc", "ld", "ld.lld", "lld", "mold", "rust-lld",
    "sccache",
];
/// Programs that run another one which the caller appends: emulators and watchers of memory.
const EMULATORS: [&str; 6] = ["box64", "rosetta", "valgrind", "wine", "wine64", "wasmtime"];
/// Folders that only an administrator or a package manager fills.
const FOLDERS: [&str; 6] = ["/bin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "/usr/sbin", "/sbin"];

/// Whether a command line starts nothing else: alone, one after the other or in a pipe.
pub(crate) fn only_filters(command: &Word) -> bool {
    let text = command.text.as_str();
    // What runs something inside it, writes somewhere or is not known is looked at by others.
    if text.contains(UNKNOWN) || text.contains(['`', '>', '<', '\n']) || text.contains("$(") {
        return false;
    }
    let Some(text) = without_quoted(text) else { return false };
    let mut parts = text.split([';', '|', '&']).map(str::trim).filter(|part| !part.is_empty()).peekable();
    parts.peek().is_some() && parts.all(is_filter)
}

/// The value of `KEY=VALUE` where the value is a command line, as cargo's configuration has it: `target.x.runner="qemu-arm"`.
pub(super) fn only_builders(setting: &Word) -> bool {
    let Some((key, value)) = setting.text.split_once('=') else { return false };
    let trimmed = value.trim().trim_matches(['"', '\'']);
    let key = key.trim();
    let name = key.rsplit('.').next().unwrap_or(key);
    let (program, rest) = trimmed.split_once(' ').unwrap_or((trimmed, ""));
    let Some(program) = known_name(program) else { return false };
    match name {
        "runner" => is_emulator(program, rest),
        "linker" | "rustc-wrapper" | "rustc-workspace-wrapper" => {
            rest.is_empty()
                && (BUILDERS.contains(&program)
                    || ["-gcc", "-g++", "-clang", "-ld"].iter().any(|end| program.ends_with(end)))
        }
        _ => false,
    }
}

/// A simple command, in which texts in quotes are left out.
fn is_filter(command: &str) -> bool {
    let (program, rest) = command.split_once([' ', '\t']).unwrap_or((command, ""));
    known_name(program).is_some_and(|program| {
        let reads = READERS.contains(&program);
        (reads || PACKERS.contains(&program)) && !names_output(program, reads, rest)
            || is_emulator(program, rest)
    })
}

/// Whether a filter is told where to write: by an option, or by an operand that it does not only read.
fn names_output(program: &str, reads: bool, rest: &str) -> bool {
    rest.split_whitespace().any(|word| match word.strip_prefix('-') {
        Some(option) => {
            let long = option.strip_prefix('-');
            long.is_some_and(|name| name.starts_with('o'))
                || long.is_none() && option.contains('o') && program != "od"
        }
        None => !reads,
    })
}

/// An emulator that is given nothing to run but what the caller appends: each word is an option, or the value of one.
fn is_emulator(program: &str, rest: &str) -> bool {
    let user = program.strip_prefix("qemu-").is_some_and(|machine| {
        !machine.is_empty()
            && !matches!(machine, "img" | "nbd" | "io" | "ga")
            && !machine.starts_with("system")
    });
    if !user && !EMULATORS.contains(&program) {
        return false;
    }
    let mut valued = false;
    rest.split_whitespace().all(|word| {
        let is_value =
            std::mem::replace(&mut valued, user && matches!(word, "-L" | "-cpu" | "-s" | "-R" | "-B"));
        is_value || word.starts_with('-')
    })
}

/// The name of a program that is found where programs are.
fn known_name(program: &str) -> Option<&str> {
    match program.rsplit_once('/') {
        Some((folder, name)) => FOLDERS.contains(&folder).then_some(name),
        None => Some(program),
    }
}

/// The text with nothing of what stands in quotes, which is data to a filter; `None` where quotes are escaped.
fn without_quoted(text: &str) -> Option<String> {
    let (mut out, mut open) = (String::with_capacity(text.len()), None);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match open {
            Some(quote) if letter == quote => open = None,
            Some('"') if letter == '\\' && matches!(letters.peek(), Some('"' | '\\')) => return None,
            Some(_) => {}
            None if letter == '\\' => return None,
            None if matches!(letter, '"' | '\'') => {
                open = Some(letter);
                // A word all the same.
                out.push('_');
            }
            None => out.push(letter),
        }
    }
    open.is_none().then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_start_nothing_else() {
        for command in [
            "gzip",
            "/usr/bin/zstd -T0 -3",
            "zcat",
            "wc -l",
            r#"printf "%s;\n" "$TAR_FILENAME"; wc -c"#,
            "xz -d | sha256sum",
            "qemu-riscv64 -L /usr/riscv64-linux-gnu",
            "valgrind -q --error-exitcode=1",
        ] {
            assert!(only_filters(&Word::plain(command)), "{command}");
        }
        for command in [
            "",
            "sh",
            "/tmp/gzip",
            "./gzip",
            "gzip; sh x",
            "wc -l | sh",
            "cat $(x)",
            "cat `x`",
            "cat > /etc/x",
            "wc\nsh",
            "\"gzip\"",
            "'wc' -l",
            "$Z",
            "qemu-system-x86_64 disk.img",
            "qemu-arm /tmp/x",
            "valgrind ./x",
            "uniq list /etc/hosts",
            "xxd -r a b",
            "gzip notes.txt",
            "sort -uo /etc/hosts",
            "sort --output=x",
            "env sh",
            r#"printf \"; sh; \""#,
            r#"wc "\"; sh; ""#,
        ] {
            assert!(!only_filters(&Word::plain(command)), "{command}");
        }
        assert!(!only_filters(&Word::unknown(crate::understand::Taint::NONE)));
    }

    #[test]
    fn a_build_may_name_its_tools() {
        for setting in [
            "target.armv7.runner=\"qemu-arm -L /usr/arm-linux-gnueabihf\"",
            "target.x.linker='clang'",
            "target.x.linker=\"aarch64-linux-gnu-gcc\"",
            "build.rustc-wrapper=\"sccache\"",
        ] {
            assert!(only_builders(&Word::plain(setting)), "{setting}");
        }
        for setting in [
            "target.x.runner=\"sh -c\"",
            "target.x.runner=[\"sh\", \"-c\"]",
            "target.x.linker=\"/tmp/ld\"",
            "build.rustc=\"gcc\"",
            "runner",
        ] {
            assert!(!only_builders(&Word::plain(setting)), "{setting}");
        }
    }
}
