//! Comments beside a secret that say it may stand there: our own, and those of the scanners people come from.

use std::ops::Range;

/// Our own. A detector's id may follow, or several with commas: then it allows those alone.
const OURS: &str = "agentfirewall:allow";
/// What makes ours speak of the line below.
const NEXT: &str = "-next-line";
/// The peers' comments for their own line: gitleaks and betterleaks, truffleHog, detect-secrets (and its older word),
/// kingfisher, ggshield. Not `nosec` or `NOSONAR`: they are written for other faults.
const SAME_LINE: &[&str] = &[
    "gitleaks:allow",
    "betterleaks:allow",
    "trufflehog:ignore",
    "pragma: allowlist secret",
    "pragma: whitelist secret",
    "kingfisher:ignore",
    "ggignore",
];
/// The peers' comments for the line below: detect-secrets.
const NEXT_LINE: &[&str] = &["pragma: allowlist nextline secret", "pragma: whitelist nextline secret"];

/// What a line, or a comment above it, allows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Nothing,
    Everything,
    Only(Vec<String>),
}

/// Remembers the line that was asked about last: findings of one line ask about it in a row, and it may be a long one.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    line: Option<(Range<usize>, Verdict)>,
}

impl Allowance {
    /// Whether a secret of this detector that begins at a place may stand there.
    pub(super) fn allows(&mut self, text: &str, at: usize, detector: &str) -> bool {
        if !self.line.as_ref().is_some_and(|(line, _)| line.contains(&at)) {
            let line = line_around(text, at);
            let verdict = verdict(text, &line);
            self.line = Some((line, verdict));
        }
        match self.line.as_ref().map(|(_, verdict)| verdict) {
            None | Some(Verdict::Nothing) => false,
            Some(Verdict::Everything) => true,
            Some(Verdict::Only(ids)) => ids.iter().any(|id| id == detector),
        }
    }

    /// Forgets the line, because the text is another one now.
    pub(super) fn forget(&mut self) {
        self.line = None;
    }
}

/// The line around a place, its end included.
fn line_around(text: &str, at: usize) -> Range<usize> {
    let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
    let end = text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |end| at + end + 1);
    start..end
}

fn verdict(text: &str, line: &Range<usize>) -> Verdict {
    let own = text.get(line.clone()).unwrap_or_default();
    if SAME_LINE.iter().any(|mark| own.contains(mark)) {
        return Verdict::Everything;
    }
    let ours = |line: &str, next: bool| {
        line.match_indices(OURS).find_map(|(at, mark)| {
            let rest = line.get(at + mark.len()..).unwrap_or_default();
            match (rest.strip_prefix(NEXT), next) {
                (Some(rest), true) => Some(scope(rest)),
                (None, false) => Some(scope(rest)),
                _ => None,
            }
        })
    };
    if let Some(verdict) = ours(own, false) {
        return verdict;
    }
    let Some(end) = line.start.checked_sub(1) else { return Verdict::Nothing };
    let above = text.get(line_around(text, end)).unwrap_or_default();
    if NEXT_LINE.iter().any(|mark| above.contains(mark)) {
        return Verdict::Everything;
    }
    ours(above, true).unwrap_or(Verdict::Nothing)
}

/// What stands behind our mark: ids of detectors, which have a hyphen, or words for people.
fn scope(rest: &str) -> Verdict {
    let Some(rest) = rest.strip_prefix([' ', '\t', '=', ':']) else { return Verdict::Everything };
    let is_id = |word: &&str| {
        word.contains('-')
            && word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    let ids: Vec<String> = rest
        .split([',', ' ', '\t', ':', ']', ')', '\r', '\n'])
        .filter(|word| !word.is_empty())
        .take_while(is_id)
        .map(str::to_owned)
        .collect();
    if ids.is_empty() { Verdict::Everything } else { Verdict::Only(ids) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(text: &str, detector: &str) -> bool {
        Allowance::default().allows(text, text.find("SECRET").unwrap(), detector)
    }

    #[test]
    fn the_line_itself_and_the_line_above() {
        for text in [
            "SECRET # agentfirewall:allow",
            "SECRET // agentfirewall:allow because it is revoked",
            "SECRET # agentfirewall:allow github-token",
            "SECRET # agentfirewall:allow aws-key, github-token: both are examples",
            "x\nSECRET # gitleaks:allow\ny",
            "SECRET # trufflehog:ignore",
            "SECRET  # pragma: allowlist secret",
            "# pragma: allowlist nextline secret\nSECRET",
            "<!-- agentfirewall:allow-next-line -->\nSECRET",
            "# agentfirewall:allow-next-line github-token\r\nSECRET",
        ] {
            assert!(allows(text, "github-token"), "{text}");
        }
        for text in [
            "SECRET",
            "# agentfirewall:allow\nSECRET",
            "SECRET\n# agentfirewall:allow",
            "SECRET # agentfirewall:allow aws-key",
            "SECRET # agentfirewall:allow gihub-token",
            "SECRET # agentfirewall:allow-next-line",
            "# agentfirewall:allow-next-line\n\nSECRET",
            "# agentfirewall:allow-next-line aws-key\nSECRET",
            "# gitleaks:allow\nSECRET",
            "SECRET # nosec",
        ] {
            assert!(!allows(text, "github-token"), "{text}");
        }
    }

    #[test]
    fn one_answer_a_line() {
        let text = "SECRET # agentfirewall:allow\nSECRET\nSECRET # gitleaks:allow";
        let mut allowance = Allowance::default();
        let answers: Vec<bool> =
            text.match_indices("SECRET").map(|(at, _)| allowance.allows(text, at, "x-y")).collect();
        assert_eq!(answers, [true, false, true]);
    }
}
