//! Scripts that are meant to break whoever reads them: deep, long, doubled, malformed.
#![expect(clippy::format_collect, reason = "scripts are put together once; the shortest way reads best")]

/// The sizes of every family: a careless script, a hostile one, and the most that is tried.
pub const SIZES: [usize; 4] = [40, 300, 2_000, 20_000];

/// A hostile script and its name.
#[derive(Debug, Clone)]
pub struct Bomb {
    pub name: String,
    pub script: String,
}

/// What opens, what stands in the middle, what closes.
const NESTED: [(&str, &str, &str, &str); 34] = [
    ("substitution", "$(", "ls", ")"),
    ("echo-substitution", "echo $(", "ls", ")"),
    ("quoted-substitution", "echo \"$(", "ls", ")\""),
    ("unclosed-substitution", "$(", "ls", ""),
    ("backticks", "echo `", "ls", "`"),
    ("escaped-backticks", "echo \\`", "ls", "\\`"),
    ("subshell", "(", "ls", ")"),
    ("spaced-subshell", "( ", "ls", " )"),
    ("double-parenthesis", "((", "1", "))"),
    ("unclosed-parenthesis", "(", "", ""),
    ("brace-group", "{ ", "ls", "; }"),
    ("unclosed-brace", "{", "", ""),
    ("condition", "[[ ", "a", " ]]"),
    ("grouped-condition", "[[ ( ", "a", " ) ]]"),
    ("not-condition", "[[ ! ", "a", " ]]"),
    ("if", "if true; then ", "ls", "; fi"),
    ("if-condition", "if ", "ls", "; then :; fi"),
    ("else", "if a; then b; else ", "ls", "; fi"),
    ("while", "while true; do ", "ls", "; done"),
    ("until", "until ", "ls", "; do :; done"),
    ("case", "case x in x) ", "ls", ";; esac"),
    ("for", "for i in a; do ", "ls", "; done"),
    ("arithmetic-for", "for ((;;)); do ", "ls", "; done"),
    ("select", "select i in a; do ", "ls", "; done"),
    ("function", "f() { ", "ls", "; }"),
    ("process-in", "cat <(", "ls", ")"),
    ("process-out", "tee >(", "ls", ")"),
    ("default", "echo ${x:-", "ls", "}"),
    ("quoted-default", "echo \"${x:-\"", "ls", "\"}\""),
    ("substitution-in-default", "echo ${x:-$(", "ls", ")}"),
    ("arithmetic", "echo $((", "1", "))"),
    ("index", "a[", "1", "]=1"),
    ("eval", "eval ", "ls", ""),
    ("env", "env ", "ls", ""),
];

/// What is repeated.
const REPEATED: [(&str, &str); 34] = [
    ("pipes", "ls | "),
    ("both-streams", "ls |& "),
    ("semicolons", "ls; "),
    ("lone-semicolons", ";"),
    ("and", "ls && "),
    ("or", "ls || "),
    ("background", "ls & "),
    ("lines", "ls\n"),
    ("assignments", "a=b "),
    ("assignment-lines", "a=b\n"),
    ("growing", "a=$a$a\n"),
    ("appending", "a+=$a\n"),
    ("redirections", "> /tmp/x "),
    ("heredocs-in-a-line", "cat <<A "),
    ("heredocs", "cat <<A\n$(ls)\nA\n"),
    ("here-strings", "cat <<< x "),
    ("words", "ls "),
    ("quotes", "'"),
    ("double-quotes", "\""),
    ("dollars", "$"),
    ("backslashes", "\\"),
    ("continuations", "\\\n"),
    ("exclamations", "! "),
    ("braces", "{a,b}"),
    ("globs", "*?[a]"),
    ("tildes", "~/"),
    ("functions", "f() { g; }; g() { f; }\n"),
    ("aliases", "alias a='a a'; a\n"),
    ("parents", "../"),
    ("printf", "a=$(printf %s \"$a$a\")\n"),
    ("substring", "a=${a//a/aa}\n"),
    ("loops", "for i in 1 2 3; do "),
    ("comments", "# rm -rf /\n"),
    ("changes-of-folder", "cd a && "),
];

/// Single scripts with no size.
const FIXED: [(&str, &str); 34] = [
    ("range", "echo {1..1000000}"),
    ("huge-range", "echo {1..999999999999999999}"),
    ("range-of-ranges", "echo {1..1000}{1..1000}{1..1000}"),
    ("for-over-a-range", "for i in {1..1000000}; do rm -rf $i; done"),
    ("sequence", "for i in $(seq 1 100000000); do echo $i; done"),
    ("endless", "while true; do a=$a$a; done"),
    ("endless-for", "for ((i=0;;i++)); do a+=x; done"),
    ("fork-bomb", ":(){ :|:& };:"),
    ("self-function", "f() { f; f; }; f"),
    ("mutual-functions", "f() { g $1$1; }; g() { f $1$1; }; f x"),
    ("self-alias", "alias ls='ls; ls'; ls"),
    ("self-eval", "x='eval \"$x$x\"'; eval \"$x\""),
    ("self-trap", "trap 'trap \"$0\" EXIT' EXIT"),
    ("self-nameref", "declare -n a=b; declare -n b=a; echo $a"),
    ("self-indirect", "a=a; echo ${!a}"),
    ("self-source", ". /dev/stdin <<< '. /dev/stdin'"),
    ("self-script", "echo 'sh x' > x; sh x"),
    ("bash-of-itself", "x='bash -c \"$x\"'; bash -c \"$x\""),
    ("printf-width", "printf '%999999999s' x | sh"),
    ("repeat", "printf 'a%.0s' {1..1000000}"),
    ("negative-array", "a[-99999999999999999999]=1; echo ${a[@]: -1:99999999999}"),
    ("far-array", "a[999999999]=1; echo ${a[@]}"),
    ("division", "echo $((1/0)) $((9223372036854775807+1)) $((-9223372036854775808/-1)) $((1<<99))"),
    ("power", "echo $((9**9**9**9))"),
    ("self-arithmetic", "a=a; echo $((a))"),
    ("nul", "ls\0rm -rf ~\0"),
    ("carriage-return", "ls\r\nrm -rf ~\r\n"),
    ("bidi", "echo '\u{202e}' ; ls \u{2066}\u{2069}"),
    ("zero-width", "r\u{200b}m -rf ~"),
    ("replacement", "rm -rf \u{fffc}\u{fffd}"),
    ("byte-order-mark", "\u{feff}rm -rf ~"),
    ("astral", "\u{10ffff}\u{1f4a3} $'\\U0010ffff' $'\\ud800'"),
    ("two-heredocs", "cat <<A <<B\na\nA\n$(ls)\nB\n"),
    ("unclosed-heredoc", "cat <<$[\t\t"),
];

