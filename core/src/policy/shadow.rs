//! Warnings about rules that can never decide anything. Only what is proven is reported.

use std::collections::HashMap;

use super::diagnostic::{Mark, Problems};
use super::model::OwnedRule;

/// Reports doubled names and rules that an earlier rule leaves nothing to match.
pub(super) fn report(rules: &[OwnedRule], marks: &[Mark], problems: &mut Problems) {
    let mut names: HashMap<&str, u32> = HashMap::new();
    for (rule, mark) in rules.iter().zip(marks) {
        if rule.name.is_empty() {
            continue;
        }
        if let Some(first) = names.get(rule.name.as_str()) {
            problems.warning(
                "AF011",
                mark,
                format!(
                    "the name `{}` is already used by the rule in line {first}",
                    super::raw::one_line(&rule.name)
                ),
                Some("decisions and logs name the rule: give each a name of its own".to_owned()),
            );
        } else {
            names.insert(&rule.name, rule.line);
        }
    }
    // The bounds keep the search short where somebody generates a policy of thousands of rules or patterns.
    let short = |list: &Option<Vec<String>>| list.as_ref().is_none_or(|list| list.len() <= 64);
    for (at, (rule, mark)) in rules.iter().zip(marks).enumerate() {
        let before = rules.iter().take(at).filter(|earlier| {
            earlier.condition.is_none()
                && !earlier.monitor
                && short(&earlier.tools)
                && short(&earlier.resources)
        });
        for earlier in before.take(2_000).filter(|_| short(&rule.tools) && short(&rule.resources)) {
            if shadows(earlier, rule) {
                problems.warning(
                    "AF012",
                    mark,
                    format!(
                        "this rule never decides: `{}` in line {} matches everything it does",
                        super::raw::one_line(&earlier.name),
                        earlier.line
                    ),
                    Some("the first matching rule wins: move the narrower rule up, or remove it".to_owned()),
                );
                break;
            }
        }
    }
}

fn shadows(earlier: &OwnedRule, later: &OwnedRule) -> bool {
    // A permissive rule is not asked about composite texts and about what could not be understood, so it hides only
    // rules that are not asked about them either.
    if earlier.action.is_permissive() && !later.action.is_permissive() {
        return false;
    }
    let literal = !earlier.action.is_permissive();
    let same_subject = match (&earlier.effects, &later.effects) {
        (None, None) => true,
        (Some(earlier), Some(later)) => covers(Some(earlier), Some(later), true),
        _ => false,
    };
    same_subject
        && covers(earlier.tools.as_deref(), later.tools.as_deref(), true)
        && covers(earlier.resources.as_deref(), later.resources.as_deref(), literal)
}

/// Whether the wider list matches whatever the narrower does. `*` is everything only where a list of patterns is
/// compared with texts; `star` says whether it also stands for an absent list.
fn covers(wider: Option<&[String]>, narrower: Option<&[String]>, star: bool) -> bool {
    let Some(wider) = wider else { return true };
    let everything = wider.iter().any(|pattern| pattern == "*");
    match narrower {
        None => everything && star,
        Some(narrower) => everything || narrower.iter().all(|pattern| wider.contains(pattern)),
    }
}
