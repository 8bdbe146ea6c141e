use proptest::prelude::*;

use super::super::{inspect, running_glibc};
use super::*;
use crate::store::testing::Elf;

const OLD: Glibc = Glibc { major: 2, minor: 14, patch: 0 };

fn said(bytes: &[u8]) -> String {
    let text = inspect(bytes).unwrap_err().to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

fn system_libraries() -> Vec<Vec<u8>> {
    let maps = std::fs::read("/proc/self/maps").unwrap();
    let Some(libc) = maps.split(|byte| *byte == b'\n').find_map(mapped_libc) else { return Vec::new() };
    [libc.clone(), libc.with_file_name("libm.so.6")]
        .iter()
        .filter_map(|path| std::fs::read(path).ok())
        .collect()
}

#[test]
fn a_plugin_library_is_accepted_with_the_version_it_needs() {
    assert_eq!(inspect(&Elf::default().bytes()).unwrap(), LibraryFile { glibc: Some(OLD) });
    // Built for another C library.
    assert_eq!(inspect(&Elf { needs: &[], ..Elf::default() }.bytes()).unwrap(), LibraryFile { glibc: None });
    let packed = Elf { needs: &["GLIBC_2.4", "GLIBC_ABI_DT_RELR", "GLIBC_PRIVATE"], ..Elf::default() };
    let needed = structure(&packed.bytes()).unwrap().glibc.unwrap();
    assert_eq!(needed.to_string(), "2.36");
}

#[test]
fn a_library_made_by_a_compiler_is_accepted_stripped_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("plugin.c");
    std::fs::write(
        &source,
        "#include <stdio.h>\nint AGENTFIREWALL_PLUGIN = 1;\nvoid f(void) { puts(\"\"); }\n",
    )
    .unwrap();
    for options in [&["-g"][..], &["-s", "-Wl,-z,now"], &["-Wl,--hash-style=sysv"]] {
        let library = folder.path().join("libplugin.so");
        let mut compiler = std::process::Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).args(options).arg(&source);
        // Where there is no C compiler there is only the library that is written byte by byte.
        let Ok(output) = compiler.output() else { return };
        assert!(output.status.success(), "{output:?}");
        let bytes = std::fs::read(&library).unwrap();
        assert_eq!(inspect(&bytes).unwrap().glibc.is_some(), cfg!(target_env = "gnu"), "{options:?}");
        assert!(matches!(inspect(&bytes[..bytes.len() - 1]), Err(LibraryError::CutOff { .. })));
    }
}

#[test]
fn what_is_no_library_is_named() {
    assert_eq!(said(b""), "is empty");
    assert_eq!(said(b"hello\n"), "is no shared library, but a text");
    assert_eq!(said("ä".repeat(600).as_bytes()), "is no shared library, but a text");
    assert_eq!(said(&[0, 159, 146, 150, 7, 255]), "is no shared library, but something else");
    assert_eq!(said(b"#!/bin/sh\n"), "is no shared library, but a script");
    assert!(said(b"!<arch>\n").contains("`crate-type = [\"cdylib\"]`"));
    for (kind, what) in [(1, "an object file"), (2, "a program"), (4, "a core dump")] {
        assert_eq!(
            said(&Elf { kind, ..Elf::default() }.bytes()),
            format!("is no shared library, but {what}")
        );
    }
    assert!(said(&Elf { kind: 77, ..Elf::default() }.bytes()).starts_with("is damaged: "));
}

#[test]
fn a_library_of_another_machine_is_named() {
    let arm = Elf { machine: if cfg!(target_arch = "aarch64") { 62 } else { 183 }, ..Elf::default() }.bytes();
    let text = said(&arm);
    assert!(text.starts_with("is built for ") && text.contains(this_triple()), "{text}");
    assert!(said(&Elf { machine: 9_999, ..Elf::default() }.bytes()).contains("ELF number 9999"));
    let mut narrow = Elf::default().bytes();
    narrow[4] = 1;
    assert!(said(&narrow).starts_with("is built for a 32-bit machine"));
    assert!(said(b"MZ\x90\0").starts_with("is built for Windows"));
    assert!(said(b"\xcf\xfa\xed\xfe").starts_with("is built for macOS"));
}

#[test]
fn a_library_without_the_handshake_is_no_plugin() {
    for library in system_libraries() {
        assert!(matches!(inspect(&library), Err(LibraryError::NotAPlugin { .. })));
    }
    for symbol in ["AGENTFIREWALL_PLUGIN2", "AGENTFIREWALL_PLUGI", "other", ""] {
        let text = said(&Elf { symbol, ..Elf::default() }.bytes());
        assert!(text.starts_with("is no agentfirewall plugin: "), "{symbol}: {text}");
    }
    // Used is not defined.
    assert!(inspect(&Elf { defined: false, ..Elf::default() }.bytes()).is_err());
}

