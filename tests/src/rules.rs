//! Policies of a given size for benchmarks and budgets: a mix of what real ones hold.

use std::fmt::Write;

/// A policy with so many rules, none of which matches `git status` or a write below `src/`.
pub fn policy(rules: usize) -> String {
    let mut text = String::from("version: \"1.0\"\nname: generated\ndefault_action: log\nrules:\n");
    for number in 0..rules {
        let (tools, resources, action) = match number % 5 {
            0 => ("Bash", format!("tool-{number} *"), "deny"),
            1 => ("Bash", format!("deploy --target=zone{number}*"), "alert"),
            2 => ("*", format!("*/private-{number}/*"), "deny"),
            3 => ("mcp__*", format!("*host{number}.example.org*"), "alert"),
            _ => ("Read", format!("vault{number}/*.pem"), "ask"),
        };
        writeln!(
            text,
            "  - name: rule-{number}\n    tools: [\"{tools}\"]\n    resources: [\"{resources}\"]\n    action: {action}\n    \
             reason: \"rule {number} of a generated policy\""
        )
        .unwrap();
    }
    text
}

/// A command that only the last `Bash` deny of [`policy`] matches.
pub fn last_command(rules: usize) -> String {
    format!("tool-{} x", (rules - 1) / 5 * 5)
}
