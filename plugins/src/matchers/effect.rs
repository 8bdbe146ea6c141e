//! What a call does, whatever command or tool does it.

use agentfirewall_sdk::{Anchors, Matcher, PartKind, Plugin, PluginError, Subject, register};
use schemars::JsonSchema;
use serde::Deserialize;

use super::glob;

/// The effects, or the effects with exceptions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Config {
    /// The effects alone, of which the call has to have one.
    Ids(Vec<String>),
    /// The effects and those of them that do not count.
    Options(Options),
}

/// The effects and those of them that do not count.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    /// Names of effects, such as `git.force-push`, or wildcards, such as `git.*`.
    ids: Vec<String>,
    /// Names or wildcards of effects that do not count.
    #[serde(default)]
    except: Vec<String>,
}

/// Matches what a call does by its name.
#[derive(Debug)]
pub(crate) struct Effect {
    ids: Vec<String>,
    except: Vec<String>,
}

impl Plugin for Effect {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        let Options { ids, except } = match config {
            Config::Ids(ids) => Options { ids, except: Vec::new() },
            Config::Options(options) => options,
        };
        if ids.is_empty() {
            return Err(PluginError::new("an empty list of effects matches nothing"));
        }
        let wrong = ids.iter().chain(&except).find(|id| !is_plausible(id));
        if let Some(wrong) = wrong {
            return Err(PluginError::new(format!(
                "`{}` is no name of an effect: one is like `git.force-push` or `git.*`",
                wrong.escape_debug()
            )));
        }
        Ok(Self { ids, except })
    }
}

impl Matcher for Effect {
    fn matches(&self, subject: &Subject<'_>) -> Result<bool, PluginError> {
        let one_of = |patterns: &[String]| patterns.iter().any(|id| glob::matches(id, subject.text));
        Ok(subject.kind == PartKind::Effect && one_of(&self.ids) && !one_of(&self.except))
    }

    fn anchors(&self) -> Anchors {
        let literals: Option<Vec<_>> = self.ids.iter().map(|id| glob::longest_literal(id)).collect();
        literals.map_or(Anchors::Always, Anchors::AnyOf)
    }
}

register! {
    matcher Effect {
        id: "effect",
        summary: "what the call does, by name, such as `git.force-push` or `credentials.*`",
        why: "says what must not happen, whatever command, language or tool it would happen by",
        examples: [
            r#"["git.force-push"] => {"effect": "git.force-push", "detail": "main"}"#,
            r#"["git.*", "filesystem.delete-*"] => {"effect": "filesystem.delete-root", "detail": "/"}"#,
            r#"{"ids": ["credentials.*"], "except": ["credentials.search"]} => {"effect": "credentials.read"}"#,
        ],
        negatives: [
            r#"["git.force-push"] => {"effect": "git.discard"}"#,
            r#"{"ids": ["credentials.*"], "except": ["credentials.search"]} => {"effect": "credentials.search"}"#,
            r#"["git.force-push"] => git.force-push"#,
        ],
        keywords: ["effect", "consequence", "behaviour"],
        since: "0.3.0",
    }
}

/// Whether a pattern can name an effect at all: a typo in a policy should not be a rule that never holds.
fn is_plausible(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let wild = id.contains(['*', '?', '[']);
    !id.is_empty()
        && id.chars().all(|c| plain(c) || matches!(c, '*' | '?' | '[' | ']' | '!'))
        && (wild || id.split_once('.').is_some_and(|(area, name)| !area.is_empty() && !name.is_empty()))
}

#[cfg(test)]
mod tests {
    use agentfirewall_sdk::{Access, ToolCall};

    use super::*;

    fn new(json: &str) -> Result<Effect, PluginError> {
        Effect::new(serde_json::from_str(json).unwrap())
    }

    fn matches(json: &str, kind: PartKind, id: &str) -> bool {
        let call = ToolCall::new("Bash", serde_json::json!({}));
        new(json).unwrap().matches(&Subject::new(&call, kind, id, Access::Unknown)).unwrap()
    }

    #[test]
    fn only_an_effect_is_matched() {
        assert!(matches(r#"["*"]"#, PartKind::Effect, "git.discard"));
        for kind in [PartKind::Command, PartKind::Tool, PartKind::Script, PartKind::Path, PartKind::Other] {
            assert!(!matches(r#"["*"]"#, kind, "git.discard"), "{kind:?}");
        }
        assert!(!matches(r#"["git.*"]"#, PartKind::Effect, "github.discard"));
    }

    #[test]
    fn the_index_asks_where_an_anchor_occurs() {
        let anchors = new(r#"["git.*", "*.read", "cloud.delete"]"#).unwrap().anchors();
        assert_eq!(anchors, Anchors::AnyOf(vec!["git.".into(), ".read".into(), "cloud.delete".into()]));
        assert_eq!(new(r#"["git.*", "*"]"#).unwrap().anchors(), Anchors::Always);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for json in ["[]", r#"[""]"#, r#"["git"]"#, r#"["Git.push"]"#, r#"["git. push"]"#, r#"["git.é"]"#] {
            assert!(new(json).is_err(), "{json}");
        }
        assert!(new(r#"{"ids": ["git.*"], "except": ["git"]}"#).is_err());
    }
}
