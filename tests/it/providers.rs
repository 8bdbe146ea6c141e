//! Tokens of forty providers, drawn at random, in what surrounds them; and texts that only look like them.
//!
//! Every token has to be gone from what `redact` lets through and from the result that the hook gives back. None of the other
//! texts may have a finding. Seeds are fixed: a failure can be repeated.

use agentfirewall_tests::measure::Random;
use agentfirewall_tests::payload::Payload;
use agentfirewall_tests::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::samples;

/// What is drawn: `<a24>` is 24 characters of a class.
fn drawn(random: &mut Random, template: &str) -> String {
    let mut parts = template.split('<');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (what, rest) = part.split_once('>').unwrap();
        let (class, count) = what.split_at(1);
        let alphabet: &[u8] = match class {
            "a" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            "A" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            "b" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
            "k" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
            "U" => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
            "l" => b"abcdefghijklmnopqrstuvwxyz0123456789",
            "h" => b"0123456789abcdef",
            "d" => b"123456789",
            other => panic!("no class {other}"),
        };
        let count: usize = count.parse().unwrap();
        text.extend((0..count).map(|_| char::from(*random.one(alphabet))));
        text.push_str(rest);
    }
    text
}

/// Name, what is drawn, and how many of the last characters are the secret (0: all). In pieces, so that no scanner finds one here.
const PROVIDERS: [(&str, &[&str], usize); 42] = [
    ("GitHub, fine-grained", &["github", "_pat_<a22>_<a59>"], 0),
    ("GitLab", &["glpat", "-<a20>"], 0),
    ("AWS", &["AK", "IAT<k15>"], 0),
    ("Stripe", &["sk", "_live_<a24>"], 0),
    ("Stripe, restricted", &["rk", "_live_<a24>"], 0),
    ("Slack bot", &["xox", "b-<d12>-<d13>-<a24>"], 0),
    ("Slack user", &["xox", "p-<d12>-<d12>-<d13>-<h32>"], 0),
    ("SendGrid", &["SG", ".<a22>.<a43>"], 0),
    ("PyPI", &["pypi-", "AgEIcHlwaS5vcmc<a160>"], 0),
    ("DigitalOcean", &["dop", "_v1_<h64>"], 0),
    ("Google API", &["AIza", "Sy<a33>"], 0),
    ("OpenAI", &["sk-", "proj-<a74>T3BlbkFJ<a74>"], 0),
    ("Anthropic", &["sk-", "ant-api03-<a93>AA"], 0),
    ("Hugging Face", &["hf", "_<A34>"], 0),
    ("Shopify", &["shpat", "_<h32>"], 0),
    ("Databricks", &["dapi", "<h32>"], 0),
    ("Docker Hub", &["dckr", "_pat_<a27>"], 0),
    ("Vault", &["hvs", ".<a90>"], 0),
    ("Terraform Cloud", &["<a14>.atl", "asv1.<a64>"], 0),
    ("Square", &["sq0", "atp-<a22>"], 0),
    ("Telegram", &["<d10>", ":AA<a33>"], 0),
    ("Discord", &["MTA4ODQ1MzE5MDI3NTgyOTg1", ".<a6>.<a38>"], 0),
    ("Linear", &["lin", "_api_<a40>"], 0),
    ("Figma", &["figd", "_<a40>"], 0),
    ("Postman", &["PMAK", "-<h24>-<h34>"], 0),
    ("New Relic", &["NRAK", "-<U27>"], 0),
    ("Sentry", &["sntryu", "_<h64>"], 0),
    ("Doppler", &["dp", ".pt.<a43>"], 0),
    ("Groq", &["gsk", "_<a52>"], 0),
    ("Replicate", &["r8", "_<a37>"], 0),
    ("PlanetScale", &["pscale", "_tkn_<a43>"], 0),
    ("Tailscale", &["tskey", "-auth-<a12>CNTRL-<a32>"], 0),
    ("Atlassian", &["ATATT3x", "FfGF0<a171>=<U8>"], 0),
    ("Perplexity", &["pplx", "-<a48>"], 0),
    ("xAI", &["xai", "-<a80>"], 0),
    ("Supabase", &["sbp", "_<h40>"], 0),
    ("Cloudflare Origin CA", &["v1", ".0-<h24>-<h146>"], 0),
    ("age", &["AGE-SECRET", "-KEY-1QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHCE"], 0),
    ("Pagar.me", &["ak", "_live_<a30>"], 0),
    ("PostgreSQL", &["postgres", "://app:<a18>@db.acme.io:5432/prod"], 0),
    ("Slack webhook", &["https://hooks.slack.com/", "services/T<U10>/B<U10>/<a24>"], 24),
    (
        "Teams webhook",
        &[
            "https://acme.webhook.office.com/",
            "webhookb2/<h8>-<h4>-<h4>-<h4>-<h12>@<h8>-<h4>-<h4>-<h4>-<h12>/IncomingWebhook/<h32>/<h8>-<h4>-<h4>-<h4>-<h12>",
        ],
        36,
    ),
];

