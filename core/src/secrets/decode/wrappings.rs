//! Tokens of the built-in detectors in everything that an agent wraps them in.

use agentfirewall_plugins as _;

use super::tests::encoded;
use crate::registry::Registry;
use crate::secrets::Engine;

/// Tokens that are recognised alone, made up in the vendors' formats. In two pieces, so that no scanner finds one here.
const TOKENS: [[&str; 2]; 20] = [
    ["ghp", "_StZsxnTSWsbCBpWUedoB6SJ95Ypuie0AKxrk"],
    ["gho", "_2cPzSfldfAd0rX432CuFc1nTKSbrCX24ZUKK"],
    ["github", "_pat_IO4z1sh0DDxw3UOjPQ4aeC_nhHL5JL0zQmx78Fj603TpVBhZCSWCkn8QfO7PQD0HtpbJu1DBPscfa629DS"],
    ["AKIA", "QYLPMN5HHHFPZAM2"],
    ["glpat", "-x7Qm2Zt9Kd4Rv8Lp3Ws6"],
    ["sk", "_live_4eC39HqLyjWDarjtT1zdp7dcQ8w"],
    ["xoxb", "-263594206564-2343594206574-FGqddMF8t08v8N7Oq4i57vs1"],
    ["SG", ".ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf09kqeF8tAmbihYzrnopKc1s5cr8k"],
    ["npm", "_M7H4jxUDDWHP4kZ6A4dxlQYsQIWJuq11T4V4"],
    ["dop", "_v1_f95247f2866028de71159b42b4ea410ff95247f2866028de71159b42b4ea410f"],
    ["AIza", "SyD3k9_QmZ2xVb7Rt5WnE8uLpGh4JcKaX0f"],
    ["shpat", "_f95247f2866028de71159b42b4ea410f"],
    ["dapi", "f95247f2866028de71159b42b4ea410f"],
    ["hf", "_QmZxVbRtWnEuLpGhJcKaXfSdYoIqTzBwMv"],
    [
        "sk-ant",
        "-api03-Qm2Zt9Kd4Rv8Lp3Ws6x7Nb1Vc5Xz0As3Df6Gh9Jk2Lq5We8Rt1Yu4Io7Pa0Sd3Fg6Hj9Kl2Zx5Cv8Bn1Mq4Ww7Ee0Rr-t3YuIoAA",
    ],
    ["dckr", "_pat_Qm2Zt9Kd4Rv8Lp3Ws6x7Nb1Vc5X"],
    ["hv", "s.wtgGXuoyCjjvFIkuFoxdldpN"],
    ["rk", "_live_Qm2Zt9Kd4Rv8Lp3Ws6x7Nb1V"],
    ["gldt", "-Qm2Zt9Kd4Rv8Lp3Ws6x7"],
    ["ghs", "_StZsxnTSWsbCBpWUedoB6SJ95Ypuie0AKxrk"],
];

type Wrap = fn(&str) -> String;

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

const PLAIN: [(&str, Wrap); 16] = [
    ("environment", |token| format!("API_TOKEN={token}\n")),
    ("export", |token| format!("export API_TOKEN='{token}' && ./deploy.sh")),
    ("YAML", |token| format!("service:\n  url: https://api.acme.io\n  token: {token}\n")),
    ("diff", |token| format!("@@ -1,2 +1,2 @@\n-token = \"\"\n+token = \"{token}\"\n")),
    ("curl", |token| format!("curl -sS -H \"Authorization: Bearer {token}\" https://api.acme.io/v1/me")),
    ("python", |token| format!("client = Client(token=\"{token}\", timeout=30)\n")),
    ("heredoc", |token| format!("cat > .env <<'EOF'\nTOKEN={token}\nEOF\n")),
    ("JSON", |token| format!("{{\"file_path\":\"/a/.env\",\"content\":{}}}", json(&format!("T={token}\n")))),
    ("JSON in JSON", |token| json(&json(&format!("{{\"token\":\"{token}\"}}\n")))),
    ("URL query", |token| format!("https://api.acme.io/v1/me?per_page=9&token={token}&page=2")),
    ("long line", |token| format!("{}{token}", "var a=1;".repeat(54 * 128))),
    (".netrc", |token| format!("machine api.acme.io login me password {token}")),
    ("docker -e", |token| format!("docker run --rm -e API_TOKEN={token} acme/app:1")),
    ("grep -n", |token| format!("config/app.env:12:TOKEN={token}\n")),
    ("cat -n", |token| format!("     1\t# settings\n     2\tTOKEN={token}\n")),
    ("git remote", |token| format!("origin\thttps://oauth2:{token}@git.acme.io/o/r.git (fetch)")),
];

fn half(token: &str) -> (&str, &str) {
    token.split_at(token.len() / 2)
}

