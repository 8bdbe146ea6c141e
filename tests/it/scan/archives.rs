//! Archives: what is found in them, and that hostile ones end within bounds.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

use super::*;

/// A zip of entries: name, content, whether it is compressed.
fn zip(entries: &[(&str, &[u8], bool)]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, content, compress) in entries {
        let data = if *compress { deflate(content) } else { content.to_vec() };
        let method: u16 = if *compress { 8 } else { 0 };
        let offset = u32::try_from(file.len()).unwrap();
        let sizes = [u32::try_from(data.len()).unwrap(), u32::try_from(content.len()).unwrap()];
        let mut common = Vec::new();
        common.extend_from_slice(&[20, 0, 0, 0]);
        common.extend_from_slice(&method.to_le_bytes());
        common.extend_from_slice(&[0; 8]);
        sizes.iter().for_each(|size| common.extend_from_slice(&size.to_le_bytes()));
        common.extend_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
        common.extend_from_slice(&[0; 2]);
        file.extend_from_slice(b"PK\x03\x04");
        file.extend_from_slice(&common);
        file.extend_from_slice(name.as_bytes());
        file.extend_from_slice(&data);
        directory.extend_from_slice(b"PK\x01\x02\x14\0");
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    end(&mut file, &directory, entries.len());
    file
}

fn end(file: &mut Vec<u8>, directory: &[u8], entries: usize) {
    let start = u32::try_from(file.len()).unwrap();
    file.extend_from_slice(directory);
    file.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    let entries = u16::try_from(entries).unwrap();
    file.extend_from_slice(&[entries.to_le_bytes(), entries.to_le_bytes()].concat());
    file.extend_from_slice(&u32::try_from(directory.len()).unwrap().to_le_bytes());
    file.extend_from_slice(&start.to_le_bytes());
    file.extend_from_slice(&[0, 0]);
}

fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn tar_entry(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    put(0, &name.as_bytes()[..name.len().min(100)]);
    put(100, b"0000644\0");
    put(124, format!("{:011o}\0", content.len()).as_bytes());
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let padding = (512 - content.len() % 512) % 512;
    [&header[..], content, &vec![0; padding]].concat()
}

fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file: Vec<u8> =
        entries.iter().flat_map(|(name, content)| tar_entry(name, b'0', content)).collect();
    file.extend_from_slice(&[0; 1024]);
    file
}

#[test]
fn every_kind_of_archive_and_archives_in_archives() {
    let sandbox = Sandbox::new();
    let text = format!("first line\nkey {}\n", samples::github_token(1));
    let text = text.as_bytes();
    sandbox.write(
        "a.zip",
        zip(&[("clean.txt", b"x", false), ("in/stored.txt", text, false), ("in/packed.txt", text, true)]),
    );
    sandbox.write("b.tar", tar(&[("in/a.txt", text), ("image.bin", b"\0\x01\x02")]));
    sandbox.write("c.tar.gz", gzip(&tar(&[("in/b.txt", text)])));
    sandbox.write("d.log.gz", gzip(text));
    let utf16: Vec<u8> = String::from_utf8_lossy(text).encode_utf16().flat_map(u16::to_le_bytes).collect();
    sandbox.write(
        "e.jar",
        zip(&[("nested.zip", &zip(&[("deep.txt", text, true), ("wide.txt", &utf16, true)]), true)]),
    );
    let long = "long/".repeat(40) + "name.txt";
    let pax = format!("{} path={long}\n", 6 + long.len() + 4);
    let mut longs = tar_entry("././@LongLink", b'L', format!("{long}\0").as_bytes());
    longs.extend(tar_entry("cut", b'0', text));
    longs.extend(tar_entry("PaxHeader", b'x', pax.as_bytes()));
    longs.extend(tar_entry("cut", b'0', text));
    sandbox.write("f.tar", longs);
    // A program before the archive, a comment behind it.
    sandbox.write("g.zip", {
        let mut file = zip(&[("a.txt", text, true)]);
        let at = file.len() - 2;
        file[at] = 5;
        file.extend_from_slice(b"hello");
        file
    });
    let (code, report) = scan(&sandbox, &[]);
    assert_eq!(code, Some(1), "{report:#}");
    let long = format!("f.tar!{long}:2");
    assert_eq!(
        places(&report),
        [
            "a.zip!in/packed.txt:2",
            "a.zip!in/stored.txt:2",
            "b.tar!in/a.txt:2",
            "c.tar.gz!in/b.txt:2",
            "d.log.gz!d.log:2",
            "e.jar!nested.zip!deep.txt:2",
            "e.jar!nested.zip!wide.txt:2",
            &long,
            &long,
            "g.zip!a.txt:2",
        ]
    );
    assert_eq!(report["problems"].as_array().unwrap().len(), 0, "{report:#}");
    let (code, report) = scan(&sandbox, &["--no-archives"]);
    assert_eq!((code, &report["summary"]["files_skipped"]), (Some(0), &7.into()));
    assert_eq!(places(&scan(&sandbox, &["a.zip", "--exclude", "packed.txt"]).1), ["a.zip!in/stored.txt:2"]);
    // From a pipe, where nobody can look at the end first.
    let piped = sandbox.run_with(["scan", "--json", "-"], &zip(&[("a.txt", text, true)]));
    assert_eq!(places(&piped.json()), ["-!a.txt:2"]);
}

