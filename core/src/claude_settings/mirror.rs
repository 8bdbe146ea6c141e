//! Path rules of a policy as permission rules of the client.
//!
//! `@file` mentions in a prompt are read by the client without asking any PreToolUse hook; only its own
//! `permissions.deny` stops them. So every rule that denies reading a path is written there too, where its pattern can
//! be said in the client's syntax.

/// The client's rules for one path pattern of a policy that denies reading; empty if the pattern cannot be mirrored.
///
/// | the policy's pattern | the client's rules |
/// |---|---|
/// | `/etc/shadow`, `/etc/ssl/**` | `Read(//etc/shadow)`: two slashes mean the root of the file system |
/// | `~/.ssh/**` | `Read(~/.ssh/**)` |
/// | `.env`, `*.pem`, `.env.*` (no slash: a name anywhere) | `Read(./.env)` and `Read(./**/.env)` |
/// | `**/secrets/*.key` | `Read(./secrets/*.key)` and `Read(./**/secrets/*.key)` |
/// | `./config/prod.json`, `config/prod.json` | `Read(./config/prod.json)` |
/// | `*`, `**`, `/**` and other patterns of nothing but wildcards | none: they would forbid everything |
/// | with `[`, `]`, `{`, `}`, `!`, `(`, `)`, a backslash, a leading `//` or a drive letter | none: they mean something else, or nothing, to the client |
///
/// In a policy `*` crosses folders; in the client's syntax it does not. Where a pattern has `*` before its last slash or
/// is absolute, the mirrored rule is therefore narrower than ours, never wider: the hook is the guard, this is the
/// stand-in for the one road that passes it by.
pub fn read_rules(pattern: &str) -> Vec<String> {
    let unsayable = |c: char| "[]{}()!\\,".contains(c) || c.is_control();
    let wild = pattern.chars().all(|c| "*?/.~".contains(c)) && pattern.contains('*');
    if pattern.trim() != pattern || pattern.is_empty() || pattern.contains(unsayable) || wild {
        return Vec::new();
    }
    let has_drive = pattern.get(1..3).is_some_and(|part| part == ":/");
    if pattern.starts_with("//") || has_drive || pattern.split('/').any(|part| part == "..") {
        return Vec::new();
    }
    let rule = |path: &str| format!("Read({path})");
    if let Some(absolute) = pattern.strip_prefix('/') {
        return vec![rule(&format!("//{absolute}"))];
    }
    if pattern.starts_with("~/") {
        return vec![rule(pattern)];
    }
    if pattern.starts_with('~') {
        return Vec::new();
    }
    if let Some(rest) = pattern.strip_prefix("**/") {
        return vec![rule(&format!("./{rest}")), rule(&format!("./**/{rest}"))];
    }
    if !pattern.contains('/') {
        return vec![rule(&format!("./{pattern}")), rule(&format!("./**/{pattern}"))];
    }
    vec![rule(&format!("./{}", pattern.strip_prefix("./").unwrap_or(pattern)))]
}

/// The rules of several patterns, each once, in order.
pub fn read_rules_of(patterns: &[String]) -> Vec<String> {
    let mut rules: Vec<String> = Vec::new();
    for rule in patterns.iter().flat_map(|pattern| read_rules(pattern)) {
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_become_the_clients_syntax_or_nothing() {
        for (pattern, rules) in [
            ("/etc/shadow", &["Read(//etc/shadow)"][..]),
            ("~/.ssh/**", &["Read(~/.ssh/**)"]),
            (".env", &["Read(./.env)", "Read(./**/.env)"]),
            ("*.pem", &["Read(./*.pem)", "Read(./**/*.pem)"]),
            ("**/secrets/*.key", &["Read(./secrets/*.key)", "Read(./**/secrets/*.key)"]),
            ("config/prod.json", &["Read(./config/prod.json)"]),
            ("./config/prod.json", &["Read(./config/prod.json)"]),
            ("*", &[]),
            ("**/*", &[]),
            ("/**", &[]),
            ("~/**", &[]),
            ("", &[]),
            ("~root/.ssh", &[]),
            ("../outside", &[]),
            ("a[bc]d", &[]),
            ("C:/secret", &[]),
            ("x) Read(y", &[]),
        ] {
            assert_eq!(read_rules(pattern), rules, "{pattern}");
        }
        let both = [".env".to_owned(), "**/.env".to_owned()];
        assert_eq!(read_rules_of(&both), ["Read(./.env)", "Read(./**/.env)"]);
    }
}
