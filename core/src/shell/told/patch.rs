//! Differences between files, as `diff -u` and git write them.

/// How many files of a difference are looked at.
const FILES: usize = 128;

/// The files that a difference changes, as its headers name them: with the first folder (`a/`, `b/`) and without it, since
/// `-p` says how many are left out. So a file is named that is not there rather than one forgotten that is.
pub(super) fn changed(text: &str) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for line in text.lines() {
        let header = line
            .strip_prefix("+++ ")
            .or_else(|| line.strip_prefix("--- "))
            .or_else(|| line.strip_prefix("rename to "))
            .or_else(|| line.strip_prefix("rename from "))
            .or_else(|| line.strip_prefix("copy to "))
            .or_else(|| line.strip_prefix("Index: "));
        let both = line
            .strip_prefix("diff --git ")
            .map(|names| names.split_once(" b/").map_or(names, |(_, new)| new));
        let Some(name) = header.or(both) else { continue };
        let name = name.split('\t').next().unwrap_or_default().trim().trim_matches('"');
        if name.is_empty() || name == "/dev/null" || paths.len() >= FILES {
            continue;
        }
        let below = name.strip_prefix("a/").or_else(|| name.strip_prefix("b/")).unwrap_or(name);
        if !paths.iter().any(|path| path == below) {
            paths.push(below.to_owned());
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_name_the_files() {
        let text = "diff --git a/x/y b/x/y\n--- a/x/y\n+++ b/x/y\t2020\n@@ -1 +1 @@\n-a\n+b\n--- /dev/null\n+++ b/z\n";
        assert_eq!(changed(text), ["x/y", "z"]);
        assert_eq!(changed("rename from a\nrename to c\n"), ["a", "c"]);
        assert!(changed("+a\n-b\n").is_empty());
    }
}
