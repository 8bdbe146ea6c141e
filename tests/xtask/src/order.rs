//! `cargo xtask order`: the order in which the linker lays the functions and constants of a hook, from a trace of what hooks do.
//!
//! A page that is touched for the first time costs a fault, and each fault brings sixteen pages: a few kilobytes here and there in a
//! large program cost more time than all they do. So the functions that run in a hook are written to `cli/hook.ld`, in the order of
//! their first instruction, and so are the constants they read; `cli/build.rs` hands that file to the linker. Most constants have
//! no name but a number, which the next change of the source gives to another: the last commit before a release is that of this file.
//! `cargo xtask budget` counts the windows of sixteen pages that a hook touches, and so says when the file has aged.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::process::Run;
use crate::workshop::{Outcome, Workshop, read};
use crate::{Result, say, tools};

/// What the kernel maps at one fault: `fault_around_bytes`, 64 KiB unless somebody changed it.
const WINDOW: u64 = 64 * 1024;

/// The file of `cli` that names the functions.
const ORDER: &str = "cli/hook.ld";

/// What hooks are asked, most frequent first: the event, and the payload but for what all have in common.
const CALLS: [(&str, &str); 10] = [
    ("pre-tool-use", r#""PreToolUse","tool_name":"Bash","tool_input":{"command":"git status"}"#),
    (
        "post-tool-use",
        r#""PostToolUse","tool_name":"Bash","tool_input":{"command":"git status"},"tool_response":{"stdout":"On branch main\nnothing to commit, working tree clean","stderr":"","interrupted":false,"isImage":false}"#,
    ),
    ("pre-tool-use", r#""PreToolUse","tool_name":"Read","tool_input":{"file_path":"PROJECT/src/main.rs"}"#),
    (
        "post-tool-use",
        r#""PostToolUse","tool_name":"Read","tool_input":{"file_path":"PROJECT/src/main.rs"},"tool_response":{"type":"text","file":{"filePath":"PROJECT/src/main.rs","content":"fn main() {\n    println!(\"hello\");\n}\n","numLines":3,"startLine":1,"totalLines":3}}"#,
    ),
    (
        "pre-tool-use",
        r#""PreToolUse","tool_name":"Edit","tool_input":{"file_path":"PROJECT/src/main.rs","old_string":"hello","new_string":"let token = read_token();"}"#,
    ),
    (
        "pre-tool-use",
        r#""PreToolUse","tool_name":"Bash","tool_input":{"command":"cd src && for f in *.rs; do grep -n TODO \"$f\" | head -5; done > /tmp/todo.txt 2>&1"}"#,
    ),
    (
        "pre-tool-use",
        r#""PreToolUse","tool_name":"Write","tool_input":{"file_path":"PROJECT/notes.md","content":"A note with a key: value pair, a token of nobody and https://example.com/page"}"#,
    ),
    (
        "pre-tool-use",
        r#""PreToolUse","tool_name":"Bash","tool_input":{"command":"cargo test --workspace && git commit -m 'All tests pass' && git push origin main"}"#,
    ),
    (
        "pre-tool-use",
        r#""PreToolUse","tool_name":"Bash","tool_input":{"command":"sudo rm -rf / --no-preserve-root"}"#,
    ),
    (
        "pre-tool-use",
        r#""PreToolUse","tool_name":"Write","tool_input":{"file_path":"PROJECT/src/lib.rs","content":"LONG"}"#,
    ),
];

/// What `LONG` stands for, 250 times: a text of 20 KB goes other ways than a line of a command.
const LINE: &str =
    r#"    let token = parser.next(&input, \"key = value\")?; // see https://example.com/docs\n"#;

/// Traces the hooks of a release build and writes the file.
pub(crate) fn run(workshop: &Workshop) -> Result<Outcome> {
    let valgrind = match tools::valgrind() {
        Ok(program) => program,
        Err(why) => return Ok(Outcome::LeftOut(why)),
    };
    let map = workshop.target("order/map");
    let folder = workshop.target("order/work");
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(failed)?;
    }
    std::fs::create_dir_all(folder.join("home")).map_err(failed)?;
    std::fs::create_dir_all(folder.join("project/src")).map_err(failed)?;
    std::fs::write(folder.join("project/src/main.rs"), "fn main() {}\n").map_err(failed)?;
    let program = built(workshop, |run| run.env("AGENTFIREWALL_LINK_MAP", &map))?;
    let pieces = pieces(&read(&map).map_err(|error| format!("{error} (the linker writes no map)"))?);
    let mut order = Vec::new();
    let mut known = BTreeSet::new();
    for (call, (event, rest)) in CALLS.into_iter().enumerate() {
        let rest = rest.replace("PROJECT", &folder.join("project").display().to_string());
        let rest = rest.replace("LONG", &LINE.repeat(250));
        let payload = folder.join("payload.json");
        let text = format!(
            r#"{{"session_id":"order","transcript_path":"/nowhere","cwd":"{}","permission_mode":"default","tool_use_id":"toolu_order","hook_event_name":{rest}}}"#,
            folder.join("project").display()
        );
        std::fs::write(&payload, text).map_err(failed)?;
        let hook = |run: Run| {
            run.args(["hook", event])
                .bare()
                .env("HOME", folder.join("home"))
                .env("CLAUDE_PROJECT_DIR", folder.join("project"))
                .folder(&folder.join("project"))
                .input(&payload)
        };
        for address in trace(&valgrind, &program, &hook)? {
            let Some((begin, piece)) = pieces.range(..=address).next_back() else { continue };
            if address < begin + piece.size && known.insert(*begin) {
                order.push((call, piece));
            }
        }
    }
    // The empty string of C, which `statx` is given for an open file, is read by the system alone: no trace shows it. It is one of a
    // hundred constants of one byte.
    let bytes = pieces.iter().filter(|(_, piece)| {
        piece.size == 1 && piece.member.is_none() && piece.section.starts_with(CONSTANT)
    });
    order.extend(bytes.filter(|(begin, _)| known.insert(**begin)).map(|(_, piece)| (0, piece)));
    let of = |kind: &'static str| order.iter().filter(move |(_, piece)| piece.section.starts_with(kind));
    let (functions, relocated): (Vec<&Piece>, Vec<&Piece>) =
        (of(CODE).map(|(_, piece)| *piece).collect(), of(RELOCATED).map(|(_, piece)| *piece).collect());
    let constants: Vec<(usize, &Piece)> = of(CONSTANT).copied().collect();
    if functions.is_empty() {
        return Err("the trace names no function".to_owned());
    }
    let path = workshop.path(ORDER);
    let text = format!(
        "{}{}{}",
        script(&functions, &pieces),
        script_of_constants(&constants),
        script_of_relocated(&relocated)
    );
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    say::line(&format!(
        "{ORDER}: {} functions and {} constants; build once more to lay them so",
        functions.len(),
        constants.len() + relocated.len()
    ));
    Ok(Outcome::Done)
}

/// The release build of the program by itself, as people build it: together with others its parts have other features and other names,
/// which the file does not know.
pub(crate) fn built(workshop: &Workshop, with: impl FnOnce(Run) -> Run) -> Result<PathBuf> {
    let build = ["build", "--release", "--locked", "--package", "agentfirewall", "--bins"];
    with(Run::cargo().args(build)).folder(workshop.root()).run()?;
    Ok(workshop.target("release").join(format!("agentfirewall{}", std::env::consts::EXE_SUFFIX)))
}

/// The linker script that lays these constants, each with the number of the first call that reads it, behind what the loader reads:
/// those that the linker merges (numbers of a few bytes, which have no names), the small ones, then the tables, of which a hook reads a
/// little here and there: those of the first call first, and of one call the largest last.
fn script_of_constants(order: &[(usize, &Piece)]) -> String {
    let (small, mut large): (Vec<_>, Vec<_>) = order.iter().partition(|(_, piece)| piece.size <= TABLE);
    large.sort_by_key(|(call, piece)| (*call, piece.size));
    let lines = lines(small.into_iter().chain(large).map(|(_, piece)| piece));
    format!(
        "SECTIONS\n{{\n  .rodata.hook : {{\n    *(.rodata.cst*)\n{lines}  }}\n}}\nINSERT AFTER .rela.plt;\n"
    )
}

/// The linker script that lays these constants, which hold addresses, before the others of their kind: beside what the loader reads.
fn script_of_relocated(order: &[&Piece]) -> String {
    let lines = lines(order.iter().copied());
    format!(
        "SECTIONS\n{{\n  .data.rel.ro : {{\n{lines}    *(.data.rel.ro .data.rel.ro.*)\n  }}\n}}\nINSERT AFTER .init_array;\n"
    )
}

/// A line of a linker script for each name, once.
fn lines<'p>(order: impl Iterator<Item = &'p Piece>) -> String {
    let mut said = BTreeSet::new();
    let names = order.map(|piece| piece.named(&pattern(&piece.section)));
    names.filter(|name| said.insert(name.clone())).map(|name| format!("    {name}\n")).collect()
}

