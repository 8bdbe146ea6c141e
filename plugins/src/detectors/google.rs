//! Google Cloud: API keys, OAuth clients, service accounts.

use std::ops::Range;

use super::private_key::{BEGIN, key_at};
use super::text::piece;
use agentfirewall_sdk::{Confidence, Finding, Scan, Severity};

/// A key file is about 2,400 bytes long.
const FILE: usize = 4096;

/// The private key in a service account's JSON file, whichever of its members comes first.
fn service_account(scan: &mut Scan<'_>) {
    let bytes = scan.text().as_bytes();
    // Each place is read once, however many hits are near it.
    let mut keys: Vec<Range<usize>> = Vec::new();
    let mut braces = Vec::new();
    let mut read = 0;
    let mut last = None;
    for &at in scan.hits() {
        let start = at.saturating_sub(FILE);
        let end = (start + 2 * FILE).min(bytes.len());
        read = read.max(start);
        for (place, here) in (read..).zip(piece(bytes, read, end).windows(BEGIN.len())) {
            match here.first() {
                Some(b'{' | b'}') => braces.push(place),
                Some(b'-') if here == BEGIN => keys.extend(key_at(bytes, place).map(|key| key.span)),
                _ => {}
            }
        }
        read = read.max((end + 1).saturating_sub(BEGIN.len()));
        // Where several files follow each other, a file's own key is the one without a brace in between.
        let outside = |key: &Range<usize>| {
            let before = |place: usize| braces.partition_point(|brace| *brace < place);
            if key.start < at { before(key.end) != before(at) } else { before(at) != before(key.start) }
        };
        let gap =
            |key: &Range<usize>| if key.start < at { at.saturating_sub(key.end) } else { key.start - at };
        let behind = keys.partition_point(|key| key.start < at);
        let own = [behind.checked_sub(1), Some(behind)]
            .into_iter()
            .flatten()
            .filter_map(|number| keys.get(number))
            .filter(|key| key.start >= start)
            .min_by_key(|key| (outside(key), gap(key)));
        if let Some(key) = own
            && last != Some(key.start)
        {
            last = Some(key.start);
            scan.report(Finding::new(key.clone(), Confidence::High, Severity::Critical));
        }
    }
}

coded! {
    ServiceAccount => service_account;
    id: "gcp-service-account",
    summary: "the private key of a Google Cloud service account (JSON key file)",
    why: "the file is a login without a second factor and works until somebody revokes it",
    examples: [concat!(
        r#"{"type": "service_account", "private_key": "-----BEGIN PRIVATE"#, r" KEY-----\n",
        r"oLjEw/A+whi386pTh/8QZIeuinc/ZSttd9vpg8gcxVoTzhluoiPINRGJ1plGBIdf\nEhdkA9M8TqJJtXazCvV2Cp2cIdhX9UQzU6hnLmjLb2i7ITZ09KcMXDICRb0xBsVe\n",
        r#"-----END PRIVATE KEY-----\n"}"#
    )],
    negatives: [
        r#"{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n"}"#,
        "resource google_service_account",
    ],
    keywords: ["\"service_account\"", "service_account\\\""],
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "oLjEw/A+whi386pTh/8QZIeuinc/ZSttd9vpg8gcxVoTzhluoiPINRGJ1plGBIdf";

    fn found(text: &str) -> Vec<Range<usize>> {
        let hits: Vec<usize> = text.match_indices("\"service_account\"").map(|(at, _)| at).collect();
        let mut findings = Vec::new();
        service_account(&mut Scan::new(text, &hits, &mut findings));
        findings.into_iter().map(|finding| finding.span).collect()
    }

    #[test]
    fn every_file_gives_its_own_key_whichever_member_comes_first() {
        let key = format!("-----BEGIN PRIVATE KEY-----\\n{BODY}\\n-----END PRIVATE KEY-----");
        let before = format!("{{\"private_key\": \"{key}\\n\", \"type\": \"service_account\"}}\n");
        let after = format!("{{\"type\": \"service_account\", \"private_key\": \"{key}\\n\"}}\n");
        for files in [before.repeat(60), after.repeat(60), format!("{before}{after}").repeat(30)] {
            let found = found(&files);
            let all: Vec<usize> = files.match_indices("-----BEGIN").map(|(at, _)| at).collect();
            assert_eq!(found.iter().map(|span| span.start).collect::<Vec<_>>(), all);
            assert!(found.into_iter().all(|span| files.get(span) == Some(&key)));
        }
    }

    #[test]
    fn a_key_is_a_files_own_only_near_it() {
        let key = format!("-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----");
        let far = " ".repeat(3 * FILE);
        assert!(found(&format!("\"service_account\"{far}{key}")).is_empty());
        assert!(found(&format!("{key}{far}\"service_account\"")).is_empty());
        // A placeholder that is nearer is passed over.
        let text =
            format!("{key} -----BEGIN PRIVATE KEY-----...-----END PRIVATE KEY----- \"service_account\"");
        assert_eq!(found(&text).first(), Some(&(0..key.len())));
    }
}
