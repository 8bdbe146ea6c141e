//! ELF: what the headers, the dynamic symbols and the needed versions of a library say.

use std::path::{Path, PathBuf};

use agentfirewall_sdk::wire::HANDSHAKE_SYMBOL;
use object::elf::{self, FileHeader64};
use object::endian::Endianness;
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader, SectionTable, Sym};

use super::{Glibc, LibraryError, LibraryFile};
use crate::store::this_triple;

type Header = FileHeader64<Endianness>;
type Sections<'d> = SectionTable<'d, Header>;

/// How many needed versions are looked at: a library has a few dozen, and a forged list can name one entry for ever.
const MAX_VERSIONS: usize = 10_000;

/// Judges everything that does not depend on the running system's version.
pub(super) fn structure(bytes: &[u8]) -> Result<LibraryFile, LibraryError> {
    recognise(bytes)?;
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let cut_off = |needed: u64| LibraryError::CutOff { size, needed };
    let header_size = u64::try_from(size_of::<Header>()).unwrap_or(u64::MAX);
    if size < header_size {
        return Err(cut_off(header_size));
    }
    let header = Header::parse(bytes).map_err(|_| LibraryError::Damaged("its header is not valid"))?;
    let endian = header.endian().map_err(|_| LibraryError::Damaged("its byte order is not valid"))?;
    machine(header, endian)?;
    match header.e_type(endian) {
        elf::ET_DYN => {}
        elf::ET_EXEC => return Err(LibraryError::NotALibrary("a program")),
        elf::ET_REL => return Err(LibraryError::NotALibrary("an object file")),
        elf::ET_CORE => return Err(LibraryError::NotALibrary("a core dump")),
        _ => return Err(LibraryError::Damaged("its type is not known")),
    }
    let table = u64::from(header.e_phnum(endian)) * u64::from(header.e_phentsize(endian));
    let table_end = header.e_phoff(endian).saturating_add(table);
    if table_end > size {
        return Err(cut_off(table_end));
    }
    let segments = header
        .program_headers(endian, bytes)
        .map_err(|_| LibraryError::Damaged("its program headers are not valid"))?;
    let mut loads = 0;
    for segment in segments {
        let end = segment.p_offset(endian).saturating_add(segment.p_filesz(endian));
        if segment.p_type(endian) == elf::PT_LOAD {
            loads += 1;
            if segment.p_filesz(endian) > segment.p_memsz(endian) {
                return Err(LibraryError::Damaged("a segment is larger in the file than in memory"));
            }
        }
        if matches!(segment.p_type(endian), elf::PT_LOAD | elf::PT_DYNAMIC) && end > size {
            return Err(cut_off(end));
        }
    }
    if loads == 0 || !segments.iter().any(|segment| segment.p_type(endian) == elf::PT_DYNAMIC) {
        return Err(LibraryError::Damaged("it has nothing that could be loaded"));
    }
    if header.e_shoff(endian) == 0 {
        return Err(LibraryError::Damaged("its section headers were removed"));
    }
    let table = u64::from(header.e_shnum(endian)) * u64::from(header.e_shentsize(endian));
    let table_end = header.e_shoff(endian).saturating_add(table);
    if table_end > size {
        return Err(cut_off(table_end));
    }
    let sections = header
        .sections(endian, bytes)
        .map_err(|_| LibraryError::Damaged("its section headers are not valid"))?;
    if !exports_handshake(&sections, endian, bytes)? {
        return Err(LibraryError::NotAPlugin { symbol: HANDSHAKE_SYMBOL });
    }
    Ok(LibraryFile { glibc: needed_glibc(&sections, endian, bytes)? })
}

/// Says what a file is that is no 64-bit ELF file.
fn recognise(bytes: &[u8]) -> Result<(), LibraryError> {
    let begins = |magic: &[u8]| bytes.starts_with(magic);
    let wrong = |what| Err(LibraryError::NotALibrary(what));
    if bytes.is_empty() {
        return Err(LibraryError::Empty);
    }
    if begins(&elf::ELFMAG) {
        return match bytes.get(4).copied().map(elf::FileClass) {
            Some(elf::ELFCLASS64) | None => Ok(()),
            Some(elf::ELFCLASS32) => Err(foreign("a 32-bit machine".to_owned())),
            Some(_) => Err(LibraryError::Damaged("its class is not known")),
        };
    }
    if begins(b"!<arch>\n") {
        return wrong("a static library (set `crate-type = [\"cdylib\"]`)");
    }
    if begins(b"\xcf\xfa\xed\xfe") || begins(b"\xca\xfe\xba\xbe") {
        return Err(foreign("macOS".to_owned()));
    }
    if begins(b"MZ") {
        return Err(foreign("Windows".to_owned()));
    }
    if begins(b"\0asm") {
        return wrong("a WebAssembly module");
    }
    if begins(b"#!") {
        return wrong("a script");
    }
    // The beginning is enough to tell a text, and its end may go through a character.
    let start = bytes.get(..512).unwrap_or(bytes);
    let is_text = std::str::from_utf8(start).map_or_else(|error| error.valid_up_to() + 4 > 512, |_| true);
    wrong(if is_text && !start.contains(&0) { "a text" } else { "something else" })
}

fn foreign(found: String) -> LibraryError {
    LibraryError::ForeignMachine { found, expected: std::env::consts::ARCH, triple: this_triple() }
}