/// From how many bytes on a constant is a table.
const TABLE: u64 = 4 * 1024;

/// How the names of sections begin that hold a function, that hold a constant, and that hold one with addresses in it.
const CODE: &str = ".text";
const CONSTANT: &str = ".rodata";
const RELOCATED: &str = ".data.rel.ro";

/// The linker script that lays these functions in this order, before all other code: with the pieces of the C library's start and the
/// jumps into it, from where a window begins.
///
/// Hashes in names differ with the compiler and with the features of a build, so a name stands for all functions that are
/// called so; where those are many, the instances of a generic function, only the exact name is meant, and the others follow
/// at the end if they are small.
fn script(order: &[&Piece], functions: &BTreeMap<u64, Piece>) -> String {
    let mut alike: BTreeMap<String, u64> = BTreeMap::new();
    for function in functions.values().filter(|function| function.member.is_none()) {
        *alike.entry(pattern(&function.section)).or_default() += function.size;
    }
    let mut wanted: BTreeMap<String, u64> = BTreeMap::new();
    for function in order.iter().filter(|function| function.member.is_none()) {
        *wanted.entry(pattern(&function.section)).or_default() += function.size;
    }
    let mut lines: Vec<String> = Vec::new();
    let mut last = Vec::new();
    let mut said = BTreeSet::new();
    for function in order {
        let pattern = pattern(&function.section);
        if function.member.is_some() {
            lines.push(function.named(&function.section));
            continue;
        }
        let (all, traced) =
            (alike.get(&pattern).copied().unwrap_or(0), wanted.get(&pattern).copied().unwrap_or(0));
        if all <= 2 * traced + 256 {
            if said.insert(pattern.clone()) {
                lines.push(function.named(&pattern));
            }
            continue;
        }
        lines.push(function.named(&function.section));
        if all <= SMALL && said.insert(pattern.clone()) {
            last.push(function.named(&pattern));
        }
    }
    let mut script = format!(
        "/* Written by `cargo xtask order`: what a hook runs through, in the order of its first instruction. */\n\
         SECTIONS\n{{\n  .init : ALIGN({WINDOW}) {{ *(.init) }}\n  .fini : {{ *(.fini) }}\n  .plt : {{ *(.plt) }}\n  \
         .text.hook : {{\n    *crt1.o(.text)\n    *crtbegin*.o(.text)\n"
    );
    for line in lines.into_iter().chain(last) {
        // Writing to a String cannot fail.
        let _written = writeln!(script, "    {line}");
    }
    script.push_str("  }\n}\nINSERT BEFORE .text;\n");
    script
}

