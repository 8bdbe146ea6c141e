use super::*;

fn rule(json: &str) -> DetectionRule {
    serde_json::from_str(json).unwrap()
}

/// What a rule finds when it is asked as the host asks it.
fn found(rule: &DetectionRule, text: &str) -> Vec<String> {
    let keywords = PATTERNS.keywords(rule).unwrap();
    let lower = text.to_ascii_lowercase();
    let mut hits: Vec<usize> =
        keywords.iter().flat_map(|word| lower.match_indices(word.as_str()).map(|(at, _)| at)).collect();
    hits.sort_unstable();
    hits.dedup();
    if hits.is_empty() && !keywords.is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let detector = PATTERNS.detector(rule).unwrap();
    detector.detect(&mut Scan::new(text, &hits, &mut findings)).unwrap();
    findings.into_iter().map(|finding| text.get(finding.span).unwrap().to_owned()).collect()
}

fn keywords(pattern: &str) -> Vec<String> {
    let mut rule = DetectionRule::new("a");
    rule.pattern = Some(pattern.to_owned());
    PATTERNS.keywords(&rule).unwrap()
}

#[test]
fn literals_are_taken_from_wherever_every_match_has_them() {
    for (pattern, expected) in [
        (r"\bacme_[a-z0-9]{32}\b", &["acme_"][..]),
        (r"(?i)\bACME[-_][a-z0-9]{32}", &["acme-", "acme_"]),
        (r"[a-z]{3}-(?:live|test)-[0-9a-f]{40}", &["-live-", "-test-"]),
        (r"(?:corp_(?:pat|key)_|hush:)[0-9]{12}", &["corp_", "hush:"]),
        (r"(?P<secret>tok[A-Z]{20})", &["tok"]),
        (r"[0-9a-f]{40}", &[]),
        (r"(?:ab|longer)[0-9]{9}", &[]),
        (r"x{2}[0-9]{9}", &[]),
    ] {
        let literals = keywords(pattern);
        if pattern.starts_with("(?:corp") {
            assert!(
                literals.contains(&"hush:".to_owned()) && literals.iter().all(|word| word.len() >= 5),
                "{literals:?}"
            );
            continue;
        }
        assert_eq!(literals, expected, "{pattern}");
    }
}