/// A name, the token, and its part that is secret.
fn tokens(random: &mut Random) -> Vec<(&'static str, String, String)> {
    let mut tokens: Vec<_> = PROVIDERS
        .iter()
        .map(|(name, pieces, tail)| {
            let token = drawn(random, &pieces.concat());
            let secret = match name {
                &"PostgreSQL" => token.get(15..33).unwrap().to_owned(),
                _ if *tail == 0 => token.clone(),
                _ => token.get(token.len() - tail..).unwrap().to_owned(),
            };
            (*name, token, secret)
        })
        .collect();
    for (name, head) in [("GitHub", "ghp_"), ("GitHub, OAuth", "gho_"), ("npm", "npm_")] {
        // npm's check sum is GitHub's.
        let token = samples::github_token(u64::try_from(random.below(1 << 20)).unwrap());
        let token = format!("{head}{}", token.get(4..).unwrap());
        tokens.push((name, token.clone(), token));
    }
    tokens
}

type Wrap = fn(&str) -> String;

fn halves(token: &str) -> (&str, &str) {
    token.split_at(token.len() / 2)
}

const CONTEXTS: [(&str, Wrap); 11] = [
    ("environment", |token| format!("API_TOKEN={token}")),
    ("YAML", |token| format!("service:\n  auth:\n    token: {token}\n    retries: 3")),
    ("JSON in JSON", |token| {
        json!({"body": json!({"credentials": {"token": token}}).to_string()}).to_string()
    }),
    ("URL", |token| format!("https://api.acme.io/v1/items?page=2&access_token={token}&limit=10")),
    ("diff", |token| format!("@@ -1 +1 @@\n-KEY = \"\"\n+KEY = \"{token}\"")),
    ("quotes", |token| format!("client = Client('{token}')")),
    ("base64", |token| format!("data:\n  token: {}", samples::base64(token.as_bytes()))),
    ("curl", |token| format!("curl -sS -H \"Authorization: Bearer {token}\" https://api.acme.io/v1/me")),
    ("two literals", |token| format!("x = \"{}\" + \"{}\"", halves(token).0, halves(token).1)),
    ("a log", |token| format!("2026-01-02T03:04:05Z ERROR request with {token} was refused (401)")),
    ("alone", str::to_owned),
];

/// Texts of which `redact` sees a part too early.
const WHOLE: [(&str, Wrap); 1] = [("shell variables", |token| {
    format!("A=\"{}\"\nB=\"{}\"\nexport TOKEN=\"$A$B\"", halves(token).0, halves(token).1)
})];

const BORDER: &str = "\n#=====#\n";

/// Which of the tokens, each in its own part of a text, still show.
fn shown(tokens: &[(&str, String, String)], out: &str) -> Vec<String> {
    let parts: Vec<&str> = out.split(BORDER).collect();
    assert_eq!(parts.len(), tokens.len());
    let still = |(_, _, secret): &(&str, String, String), part: &str| {
        let hidden = samples::base64(secret.as_bytes());
        let piece = |text: &str, length: usize| {
            text.as_bytes().windows(length).any(|piece| part.contains(std::str::from_utf8(piece).unwrap()))
        };
        piece(secret, secret.len().min(14)) || piece(&hidden, 24)
    };
    let left = tokens.iter().zip(parts).filter(|(token, part)| still(token, part));
    left.map(|(token, part)| format!("{}: {part}", token.0)).collect()
}

