//! The files that a patch changes: `apply_patch` texts and unified diffs.

use agentfirewall_sdk::Access;

use crate::understand::{Touch, Word};

/// What a patch touches.
pub(super) fn touches(patch: &str) -> Vec<Touch> {
    let mut touches: Vec<Touch> = Vec::new();
    let mut add = |path: &str, access: Access| {
        let path = path.trim();
        if !path.is_empty() && path != "/dev/null" {
            let touch = Touch::new(Word::plain(path), access);
            if !touches.contains(&touch) {
                touches.push(touch);
            }
        }
    };
    for line in patch.lines() {
        // The format of `apply_patch`: a header for each file.
        let headers = [
            ("*** Add File:", Access::Write),
            ("*** Update File:", Access::Write),
            ("*** Move to:", Access::Write),
            ("*** Delete File:", Access::Delete),
        ];
        if let Some((path, access)) =
            headers.iter().find_map(|(header, access)| Some((line.strip_prefix(header)?, *access)))
        {
            add(path, access);
        } else if let Some(path) = line.strip_prefix("+++ ") {
            // A unified diff: `b/` stands before the name, a tab and a date may follow it.
            let path = path.split('\t').next().unwrap_or(path);
            add(path.strip_prefix("b/").unwrap_or(path), Access::Write);
        } else if let Some(path) = line.strip_prefix("rename to ") {
            add(path, Access::Write);
        }
    }
    touches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(patch: &str) -> Vec<(String, Access)> {
        touches(patch).into_iter().map(|touch| (touch.word.text, touch.access)).collect()
    }

    #[test]
    fn the_files_of_a_patch_are_found() {
        let patch = "*** Begin Patch\n*** Update File: src/a.rs\n*** Move to: ../b.rs\n@@\n-x\n+y\n*** Delete File: c\n*** End Patch";
        assert_eq!(
            paths(patch),
            [
                ("src/a.rs".to_owned(), Access::Write),
                ("../b.rs".to_owned(), Access::Write),
                ("c".to_owned(), Access::Delete)
            ]
        );
        assert_eq!(paths("--- a/x\n+++ b/x\t2026\n@@ -1 +1 @@"), [("x".to_owned(), Access::Write)]);
        assert!(paths("--- a/x\n+++ /dev/null").is_empty());
    }
}