/// Every bomb of at most this size.
pub fn all(limit: usize) -> Vec<Bomb> {
    let mut bombs: Vec<Bomb> = FIXED
        .iter()
        .map(|(name, script)| Bomb { name: (*name).to_owned(), script: (*script).to_owned() })
        .collect();
    for size in SIZES.into_iter().filter(|size| *size <= limit) {
        let mut add =
            |name: &str, script: String| bombs.push(Bomb { name: format!("{name} x{size}"), script });
        for (name, open, middle, close) in NESTED {
            add(name, format!("{}{middle}{}", open.repeat(size), close.repeat(size)));
        }
        for (name, piece) in REPEATED {
            add(name, piece.repeat(size));
            add(&format!("{name}, then a command"), format!("{}rm -rf ~", piece.repeat(size)));
        }
        add("long-word", "a".repeat(size * 50));
        add("long-quoted", format!("echo '{}'", "a b ".repeat(size * 10)));
        add("many-variables", (0..size).map(|i| format!("v{i}=$v{}x; ", i.saturating_sub(1))).collect());
        add("doubling-variables", {
            let lines: String = (1..size).map(|i| format!("v{i}=$v{0}$v{0}; ", i - 1)).collect();
            format!("v0=rm; {lines} $v{}", size - 1)
        });
        add("chain-of-functions", {
            let lines: String = (1..size).map(|i| format!("f{i}() {{ f{0}; f{0}; }}; ", i - 1)).collect();
            format!("f0() {{ ls; }}; {lines} f{}", size - 1)
        });
        add("chain-of-aliases", (0..size).map(|i| format!("alias a{i}='a{} x'\n", i + 1)).collect());
        add("array", format!("a=({}); echo ${{a[@]}}", "x ".repeat(size)));
        add("case-arms", format!("case x in {}*) ls;; esac", "a|b) ls;; ".repeat(size)));
        add("elif", format!("if a; then b; {}fi", "elif a; then b; ".repeat(size)));
        add("files", (0..size).map(|i| format!("echo x > f{i}; sh f{}\n", i / 2)).collect());
        add("branches", "if a; then x=$x; else x=y$x; fi\n".repeat(size) + "$x");
        add("nested-shells", shells(size.min(9)));
        add("nested-base64", base64s(size.min(9)));
    }
    bombs
}

/// What people write, of at most so many bytes: a long script that builds and checks many small things.
pub fn everyday(bytes: usize) -> String {
    let mut script = String::from("#!/usr/bin/env bash\nset -euo pipefail\nroot=$(pwd)\n");
    for number in 0.. {
        let part = EVERYDAY.replace("NUMBER", &format!("{number}"));
        if script.len() + part.len() > bytes {
            break;
        }
        script.push_str(&part);
    }
    script
}

/// A part of such a script.
const EVERYDAY: &str = r#"
# Part NUMBER: what the package is made of.
log_NUMBER() { printf '%s\n' "part NUMBER: $1" >&2; }
nameNUMBER="package-NUMBER"
outNUMBER="$root/build/${nameNUMBER}"
mkdir -p "$outNUMBER"
if [[ -f "src/$nameNUMBER/main.c" ]]; then
    gcc -O2 -Wall -o "$outNUMBER/app" "src/$nameNUMBER/main.c" || log_NUMBER "did not build"
fi
for kind in unit slow; do
    pytest -q "tests/$kind/test_NUMBER.py" | tee "build/$kind-NUMBER.log"
done
grep -c 'passed' "build/unit-NUMBER.log" | sort -n | tail -1
cat > "build/notes-NUMBER.md" <<'EOF'
Part NUMBER is `built` (see [docs](docs/NUMBER.md)); don't run `rm -rf /`.
EOF
log_NUMBER "done"
"#;

/// A shell in a shell in a shell, each quoted for the one around it.
fn shells(depth: usize) -> String {
    (0..depth).fold("ls".to_owned(), |inner, _| format!("bash -c '{}'", inner.replace('\'', "'\\''")))
}

fn base64s(depth: usize) -> String {
    (0..depth).fold("ls".to_owned(), |inner, _| format!("echo {} | base64 -d | sh", base64(inner.as_bytes())))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = char::from(DIGITS[bits >> (18 - 6 * place) & 63]);
            out.push(if place > chunk.len() { '=' } else { digit });
        }
    }
    out
}