#[test]
fn the_secret_is_the_named_group_the_numbered_one_or_the_first() {
    let text = "acme: id=7 key=s3cr3t-0815;";
    for (json, expected) in [
        (r#"{"id": "a", "pattern": "acme: id=(\\d+) key=(?P<secret>[a-z0-9-]+)"}"#, "s3cr3t-0815"),
        (r#"{"id": "a", "pattern": "acme: id=(\\d+) key=([a-z0-9-]+)", "secret_group": 2}"#, "s3cr3t-0815"),
        (r#"{"id": "a", "pattern": "acme: id=(x?)(\\d+)"}"#, "7"),
        (r#"{"id": "a", "pattern": "acme: id=\\d"}"#, "acme: id=7"),
    ] {
        assert_eq!(found(&rule(json), text), [expected], "{json}");
    }
}

#[test]
fn entropy_words_and_patterns_take_findings_away() {
    let acme = |rest: &str| rule(&format!(r#"{{"id": "a", "pattern": "acme=([a-z0-9]+)"{rest}}}"#));
    let text = "x acme=aaaaaaaa acme=q8w3e1r7 # demo\nacme=zx81spectrum\n";
    assert_eq!(found(&acme(""), text), ["aaaaaaaa", "q8w3e1r7", "zx81spectrum"]);
    assert_eq!(found(&acme(r#", "entropy": 2.5"#), text), ["q8w3e1r7", "zx81spectrum"]);
    assert_eq!(found(&acme(r#", "allow": [{"words": ["SPECTRUM", "aaaa"]}]"#), text), ["q8w3e1r7"]);
    assert_eq!(found(&acme(r#", "allow": [{"patterns": ["^q8", "^a"]}]"#), text), ["zx81spectrum"]);
    assert_eq!(
        found(&acme(r##", "allow": [{"patterns": ["# demo$"], "target": "line"}]"##), text),
        ["zx81spectrum"]
    );
    assert_eq!(found(&acme(r#", "allow": [{"patterns": ["=z"], "target": "match"}]"#), text).len(), 2);
    let both =
        acme(r##", "allow": [{"patterns": ["# demo"], "target": "line", "words": ["q8"], "both": true}]"##);
    assert_eq!(found(&both, text), ["aaaaaaaa", "zx81spectrum"]);
}

#[test]
fn values_beside_a_name_are_whole_and_drawn_at_random() {
    let near = rule(r#"{"id": "a", "near": ["initech"], "values": ["[0-9a-f]{16}", "[0-9a-f]{32}"]}"#);
    let long = concat!("3f9a1c0b7d2e4f68", "90ab13cd57ef2468");
    assert_eq!(found(&near, &format!("INITECH_API_KEY={long}")), [long]);
    assert_eq!(found(&near, "initech_token: '3f9a1c0b7d2e4f68'"), ["3f9a1c0b7d2e4f68"]);
    for text in [
        "initech_token: 3f9a1c0b7d2e4f68aa",
        "initech_token: 0000000000000000",
        "other_token: 3f9a1c0b7d2e4f68",
    ] {
        assert_eq!(found(&near, text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn expressions_of_bytes_report_whole_characters() {
    let any = rule(r#"{"id": "a", "pattern": "acme=.{3}"}"#);
    assert_eq!(found(&any, "acme=€€"), ["acme=€"]);
    assert_eq!(found(&any, "acme=aé€"), ["acme=aé"]);
    let class = rule(r#"{"id": "a", "pattern": "acme=[é€]+"}"#);
    assert_eq!(found(&class, "acme=é€x"), ["acme=é€"]);
}

#[test]
fn faults_name_their_field() {
    for (json, field, part) in [
        (r#"{"id": "a"}"#, "pattern", "near"),
        (r#"{"id": "a", "pattern": "acme(?=x)"}"#, "pattern", "look-around"),
        (r#"{"id": "a", "pattern": "(a{1000}){1000}acme"}"#, "pattern", "too large"),
        (r#"{"id": "a", "pattern": "(acme)?"}"#, "pattern", "nothing"),
        (r#"{"id": "a", "pattern": "acme(x)", "secret_group": 2}"#, "secret_group", "no group 2"),
        (r#"{"id": "a", "near": ["acme"]}"#, "near", "go together"),
        (r#"{"id": "a", "values": ["x"]}"#, "values", "go together"),
        (r#"{"id": "a", "near": ["ab"], "values": ["x"]}"#, "near", "three"),
        (r#"{"id": "a", "pattern": "acme", "allow": [{}]}"#, "allow", "neither"),
        (r#"{"id": "a", "pattern": "acme", "allow": [{"patterns": ["("]}]}"#, "allow", "group"),
        (r#"{"id": "a", "pattern": "acme", "entropy": 9}"#, "entropy", "8 bits"),
        (r#"{"id": "a", "pattern": "acme", "keywords": [""]}"#, "keywords", "everywhere"),
    ] {
        let fault = PATTERNS.keywords(&rule(json)).unwrap_err();
        assert!(fault.field == field && fault.message.contains(part), "{json}: {fault}");
    }
}

#[test]
fn pieces_cover_every_reach_and_stay_bounded() {
    assert_eq!(pieces(&[10, 30, 500], &(20..50), 1000), [0..80, 480..550]);
    assert_eq!(pieces(&[990], &(20..50), 1000).first(), Some(&(970..1000)));
    let hits: Vec<usize> = (0..1_000_000).step_by(7).collect();
    let many = pieces(&hits, &(1024..8192), 1_000_000);
    assert!(
        many.iter().all(|part| part.len() <= PIECE)
            && many.windows(2).all(|pair| pair[1].start <= pair[0].end)
    );
    assert_eq!((many[0].start, many[many.len() - 1].end), (0, 1_000_000));
    let total: usize = many.iter().map(std::ops::Range::len).sum();
    assert!(total < 1_300_000, "{total}");
    // Without a keyword all of the text is looked at.
    let all = pieces(&[], &(1024..8192), 300_000);
    assert_eq!((all[0].start, all[all.len() - 1].end), (0, 300_000));
}

#[test]
fn a_secret_is_found_once_where_pieces_overlap() {
    let every = rule(r#"{"id": "a", "pattern": "[0-9]{24}"}"#);
    let text = format!("{}{}{}", "x".repeat(60_000), "123456789012345678901234", "y".repeat(70_000));
    assert_eq!(found(&every, &text).len(), 1);
}