#[test]
fn a_library_for_a_newer_system_is_refused_with_advice() {
    let Some(running) = running_glibc() else { return };
    assert!(running.major == 2 && running.minor >= 17, "{running}");
    let text = said(&Elf { needs: &["GLIBC_2.2.5", "GLIBC_2.999"], ..Elf::default() }.bytes());
    assert!(text.starts_with(&format!("needs glibc 2.999, and this machine has {running}; ")), "{text}");
    let newest = format!("GLIBC_{running}");
    assert!(inspect(&Elf { needs: &[&newest], ..Elf::default() }.bytes()).is_ok());
}

#[test]
fn versions_are_numbers_and_not_texts() {
    let version = |name: &str| glibc(name.as_bytes()).map(|version| version.to_string());
    assert_eq!(version("GLIBC_2.9").as_deref(), Some("2.9"));
    assert_eq!(version("GLIBC_2.2.5").as_deref(), Some("2.2.5"));
    assert!(glibc(b"GLIBC_2.9") < glibc(b"GLIBC_2.10") && glibc(b"GLIBC_2.2.5") < glibc(b"GLIBC_2.3"));
    for other in ["GLIBC_PRIVATE", "GLIBC_2", "GLIBC_2.x", "GLIBC_2.1.1.1", "GCC_3.0", "GLIBC_", ""] {
        assert_eq!(glibc(other.as_bytes()), None, "{other}");
    }
}

#[test]
fn the_c_library_is_found_in_the_list_of_mappings() {
    let path = |line: &[u8]| mapped_libc(line).map(|path| path.display().to_string());
    let line = b"7fc70df20000-7fc70df46000 r--p 00000000 fe:00 326279          /usr/lib/libc.so.6";
    assert_eq!(path(line).as_deref(), Some("/usr/lib/libc.so.6"));
    assert_eq!(path(b"7f-7f r--p 0 fe:00 3 /lib/libc-2.31.so").as_deref(), Some("/lib/libc-2.31.so"));
    for other in [
        &b"7f-7f r--p 0 fe:00 3 /lib/libcrypt.so.1"[..],
        b"7f-7f rw-p 0 00:00 0",
        b"7f /x/libc.so.6 (deleted)",
    ] {
        assert_eq!(path(other), None);
    }
}

#[test]
fn every_cut_is_noticed() {
    let whole = Elf::default().bytes();
    for length in 0..whole.len() {
        let error = inspect(&whole[..length]).unwrap_err();
        if length >= 64 {
            assert!(matches!(error, LibraryError::CutOff { .. }), "{length}: {error}");
        }
    }
    for library in system_libraries() {
        for part in 1..64 {
            let error = inspect(&library[..library.len() / 64 * part]).unwrap_err();
            assert!(matches!(error, LibraryError::CutOff { .. }), "{part}: {error}");
        }
    }
}

#[test]
fn a_list_without_an_end_is_not_followed() {
    let needs = vec!["GLIBC_2.2.5"; 3];
    let mut bytes = Elf { needs: &needs, ..Elf::default() }.bytes();
    let entry = 64 + 2 * 56;
    // The list of files names itself as its next entry: one byte further is another entry, misread.
    let at = (entry..bytes.len()).find(|at| bytes[*at..].starts_with(&[1, 0, 3, 0, 1, 0, 0, 0])).unwrap();
    bytes[at + 2..at + 4].copy_from_slice(&u16::MAX.to_ne_bytes());
    bytes[at + 16 + 12..at + 16 + 16].copy_from_slice(&0_u32.to_ne_bytes());
    assert!(matches!(inspect(&bytes), Err(LibraryError::Damaged(_))));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..12),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let mut bytes = Elf::default().bytes();
        for (at, byte) in &flips {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        if let Err(error) = inspect(&bytes) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }

    #[test]
    fn no_text_is_a_library(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(inspect(&bytes).is_err());
    }
}

#[test]
fn no_damage_to_a_system_library_makes_it_panic() {
    for mut library in system_libraries() {
        // The tables that are read: the headers at the beginning, the dynamic part behind, the sections at the end.
        let size = library.len();
        let end = (size - 4_000..size).step_by(17);
        let places: Vec<usize> = (0..256).chain((512..40_000).step_by(797)).chain(end).collect();
        for at in places {
            let before = library[at];
            for byte in [0, 0xff] {
                library[at] = byte;
                let _judged = structure(&library);
            }
            library[at] = before;
        }
    }
}
