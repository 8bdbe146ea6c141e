//! The built-in detectors behind the real engine: what they say of themselves, and texts that are none of their
//! business.

use agentfirewall_sdk::{Confidence, Factory, Kind, registrations};

use super::decode::tests::encoded;
use super::{DetectorSetting, Engine, EngineError};
use crate::registry::{Entry, Registry};

fn engine() -> Engine<'static> {
    agentfirewall_plugins::link();
    Engine::from_entries(registrations(), &[]).unwrap()
}

fn detectors() -> impl Iterator<Item = &'static agentfirewall_sdk::Registration> {
    agentfirewall_plugins::link();
    // The tests of the policy register a probe in this binary too.
    registrations()
        .filter(|plugin| plugin.factory.kind() == Kind::Detector && !plugin.meta.id.starts_with("probe-"))
}

#[test]
fn every_example_is_found_by_its_detector_and_no_negative_is() {
    let mut seen = 0;
    let together = engine();
    for plugin in detectors() {
        let meta = plugin.meta;
        // One that takes part only where a policy says so is found alone.
        let off = Entry::from(plugin).off();
        let on = [DetectorSetting { id: meta.id, enabled: true, config: "" }];
        let alone = Engine::from_entries(std::iter::once(plugin), &on).unwrap();
        assert!(!meta.examples.is_empty() && !meta.negatives.is_empty(), "{}", meta.id);
        for example in meta.examples {
            assert!(!alone.scan_text(example).unwrap().findings.is_empty(), "{}: {example}", meta.id);
            assert!(
                off || !together.scan_text(example).unwrap().findings.is_empty(),
                "{}: {example}",
                meta.id
            );
            // In the middle of a text too, and with Windows line ends.
            let inside = format!("first line é\r\n{example}\r\nlast line");
            assert_eq!(
                alone.scan_text(&inside).unwrap().findings.len(),
                alone.scan_text(example).unwrap().findings.len(),
                "{}",
                meta.id
            );
        }
        for negative in meta.negatives {
            assert_eq!(alone.scan_text(negative).unwrap().findings, [], "{}: {negative}", meta.id);
        }
        seen += 1;
    }
    assert!(seen >= 1000, "only {seen} detectors are linked");
}

/// The hook takes tables as they are; a test or a listing takes their rows as single detectors.
#[test]
fn a_table_finds_what_its_rows_find_one_by_one() {
    let settings = [
        DetectorSetting { id: "personal-email", enabled: true, config: "{}" },
        DetectorSetting { id: "gitlab-token", enabled: false, config: "" },
    ];
    agentfirewall_plugins::link();
    let registry = Registry::from_linked().unwrap();
    for settings in [&settings[..], &[]] {
        let as_table = Engine::new(&registry, settings).unwrap();
        let one_by_one = Engine::from_entries(registry.of(Kind::Detector).cloned(), settings).unwrap();
        assert_eq!(
            format!("{as_table:?}").matches(", ").count(),
            format!("{one_by_one:?}").matches(", ").count()
        );
        as_table.check().unwrap();
        for example in detectors().flat_map(|plugin| plugin.meta.examples.iter().chain(plugin.meta.negatives))
        {
            assert_eq!(as_table.scan_text(example), one_by_one.scan_text(example), "{example}");
        }
    }
}

