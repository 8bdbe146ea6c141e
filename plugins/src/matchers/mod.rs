//! The built-in matchers that know nothing but a text.

mod glob;
mod regex;

#[cfg(test)]
mod tests {
    use agentfirewall_sdk::{Access, Factory, Kind, PartKind, Subject, ToolCall, registrations};

    #[test]
    fn every_matcher_does_what_its_examples_say() {
        let mut seen = 0;
        for plugin in registrations().filter(|plugin| plugin.factory.kind() == Kind::Matcher) {
            let Factory::Matcher { build, .. } = plugin.factory else { unreachable!() };
            assert!(!plugin.meta.examples.is_empty(), "`{}` has no example", plugin.meta.id);
            assert!(!plugin.meta.negatives.is_empty(), "`{}` has no negative", plugin.meta.id);
            let cases = plugin.meta.examples.iter().map(|case| (case, true));
            for (case, expected) in cases.chain(plugin.meta.negatives.iter().map(|case| (case, false))) {
                let (config, text) = case.split_once(" => ").expect("`CONFIG-JSON => text`");
                let matcher = build(config).unwrap_or_else(|error| panic!("{}: {error}", plugin.meta.id));
                // The kind of part is what a matcher of this kind of text would be asked about.
                let kinds = [PartKind::Command, PartKind::Path, PartKind::Host, PartKind::Call];
                let call = ToolCall::new("Bash", serde_json::json!({"command": text}));
                let hit = kinds
                    .iter()
                    .any(|kind| matcher.matches(&Subject::new(&call, *kind, text, Access::Unknown)).unwrap());
                assert_eq!(hit, expected, "`{}`: {case}", plugin.meta.id);
                seen += 1;
            }
        }
        assert!(seen >= 8);
    }
}