fn machine(header: &Header, endian: Endianness) -> Result<(), LibraryError> {
    let expected = match std::env::consts::ARCH {
        "x86_64" => elf::EM_X86_64,
        "aarch64" => elf::EM_AARCH64,
        "riscv64" => elf::EM_RISCV,
        "loongarch64" => elf::EM_LOONGARCH,
        "powerpc64" => elf::EM_PPC64,
        "s390x" => elf::EM_S390,
        // The loader will say it for the others.
        _ => return Ok(()),
    };
    let found = header.e_machine(endian);
    if found != expected {
        return Err(foreign(match found {
            elf::EM_X86_64 => "x86_64".to_owned(),
            elf::EM_AARCH64 => "aarch64".to_owned(),
            elf::EM_RISCV => "riscv64".to_owned(),
            elf::EM_LOONGARCH => "loongarch64".to_owned(),
            elf::EM_PPC64 => "powerpc64".to_owned(),
            elf::EM_S390 => "s390x".to_owned(),
            other => format!("another machine (ELF number {other})"),
        }));
    }
    if header.is_big_endian() != cfg!(target_endian = "big") {
        return Err(foreign(format!("{} with the other byte order", std::env::consts::ARCH)));
    }
    Ok(())
}

/// Whether the handshake's symbol is defined in the dynamic symbol table.
fn exports_handshake(
    sections: &Sections<'_>,
    endian: Endianness,
    bytes: &[u8],
) -> Result<bool, LibraryError> {
    const DAMAGED: LibraryError = LibraryError::Damaged("its dynamic symbols are not valid");
    let symbols = sections.symbols(endian, bytes, elf::SHT_DYNSYM).map_err(|_| DAMAGED)?;
    if symbols.is_empty() {
        return Ok(false);
    }
    let names = sections
        .section(symbols.string_section())
        .and_then(|section| section.data(endian, bytes))
        .map_err(|_| DAMAGED)?;
    // Compared in place: the end of a name need not be searched for in names that begin otherwise.
    let is_handshake = |start: u32| {
        let name = usize::try_from(start).ok().and_then(|start| names.get(start..));
        name.and_then(|name| name.strip_prefix(HANDSHAKE_SYMBOL.as_bytes()))
            .is_some_and(|rest| rest.first() == Some(&0))
    };
    Ok(symbols.iter().any(|symbol| {
        symbol.st_shndx(endian) != elf::SHN_UNDEF
            && matches!(symbol.st_bind(), elf::STB_GLOBAL | elf::STB_WEAK)
            && is_handshake(symbol.st_name(endian))
    }))
}

/// The newest version of the GNU C library that a file needs.
fn needed_glibc(
    sections: &Sections<'_>,
    endian: Endianness,
    bytes: &[u8],
) -> Result<Option<Glibc>, LibraryError> {
    const DAMAGED: LibraryError = LibraryError::Damaged("the versions it needs are not valid");
    let Some((mut files, strings)) = sections.gnu_verneed(endian, bytes).map_err(|_| DAMAGED)? else {
        return Ok(None);
    };
    let strings = sections.strings(endian, bytes, strings).map_err(|_| DAMAGED)?;
    let mut newest = None;
    let mut seen = 0;
    while let Some((_, mut versions)) = files.next().map_err(|_| DAMAGED)? {
        while let Some(version) = versions.next().map_err(|_| DAMAGED)? {
            let name = version.name(endian, strings).map_err(|_| DAMAGED)?;
            newest = newest.max(glibc(name));
            seen += 1;
            if seen > MAX_VERSIONS {
                return Err(DAMAGED);
            }
        }
    }
    Ok(newest)
}

/// The newest version that a file of the GNU C library defines.
fn defined_glibc(bytes: &[u8]) -> Option<Glibc> {
    let header = Header::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, bytes).ok()?;
    let (mut versions, strings) = sections.gnu_verdef(endian, bytes).ok()??;
    let strings = sections.strings(endian, bytes, strings).ok()?;
    let mut newest = None;
    let mut seen = 0;
    while let Some((_, mut names)) = versions.next().ok()? {
        if let Some(name) = names.next().ok()? {
            newest = newest.max(glibc(name.name(endian, strings).ok()?));
        }
        seen += 1;
        if seen > MAX_VERSIONS {
            return None;
        }
    }
    newest
}

/// `GLIBC_2.34` and the like.
fn glibc(name: &[u8]) -> Option<Glibc> {
    // Packed relocations: the loader of 2.36 was the first to know them, and says so by this name.
    if name == b"GLIBC_ABI_DT_RELR" {
        return Some(Glibc { major: 2, minor: 36, patch: 0 });
    }
    let numbers = std::str::from_utf8(name.strip_prefix(b"GLIBC_")?).ok()?;
    let mut numbers = numbers.split('.').map(|number| number.parse::<u32>().ok());
    let version =
        Glibc { major: numbers.next()??, minor: numbers.next()??, patch: numbers.next().unwrap_or(Some(0))? };
    numbers.next().is_none().then_some(version)
}

/// The version that the C library of this process defines. Its files are asked, because the function that tells it
/// cannot be called in safe code, and because it is the files by which the loader decides.
pub(super) fn running_glibc() -> Option<Glibc> {
    let maps = std::fs::read("/proc/self/maps").ok()?;
    let library = maps.split(|byte| *byte == b'\n').find_map(mapped_libc)?;
    // Versions are per file, and a release need not add one to each.
    [library.clone(), library.with_file_name("libm.so.6")]
        .iter()
        .filter_map(|path| defined_glibc(&std::fs::read(path).ok()?))
        .max()
}

/// The C library that a line of the list of mappings names: `libc.so.6`, and `libc-2.31.so` before 2.34.
fn mapped_libc(line: &[u8]) -> Option<PathBuf> {
    let path = std::str::from_utf8(line.get(line.iter().position(|byte| *byte == b'/')?..)?).ok()?;
    let name = Path::new(path).file_name()?.to_str()?;
    let is_libc =
        name == "libc.so.6" || (name.starts_with("libc-2.") && Path::new(name).extension()? == "so");
    is_libc.then(|| PathBuf::from(path))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