#[test]
fn settings_reach_the_rows_of_a_table() {
    agentfirewall_plugins::link();
    let registry = Registry::from_linked().unwrap();
    let found = |settings: &[DetectorSetting<'_>], text: &str| {
        let found = Engine::new(&registry, settings).unwrap().scan_text(text).unwrap().findings;
        found.into_iter().map(|finding| finding.detector).collect::<Vec<_>>()
    };
    let setting = |id, enabled, config| DetectorSetting { id, enabled, config };
    let mail = "email: ruth.pfeifer@stadtwerke-lohr.de";
    assert!(found(&[], mail).is_empty(), "personal data is off");
    assert_eq!(found(&[setting("personal-email", true, "")], mail), ["personal-email"]);
    let token = concat!("glpat", "-zJ7yheo4aWt3lPde4j2Q");
    assert_eq!(found(&[], token), ["gitlab-token"]);
    assert!(found(&[setting("gitlab-token", false, "")], token).is_empty());
    let typo = Engine::new(&registry, &[setting("gitlab-tokn", true, "")]).unwrap_err();
    assert!(typo.to_string().contains("gitlab-tokn"), "{typo}");
    assert!(matches!(typo, EngineError::Unknown { nearest: Some(nearest), .. } if nearest == "gitlab-token"));
    let wrong = Engine::new(&registry, &[setting("gitlab-token", true, r#"{"colour":"red"}"#)]).unwrap();
    assert!(wrong.check().is_err() && wrong.scan_text(token).is_err());
}

/// Ordinary text that looks secret and is not.
const CLEAN: &[&str] = &[
    // Lock files and integrity hashes.
    r#""integrity": "sha512-XRdewiFskfTxkIwLrp7sYq+PHu7jTUjwmkbxKFuBymIfXcV40YBW+CyfSytpWA3bInXafi96vYrzvXWcs024mA==""#,
    r#"checksum = "b9102f29a422eb14ab2f2d0f0cc022238daceee2092f073ff80b9465aef7ac86""#,
    "github.com/a/b v1.2.3 h1:i9P8DhbYG03cP3xELmZfrUs2sytBI06DZhrWICGbFhA=",
    "  resolved \"https://registry.yarnpkg.com/tokens/-/tokens-1.0.0.tgz#f95247f2866028de71159b42b4ea410f95247f28\"",
    // Identifiers.
    "123e4567-e89b-12d3-a456-426614174000 9f8b2c1d-0a7e-4c55-8d21-6f3e9b0c7a14",
    "commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-Ab3dEf",
    "secret: arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-Ab3dEf",
    // Data and minified code.
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
    "!function(e,t){var n=e.token,r=t.key;n&&(r=n.key(o)),this.apiKey=r.apiKey||a.secret;}(window,document);",
    "const{password:p,secret:s}=await t({key:e.keyCode});",
    // Documentation.
    "Set `GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx` or pass `--token <token>`.",
    "export OPENAI_API_KEY=sk-your-key-here",
    "password: ${{ secrets.DB_PASSWORD }}",
    "api_key = \"{{ api_key }}\"",
    "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
    "postgres://user:password@localhost:5432/db",
    "token: '********'",
    "the password is stored in the keychain under key 42",
    "passphrase = getpass.getpass(\"Passphrase: \")",
    // Public halves.
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK6CQd1xG8in12C9E0hIKT8zbUra8tOBe9JwEqdFkCA me@example",
    "-----BEGIN PUBLIC KEY-----\noLjEw/A+whi386pTh/8QZIeuinc/ZSttd9vpg8gcxVoTzhluoiPINRGJ1plGBIdf\n-----END PUBLIC KEY-----",
    // Code.
    "let token = tokens.next().ok_or(ParseError::Eof)?;",
    "if key == b\"content-length\" { }",
    "password_hash: String,",
    "secretKeyRef:\n  name: db\n  key: password",
    "def authenticate(self, token: str = None, key: bytes = b'') -> bool:",
    "<input type=\"password\" name=\"password\" id=\"user_password1\">",
    "git rev-parse HEAD:secret/token.rs",
    "risk-based disk-cache-size=104857600 task-3f2a",
    "the eyJ prefix",
    "basic auth",
    "bearer of news",
];

#[test]
fn ordinary_text_has_no_findings() {
    let engine = engine();
    for text in CLEAN {
        assert_eq!(engine.scan_text(text).unwrap().findings, [], "{text}");
    }
    assert_eq!(engine.scan_text(&CLEAN.join("\n")).unwrap().findings, []);
}

#[test]
fn only_a_structure_gives_high_confidence() {
    let engine = engine();
    let named = engine.scan_value(&serde_json::json!({"api_key": "G0ndLrIO445DbeF0cNNd"})).unwrap().findings;
    assert_eq!(named.len(), 1);
    assert_eq!((named[0].pointer.as_str(), named[0].finding.confidence), ("/api_key", Confidence::Medium));
    let token = concat!("ghp", "_StZsxnTSWsbCBpWUedoB6SJ95Ypuie0AKxrk");
    for text in [
        token.to_owned(),
        format!("curl -H 'Authorization: Bearer {token}' https://api.github.com"),
        format!("{{\"a\":\"x\\n{token}\\n\"}}"),
        format!("url?token={token}&b=c"),
        format!("token: \"{token}\""),
    ] {
        let found = engine.scan_text(&text).unwrap().findings;
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(
            (found[0].detector.as_str(), found[0].confidence),
            ("github-token", Confidence::High),
            "{text}"
        );
        assert_eq!(text.get(found[0].span.clone()), Some(token));
    }
}

/// The rule of keys in base64 and the decoder see the same place.
#[test]
fn a_private_key_in_base64_is_one_finding() {
    let engine = engine();
    let body = "oLjEw/A+whi386pTh/8QZIeuinc/ZSttd9vpg8gcxVoTzhluoiPINRGJ1plGBIdf\n".repeat(4);
    let key = format!("-----BEGIN RSA {0}-----\n{body}-----END RSA {0}-----\n", "PRIVATE KEY");
    for codec in [0, 1, 3] {
        let hidden = encoded(codec, &key);
        let text = format!("TLS_KEY={hidden}\nnext=1\n");
        let found = engine.scan_text(&text).unwrap().findings;
        assert_eq!(found.len(), 1, "{found:?}");
        let masked = text.get(found[0].span.clone()).unwrap();
        assert!(masked.len() + 8 >= hidden.len(), "{masked}");
    }
}

#[test]
fn hostile_texts_take_linear_work() {
    // Every keyword over and over. A detector that looks further with every hit would not come back in a person's time.
    let engine = engine();
    // Rules that are data are one type: a spread sample of them shows what all do.
    let some = detectors()
        .enumerate()
        .filter(|(number, plugin)| !matches!(plugin.factory, Factory::Row { .. }) || number % 16 == 0);
    for keyword in some.flat_map(|(_, plugin)| plugin.meta.keywords) {
        let text = keyword.repeat(30_000 / keyword.len());
        assert_eq!(engine.scan_text(&text).unwrap().failures, []);
    }
}
