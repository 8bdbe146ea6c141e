//! `sed` and `awk`: the first operand is a program unless an option gives one, the others are files.

use agentfirewall_sdk::Access;

use super::super::parse::Parsed;
use super::super::words::{Content, Language};
use super::touch;
use crate::understand::{Doing, Run, Word};

pub(super) fn sed(parsed: &Parsed<'_>, doing: &mut Doing) {
    let in_place = parsed.has("--in-place") || parsed.has("-I");
    let mut programs: Vec<Word> =
        parsed.given("--expression").filter_map(|given| given.value.clone()).collect();
    let mut files = parsed.operands.as_slice();
    if programs.is_empty()
        && !parsed.has("--file")
        && let Some((program, rest)) = files.split_first()
    {
        programs.push(program.clone());
        files = rest;
    }
    for text in programs {
        doing.runs.push(Run::Code {
            language: Language::Sed,
            text,
            arguments: files.to_vec(),
            elsewhere: false,
        });
    }
    for file in files {
        if in_place {
            touch(doing, file, Access::Write, false, Content::Unused);
        } else {
            touch(doing, file, Access::Read, false, Content::Shown);
        }
    }
    if !files.is_empty() || in_place {
        doing.input = Content::Unused;
    }
}

pub(super) fn awk(parsed: &Parsed<'_>, doing: &mut Doing) {
    let mut files = parsed.operands.as_slice();
    if !parsed.has("--file")
        && !parsed.has("--source")
        && !parsed.has("--exec")
        && let Some((program, rest)) = files.split_first()
    {
        files = rest;
        doing.runs.push(Run::Code {
            language: Language::Awk,
            text: program.clone(),
            arguments: rest.to_vec(),
            elsewhere: false,
        });
    }
    let in_place = parsed.value("--include").is_some_and(|value| value.text == "inplace");
    for file in files.iter().filter(|file| !file.text.contains('=')) {
        if in_place {
            touch(doing, file, Access::Write, false, Content::Unused);
        } else {
            touch(doing, file, Access::Read, false, Content::Shown);
        }
        doing.input = Content::Unused;
    }
}