#[test]
fn tokens_of_many_providers_are_masked_wherever_they_stand() {
    let sandbox = Sandbox::new();
    sandbox.run(["init"]).exits(0);
    for seed in 0..2 {
        let mut random = Random::new(7 + seed);
        for (number, (context, wrap)) in CONTEXTS.iter().chain(&WHOLE).enumerate() {
            let tokens = tokens(&mut random);
            let texts: Vec<String> = tokens.iter().map(|(_, token, _)| wrap(token)).collect();
            let text = texts.join(BORDER);
            if number < CONTEXTS.len() {
                let passed = sandbox.run_with(["redact"], text.as_bytes());
                assert_eq!(
                    shown(&tokens, &passed.exits(0).stdout),
                    Vec::<String>::new(),
                    "redact, {context}"
                );
            }
            let result = json!({"stdout": text, "stderr": "", "interrupted": false, "isImage": false});
            let input = json!({"command": "cat notes"});
            let payload = Payload::post(&sandbox.project, "Bash", input, result);
            let answer = sandbox.run_with(["hook", "post-tool-use"], &payload.bytes());
            let answer: Value = answer.exits(0).json();
            let out = answer["hookSpecificOutput"]["updatedToolOutput"]["stdout"].as_str().unwrap();
            assert_eq!(shown(&tokens, out), Vec::<String>::new(), "hook, {context}");
        }
    }
}