const ENCODED: [(&str, Wrap); 25] = [
    ("base64", |token| format!("echo {} | base64 -d > key", encoded(0, token))),
    ("base64 of a line", |token| format!("data: {}\n", encoded(0, &format!("TOKEN={token}\n")))),
    ("base64url", |token| format!("?state={}&x=1", encoded(1, token))),
    ("base64, wrapped", |token| {
        encoded(3, &format!("# settings of the service\nTOKEN={token}\nlast line of them\n"))
    }),
    ("base64, narrow", |token| encoded(2, token)),
    ("Kubernetes", |token| format!("kind: Secret\ndata:\n  token: {}\n", encoded(0, token))),
    ("hexadecimal", |token| format!("bytes.fromhex('{}')", encoded(4, token))),
    ("\\x", |token| format!("printf '{}'", encoded(6, token))),
    ("0x, 0x", |token| format!("const unsigned char key[] = {};", encoded(7, token))),
    ("percent", |token| format!("token={}&page=2", encoded(8, token))),
    ("percent, signs alone", |token| format!("next=%2Fme%3Ftoken%3D{}%26page%3D2", encoded(15, token))),
    ("\\u", |token| format!("{{\"token\": \"{}\"}}", encoded(9, token))),
    ("\\\\u", |token| json(&format!("{{\"token\": \"{}\"}}", encoded(9, token)))),
    ("\\U", |token| format!("t = \"{}\"", encoded(10, token))),
    ("octal", |token| format!("printf '{}'", encoded(13, token))),
    ("entities", |token| format!("<td>{}</td>", encoded(11, token))),
    ("\"a\" + \"b\"", |token| format!("token = \"{}\" + \"{}\"\n", half(token).0, half(token).1)),
    ("'a' 'b'", |token| format!("token = ('{}'\n         '{}')\n", half(token).0, half(token).1)),
    ("\"a\" . \"b\"", |token| format!("$token = \"{}\" . \"{}\";", half(token).0, half(token).1)),
    ("shell quotes", |token| format!("export T=\"{}\"'{}'", half(token).0, half(token).1)),
    ("template", |token| format!("const t = `{}${{'{}'}}`;", half(token).0, half(token).1)),
    ("line goes on", |token| format!("T={}\\\n{}\n", half(token).0, half(token).1)),
    ("shell variables", |token| {
        format!("A=\"{}\"\nB=\"{}\"\nexport T=\"$A$B\"\n", half(token).0, half(token).1)
    }),
    ("base64 of base64", |token| encoded(0, &encoded(0, token))),
    ("percent of base64", |token| format!("?q={}", encoded(8, &encoded(0, token)))),
];

/// How many of the tokens are found and masked in each wrapping, as a table, and the share of all in percent.
fn table(engine: &Engine<'_>, wrappings: &[(&str, Wrap)]) -> (String, usize) {
    let (mut table, mut seen) = (String::new(), 0);
    for (name, wrap) in wrappings {
        let missed: Vec<String> = TOKENS
            .iter()
            .filter_map(|[head, tail]| {
                let token = format!("{head}{tail}");
                let text = wrap(&token);
                let findings = engine.scan_text(&text).unwrap().findings;
                let mut bytes = text.as_bytes().to_vec();
                findings.iter().for_each(|finding| bytes[finding.span.clone()].fill(b'.'));
                let left = engine.scan_text(std::str::from_utf8(&bytes).unwrap()).unwrap().findings;
                (findings.is_empty()
                    || !left.is_empty()
                    || bytes.windows(12).any(|part| token.as_bytes().ends_with(part)))
                .then(|| (*head).to_owned())
            })
            .collect();
        seen += TOKENS.len() - missed.len();
        table.push_str(&format!(
            "{name:22} {:2} of {} {}\n",
            TOKENS.len() - missed.len(),
            TOKENS.len(),
            missed.join(" ")
        ));
    }
    (table, seen * 100 / (wrappings.len() * TOKENS.len()))
}

#[test]
fn tokens_are_found_in_what_agents_wrap_them_in() {
    agentfirewall_plugins::link();
    let registry = Registry::from_linked().unwrap();
    let engine = Engine::new(&registry, &[]).unwrap();
    let alone: [(&str, Wrap); 1] = [("alone", |token| token.to_owned())];
    let (bare, share) = table(&engine, &alone);
    assert_eq!(share, 100, "a token of the table is none: {bare}");
    let ((plain, plain_share), (hidden, hidden_share)) = (table(&engine, &PLAIN), table(&engine, &ENCODED));
    let shown = format!("plain: {plain_share} %\n{plain}\nencoded: {hidden_share} %\n{hidden}");
    assert!(plain_share >= 98 && hidden_share >= 90, "{shown}");
}