/// Up to how many bytes all instances of a generic function are laid beside the others.
const SMALL: u64 = 8 * 1024;

/// The name of a section without its hashes: `17h` and sixteen digits in Rust's old mangling, `Cs` and a number to base 62 in the
/// new one, `.llvm.` and a number from the optimiser.
fn pattern(section: &str) -> String {
    let mut pattern = String::with_capacity(section.len());
    let mut rest = section;
    while let Some(letter) = rest.chars().next() {
        let hash = if let Some(after) = rest.strip_prefix("17h") {
            // `E` ends the name; it would also pass for a digit.
            let (digits, end) = after.as_bytes().split_at_checked(16).unwrap_or_default();
            (digits.iter().all(u8::is_ascii_hexdigit) && end.first() == Some(&b'E')).then_some((3, 19))
        } else if let Some(after) = rest.strip_prefix("Cs") {
            let digits = after.bytes().take_while(u8::is_ascii_alphanumeric).count();
            (digits > 0 && after.as_bytes().get(digits) == Some(&b'_')).then_some((2, 2 + digits))
        } else {
            let number = |after: &str| after.bytes().take_while(u8::is_ascii_digit).count();
            rest.strip_prefix(".llvm.").map(|after| (6, 6 + number(after)))
        };
        let (kept, length) = hash.unwrap_or((letter.len_utf8(), letter.len_utf8()));
        pattern.push_str(rest.get(..kept).unwrap_or_default());
        if hash.is_some() {
            pattern.push('*');
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    pattern
}

/// How many windows of the program's file a hook touches, code and constants together.
pub(crate) fn windows(valgrind: &Path, program: &Path, hook: &dyn Fn(Run) -> Result<Run>) -> Result<usize> {
    let file = std::fs::read(program).map_err(|error| format!("{}: {error}", program.display()))?;
    let mut seen = BTreeSet::new();
    for address in trace(valgrind, program, hook)? {
        seen.insert(address / WINDOW);
    }
    let places = segments(&file);
    let touched = |window: &&u64| {
        places.iter().any(|(begin, end)| **window >= begin / WINDOW && **window <= (end - 1) / WINDOW)
    };
    Ok(seen.iter().filter(touched).count())
}

/// The addresses that a hook's instructions have, and what they read and write, in order.
fn trace(valgrind: &Path, program: &Path, hook: &dyn Fn(Run) -> Result<Run>) -> Result<Vec<u64>> {
    // Once before: the policy is compiled and the log begun.
    hook(Run::new(program))?.finish()?;
    let log = program.with_file_name("hook.trace");
    let run = Run::new(valgrind)
        .args(["--tool=lackey", "--trace-mem=yes"])
        .arg(format!("--log-file={}", log.display()))
        .arg(program);
    hook(run)?.finish()?;
    let text = read(&log)?;
    // Some tens of megabytes that nobody reads again.
    std::fs::remove_file(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    Ok(text.lines().filter_map(address).collect())
}

/// The address in a line of the trace: `I  0023C790,2` is an instruction, ` L `, ` S ` and ` M ` are data.
fn address(line: &str) -> Option<u64> {
    let (kind, rest) = line.split_at_checked(3)?;
    if !matches!(kind, "I  " | " L " | " S " | " M ") {
        return None;
    }
    u64::from_str_radix(rest.split(',').next()?, 16).ok()
}

/// A function or a constant that has a section of its own.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    /// In bytes.
    size: u64,
    section: String,
    /// The part of the C library's archive that it is all the code or all the constants of, as a linker script names it.
    member: Option<String>,
}

impl Piece {
    /// What a linker script says for it, by this name of the section.
    fn named(&self, section: &str) -> String {
        format!("*{}({section})", self.member.as_deref().unwrap_or_default())
    }
}

/// The archive of the C library: its functions have no sections of their own, its files are small.
const LIBC: &str = "libc.a";

/// The functions and constants in the linker's map that have a section of their own, by address. Constants that the linker merges
/// with others like them (`.rodata.cst16`, `.rodata.str1.1`) have none.
///
/// A line of lld's map is an address, a load address, a size, an alignment and, for a section of an input file, `file:(section)`.
fn pieces(map: &str) -> BTreeMap<u64, Piece> {
    let hex = |text: Option<&str>| u64::from_str_radix(text?, 16).ok();
    let mut found = BTreeMap::new();
    for line in map.lines() {
        let Some((file, section)) = line.strip_suffix(')').and_then(|line| line.rsplit_once(":(")) else {
            continue;
        };
        // `/x/libc.a(malloc.o)`
        let (archive, name) = file.trim_end_matches(')').rsplit_once('(').unwrap_or_default();
        let member = archive.ends_with(LIBC).then(|| format!("{LIBC}:{name}"));
        let mut columns = line.split_whitespace();
        let (Some(begin), Some(_), Some(size)) = (hex(columns.next()), columns.next(), hex(columns.next()))
        else {
            continue;
        };
        let merged = [".rodata.cst", ".rodata.str"].iter().any(|name| section.starts_with(name));
        let kinds = [CODE, CONSTANT, RELOCATED];
        let kind = kinds.iter().find_map(|kind| section.strip_prefix(kind));
        let own = kind.is_some_and(|rest| rest.starts_with('.')) || (kind.is_some() && member.is_some());
        if size > 0 && own && !merged {
            found.insert(begin, Piece { size, section: section.to_owned(), member });
        }
    }
    found
}

/// A number of an ELF file.
fn number(file: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = file.get(at..at + length)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Whether a 64-bit little-endian ELF file names a loader that starts it (`PT_INTERP`, 3).
pub(crate) fn has_interpreter(file: &[u8]) -> bool {
    headers(file).iter().any(|at| number(file, *at, 4) == Some(3))
}

/// Where the program headers of such a file are. Offsets as `elf(5)` has them.
fn headers(file: &[u8]) -> Vec<usize> {
    let place = |at: u64| usize::try_from(at).ok();
    let (Some(table), Some(size), Some(count)) =
        (number(file, 32, 8), number(file, 54, 2), number(file, 56, 2))
    else {
        return Vec::new();
    };
    (0..count).filter_map(|header| place(table + header * size)).collect()
}

/// The loaded parts of a 64-bit little-endian ELF file that are not written to: begin and end. Offsets as `elf(5)` has them.
fn segments(file: &[u8]) -> Vec<(u64, u64)> {
    let segment = |at: usize| {
        let (kind, flags) = (number(file, at, 4)?, number(file, at + 4, 4)?);
        let (begin, length) = (number(file, at + 16, 8)?, number(file, at + 40, 8)?);
        // PT_LOAD; PF_W is 2: what is written to is private anyway.
        (kind == 1 && length > 0 && flags & 2 == 0).then_some((begin, begin + length))
    };
    headers(file).into_iter().filter_map(segment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_trace_are_addresses() {
        assert_eq!(address("I  0023C790,2"), Some(0x23_C790));
        assert_eq!(address(" L 1FFE7E,8"), Some(0x1F_FE7E));
        assert_eq!(address("==12== Counted 1 call to main()"), None);
    }

    #[test]
    fn functions_and_constants_come_from_their_sections() {
        let map = "     VMA  LMA Size Align Out In Symbol\n\
            \x20 750d00   750d00       20    16         /x/a.o:(.text._ZN1a1b17h0E)\n\
            \x20 750d00   750d00        0     1                 a::b\n\
            \x20 750d20   750d20       10    16         /x/a.o:(.text.unlikely._ZN1a1c17h1E)\n\
            \x20 750d30   750d30       10    16         /x/b.o:(.text)\n\
            \x20 750d40   750d40       80    16         /x/libc.a(malloc.o):(.text)\n\
            \x20 203000   203000       48     8         <internal>:(.rodata.cst8)\n\
            \x20 203048   203048       48     8         /x/a.o:(.rodata..Lanon.0123.7)\n\
            \x20 f03048   f03048       18     8         /x/a.o:(.data.rel.ro..Lanon.0123.9)\n";
        let found = pieces(map);
        assert_eq!(found.len(), 5);
        assert_eq!(found[&0x75_0d40].named(".text"), "*libc.a:malloc.o(.text)");
        assert_eq!(found[&0x75_0d00].named(".text.a"), "*(.text.a)");
        assert_eq!(found[&0xf0_3048].section, ".data.rel.ro..Lanon.0123.9");
        assert_eq!(found[&0x20_3048].section, ".rodata..Lanon.0123.7");
        assert_eq!(
            found[&0x75_0d00],
            Piece { size: 0x20, section: ".text._ZN1a1b17h0E".to_owned(), member: None }
        );
        assert_eq!(found[&0x75_0d20].section, ".text.unlikely._ZN1a1c17h1E");
    }

    #[test]
    fn hashes_are_no_part_of_a_name() {
        for (section, wanted) in [
            (".text._ZN5serde2de17h0123456789abcdefE", ".text._ZN5serde2de17h*E"),
            (".text._ZN5serde2de17habcE", ".text._ZN5serde2de17habcE"),
            (".text._RNvCsjrHSEGnQ3l9_3std", ".text._RNvCs*_3std"),
            (".text._ZN1a1b17h0123456789abcdefE.llvm.77", ".text._ZN1a1b17h*E.llvm.*"),
            (".text.main", ".text.main"),
        ] {
            assert_eq!(pattern(section), wanted);
        }
    }

    #[test]
    fn generic_functions_are_meant_one_by_one() {
        let function = |size, name: &str, hash: u8| Piece {
            size,
            section: format!(".text._ZN{name}17h{hash:016x}E"),
            member: None,
        };
        let mut all = BTreeMap::new();
        for (number, size) in [(0_u8, 100), (1, 9_000), (2, 400)] {
            all.insert(u64::from(number), function(size, "4many", number));
        }
        all.insert(9, function(5_000, "3one", 9));
        let script = script(&[&all[&0], &all[&9]], &all);
        assert!(
            script.contains("    *(.text._ZN4many17h0000000000000000E)\n    *(.text._ZN3one17h*E)\n  }"),
            "{script}"
        );
    }

    #[test]
    fn small_constants_stand_before_tables() {
        let constant = |size, name: &str| Piece { size, section: format!(".rodata.{name}"), member: None };
        let all = [
            (1, constant(5_000, "rare")),
            (0, constant(200_000, "large")),
            (0, constant(100_000, "table")),
            (2, constant(8, ".Lanon.a.1")),
            (0, constant(8, "_ZN1a17h0123456789abcdefE")),
        ];
        let order: Vec<_> = all.iter().map(|(call, piece)| (*call, piece)).collect();
        let script = script_of_constants(&order);
        let lines = "    *(.rodata.cst*)\n    *(.rodata..Lanon.a.1)\n    *(.rodata._ZN1a17h*E)\n    *(.rodata.table)\n    \
                     *(.rodata.large)\n    *(.rodata.rare)\n  }";
        assert!(script.contains(lines), "{script}");
    }

    #[test]
    fn constants_with_addresses_stand_before_the_others_of_their_kind() {
        let piece = Piece { size: 8, section: ".data.rel.ro..Lanon.a.2".to_owned(), member: None };
        let script = script_of_relocated(&[&piece, &piece]);
        let lines =
            "  .data.rel.ro : {\n    *(.data.rel.ro..Lanon.a.2)\n    *(.data.rel.ro .data.rel.ro.*)\n  }";
        assert!(script.contains(lines), "{script}");
    }

    #[test]
    fn this_very_program_has_code_and_constants() {
        let file = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let found = segments(&file);
        assert!(cfg!(not(target_os = "linux")) || found.len() > 1);
        assert!(segments(b"no program").is_empty());
    }
}