/// What looks drawn at random and is no secret.
const HARMLESS: [&str; 100] = [
    "commit <h40>\nAuthor: A <a@b.c>\n\n    token: fix the refresh",
    "<h7> auth: rename secret to key (#12)",
    "index <h7>..<h7> 100644",
    "\"gitHead\": \"<h40>\",",
    "rev = \"<h40>\"",
    "uses: actions/checkout@<h40> # v4",
    "requestId=<h8>-<h4>-<h4>-<h4>-<h12>",
    "\"sessionId\":\"<h8>-<h4>-<h4>-<h4>-<h12>\"",
    "trace_id=<h32> span_id=<h16>",
    "traceparent: 00-<h32>-<h16>-01",
    "\"integrity\": \"sha512-<b86>==\"",
    "checksum = \"<h64>\"",
    "github.com/acme/token v1.3.0 h1:<b43>=",
    "--hash=sha256:<h64> \\",
    "resolved \"https://registry.yarnpkg.com/@auth/key/-/key-1.2.3.tgz#<h40>\"",
    "image: ghcr.io/acme/auth-api@sha256:<h64>",
    "imageID: docker-pullable://acme/secret-store@sha256:<h64>",
    "secretName: db-credentials-<l10>",
    "pod/auth-service-<h9>-<l5>   1/1   Running",
    "pod-template-hash: <l10>\nresourceVersion: \"<d9>\"\nuid: <h8>-<h4>-<h4>-<h4>-<h12>",
    "<script src=\"/static/main.<h8>.chunk.js\" integrity=\"sha384-<b64>\" crossorigin></script>",
    "app.<l20>.css",
    "/assets/auth-key-<a8>.js",
    "_next/static/<a21>/_buildManifest.js",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA<b300>",
    "background:url(data:font/woff2;base64,d09GMgABAAAA<b400>)",
    "<img src=\"data:image/jpeg;base64,/9j/4AAQSkZJRgABAQ<b200>\">",
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ<b340> a@host",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI<b43> key@acme",
    "-----BEGIN CERTIFICATE-----\n<b64>\n<b64>\n<b64>\n<b64>\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\n<b64>\n<b64>\n<b64>\n-----END PUBLIC KEY-----",
    "certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JS<b300>",
    "client-certificate-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JS<b300>",
    "SHA256:<b43> key@acme (ED25519)",
    "gpg: using RSA key <U40>",
    "$2b$12$<a53>",
    "password_hash: \"$2a$10$<a53>\"",
    "root:$6$<a16>$<a86>:19000:0:99999:7:::",
    "\"password\": \"$argon2id$v=19$m=65536,t=3,p=4$<a22>$<a43>\"",
    "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "token = \"ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
    "OPENAI_API_KEY=sk-...",
    "stripe.api_key = os.environ[\"STRIPE_SECRET_KEY\"]",
    "password: ${DB_PASSWORD:?missing}",
    "secret: {{ .Values.auth.secret }}",
    "TOKEN=$(vault kv get -field=token secret/app)",
    "ANTHROPIC_API_KEY=your-api-key-here",
    "password = 'changeme'",
    "password=password123",
    "postgres://postgres:postgres@localhost:5432/test",
    "token: \"test-token\"",
    "SECRET_KEY=dummy-secret-key-for-tests",
    "!function(e,t){var n=e.token,r=t.key;n&&(r=n.key(o)),this.apiKey=r.apiKey||a.secret,e.authToken=function(){return t.getToken(n)}}(window,document);",
    "{\"version\":3,\"sources\":[\"auth.ts\"],\"mappings\":\"<b4>,<b5>,<b4>;<b8>,<b4>,<b5>;;<b4>,<b4>\",\"names\":[\"token\",\"apiKey\"]}",
    "\"settings.session.title\": \"Enter your access token\"",
    "i18n.t(\"settings.private.apiKeyPlaceholder\")",
    "auth.token.invalid=The access token has expired",
    ".css-<l6>-TokenRoot{color:red}",
    "<div class=\"token__key--active_<a5> sc-<a6> <a6>\">",
    "className={styles.tokenInput_<a5>}",
    "ETag: \"<h32>\"",
    "ETag: W/\"<h20>-<h10>\"",
    "x-amz-id-2: <b75>=",
    "cf-ray: <h16>-FRA",
    "build_id: <l20>",
    "cache-key: v2-deps-<h64>",
    "key: ${{ runner.os }}-cargo-${{ hashFiles('**/Cargo.lock') }}",
    "\"cacheKey\": \"<h40>\"",
    "primaryKey: \"<h24>\"",
    "_id: ObjectId(\"<h24>\")",
    "arn:aws:kms:eu-west-1:123456789012:key/<h8>-<h4>-<h4>-<h4>-<h12>",
    "kms_key_id = \"<h8>-<h4>-<h4>-<h4>-<h12>\"",
    "subnet-<h17> sg-<h17> vpc-<h17> ami-<h17>",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-<a6>",
    "client_id = \"<h8>-<h4>-<h4>-<h4>-<h12>\"",
    "\"publicKey\": \"<b43>=\"",
    "bafybei<l52>",
    "Qm<a44>",
    "\"blockHash\":\"0x<h64>\"",
    "nonce=\"<b22>==\"",
    "Content-Security-Policy: script-src 'sha256-<b43>=' 'nonce-<b22>=='",
    "<meta name=\"google-site-verification\" content=\"<a43>\">",
    "https://www.youtube.com/watch?v=<a11>",
    "https://docs.google.com/document/d/<a44>/edit",
    "https://www.figma.com/file/<a22>/Auth-tokens",
    "https://cdn.acme.io/<h32>/token.svg?v=<h8>",
    "_ZN12SecretToken<a5>7privateEPKcS2_RKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE",
    "key = \"ctrl+shift+d\"",
    "let keypair = KeyPair::generate(&mut rng).map_err(AuthError::Key)?;",
    "assert_eq!(hash, \"<h64>\");",
    "expected_digest = bytes.fromhex(\"<h64>\")",
    "<h32>  token.tar.gz",
    "access_key_name = \"projects/acme/locations/global/keyRings/r/cryptoKeys/k\"",
    "private static final long serialVersionUID = <d18>L;",
    "\"tokenizer_class\": \"LlamaTokenizerFast\", \"bos_token_id\": 128000",
    "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:acme/app:pull\"",
    "NEXT_PUBLIC_APP_VERSION=1.2.3-<h8>",
    "version: 0.0.0-<h40>",
    "if (keyTag === 'tag:yaml.org,2002:merge') {",
    "PREFIX=/usr\nSUFFIX=/bin\nexport PATH=\"$PREFIX$SUFFIX\"",
];

#[test]
fn what_only_looks_random_is_no_finding() {
    let sandbox = Sandbox::new();
    let mut random = Random::new(11);
    for turn in 0..3 {
        for (number, template) in HARMLESS.iter().enumerate() {
            // A tag of a page is no class of characters.
            let drawn = harmless(&mut random, template);
            std::fs::write(sandbox.project.join(format!("{turn}-{number}.txt")), drawn + "\n").unwrap();
        }
    }
    let report = sandbox.run(["scan", "--json"]);
    let report = report.exits(0).json();
    assert_eq!(report["summary"]["files_scanned"], 3 * HARMLESS.len());
    assert_eq!(report["findings"], json!([]));
}

/// The same as [`drawn`] where other text has angle brackets too.
fn harmless(random: &mut Random, template: &str) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('<') {
        let (before, tail) = rest.split_at(at);
        text.push_str(before);
        let end = tail.find('>').unwrap_or(0);
        let count = tail.get(2..end).is_some_and(|count| count.parse::<usize>().is_ok());
        let length = if count { end + 1 } else { 1 };
        let (here, behind) = tail.split_at(length);
        text.push_str(&if count { drawn(random, here) } else { here.to_owned() });
        rest = behind;
    }
    text + rest
}