/// Name, content, findings, kind of problem, exit code.
type Case = (&'static str, Vec<u8>, usize, Option<&'static str>, Option<i32>);

/// Each ends, says what it did not look at, and hides nothing that comes before.
#[test]
fn hostile_archives_end_with_a_note() {
    let text = format!("{}\n", samples::github_token(1));
    let text = text.as_bytes();
    let zeros = vec![0_u8; 3 * 1024 * 1024];
    let blanks = vec![b' '; 3 * 1024 * 1024];
    let good = zip(&[("a.txt", text, true), ("b.txt", text, true)]);
    let mut nested = text.to_vec();
    for _ in 0..8 {
        nested = zip(&[("n.zip", &nested, true)]);
    }
    let bent = |at: usize, byte: u8| {
        let mut file = good.clone();
        file[at] = byte;
        file
    };
    let directory = good.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    let mut overlapping = zip(&[("a.txt", &blanks, true)]);
    {
        // Many entries of one content, as in the bombs that need no nesting.
        let at = overlapping.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
        let record = overlapping[at..overlapping.len() - 22].to_vec();
        overlapping.truncate(at);
        end(&mut overlapping, &record.repeat(500), 500);
    }
    // An entry that says it is 8 GiB.
    let mut tar_size = tar(&[("a.txt", text), ("b.txt", text)]);
    tar_size[1024 + 124..1024 + 135].copy_from_slice(b"77777777777");
    let more: u32 = 11 * u32::from(b'7') - format!("{:011o}", text.len()).bytes().map(u32::from).sum::<u32>();
    let stated =
        u32::from_str_radix(std::str::from_utf8(&tar_size[1024 + 148..1024 + 154]).unwrap(), 8).unwrap();
    tar_size[1024 + 148..1024 + 154].copy_from_slice(format!("{:06o}", stated + more).as_bytes());
    let cases: Vec<Case> = vec![
        ("cut.zip", good[..good.len() - 30].to_vec(), 0, Some("unsupported"), Some(0)),
        ("magic.zip", b"PK\x03\x04".to_vec(), 0, Some("unsupported"), Some(0)),
        ("encrypted.zip", bent(directory + 8, 1), 1, Some("unsupported"), Some(1)),
        ("method.zip", bent(directory + 10, 99), 1, Some("unsupported"), Some(1)),
        ("offset.zip", bent(directory + 45, 0x7f), 1, Some("unsupported"), Some(1)),
        ("name-length.zip", bent(directory + 29, 0xff), 0, Some("unsupported"), Some(0)),
        ("bomb.gz", gzip(&blanks), 0, Some("bounded"), Some(74)),
        (
            "bomb.zip",
            zip(&[("first.txt", text, true), ("bomb.txt", &blanks, true)]),
            1,
            Some("bounded"),
            Some(1),
        ),
        ("zeros.zip", zip(&[("zeros.bin", &zeros, true), ("a.txt", text, true)]), 1, None, Some(1)),
        ("overlapping.zip", overlapping, 0, Some("bounded"), Some(74)),
        ("nested.zip", nested, 0, Some("bounded"), Some(74)),
        ("bomb.tar.gz", gzip(&tar(&[("a.txt", text), ("b.txt", &blanks)])), 1, Some("bounded"), Some(1)),
        ("cut.gz", gzip(&text.repeat(100))[..60].to_vec(), 0, Some("unsupported"), Some(0)),
        ("size.tar", tar_size, 1, None, Some(1)),
        (
            "checksum.tar",
            [tar(&[("a.txt", text)])[..1024].to_vec(), vec![7; 512]].concat(),
            1,
            Some("unsupported"),
            Some(1),
        ),
        ("long.tar", tar_entry("x", b'L', &[b'x'; 200_000]), 0, None, Some(0)),
        (
            "up.zip",
            zip(&[("../../../etc/passwd", text, true), ("/abs\x1b[31m", text, true)]),
            2,
            None,
            Some(1),
        ),
    ];
    for (name, content, findings, problem, code) in cases {
        let sandbox = Sandbox::new();
        sandbox.write(name, &content);
        let (exit, report) = scan(&sandbox, &["--max-unpacked", "2"]);
        let kinds: Vec<_> = report["problems"]
            .as_array()
            .unwrap()
            .iter()
            .map(|problem| problem["kind"].as_str().unwrap())
            .collect();
        assert_eq!(places(&report).len(), findings, "{name}: {report:#}");
        assert_eq!(kinds.first().copied(), problem, "{name}: {report:#}");
        assert_eq!(exit, code, "{name}: {report:#}");
        assert!(!sandbox.root().join("etc").exists());
        let text = sandbox.run(["scan"]);
        assert!(!text.stdout.contains("\x1b[31m"), "{name}");
    }
}

#[test]
fn an_archive_that_unpacks_to_a_thousand_times_its_size_is_a_bomb() {
    let sandbox = Sandbox::new();
    let inner = gzip(&vec![b' '; 100 * 1024 * 1024]);
    sandbox.write("bomb.gz", gzip(&inner));
    let (code, report) = scan(&sandbox, &[]);
    assert_eq!(code, Some(74), "{report:#}");
    assert!(report["problems"][0]["message"].as_str().unwrap().contains("1000 times"), "{report:#}");
    assert!(report["summary"]["bytes"].as_u64().unwrap() < 66 * 1024 * 1024);
}
