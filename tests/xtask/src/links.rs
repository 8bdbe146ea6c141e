//! Links between the Markdown files of the repository: every file and every heading they name must exist, and every
//! page of the manual must be in its table of contents. Links to other sites are not followed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::workshop::{Workshop, files, read};
use crate::{Result, say};

/// Checks every Markdown file.
pub(crate) fn run(workshop: &Workshop) -> Result<()> {
    let mut pages = BTreeMap::new();
    for path in files(workshop.root(), ".md")? {
        let text = read(&path)?;
        pages.insert(path, text);
    }
    let mut broken = broken_links(&pages, &|path| path.exists());
    broken.extend(unlisted(&pages, &workshop.path("docs/src")));
    say::line(&format!("{} Markdown files, {} broken links", pages.len(), broken.len()));
    if broken.is_empty() { Ok(()) } else { Err(format!("broken links:\n  {}", broken.join("\n  "))) }
}

fn broken_links(pages: &BTreeMap<PathBuf, String>, exists: &dyn Fn(&Path) -> bool) -> Vec<String> {
    let mut broken = Vec::new();
    for (page, text) in pages {
        for (line, target) in links(text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, heading) =
                target.split_once('#').map_or((target, None), |(file, id)| (file, Some(id)));
            let path = if file.is_empty() { page.clone() } else { resolve(page, file) };
            if !pages.contains_key(&path) && !exists(&path) {
                broken.push(format!("{}:{line}: `{target}`: there is no such file", page.display()));
            } else if let (Some(id), Some(other)) = (heading, pages.get(&path))
                && !headings(other).contains(id)
            {
                broken.push(format!("{}:{line}: `{target}`: there is no such heading", page.display()));
            }
        }
    }
    broken
}

/// Pages that no reader would find because the table of contents leaves them out.
fn unlisted(pages: &BTreeMap<PathBuf, String>, book: &Path) -> Vec<String> {
    let contents = book.join("SUMMARY.md");
    let listed: BTreeSet<PathBuf> = pages
        .get(&contents)
        .map(|text| links(text).into_iter().map(|(_, target)| resolve(&contents, target)).collect())
        .unwrap_or_default();
    pages
        .keys()
        .filter(|page| page.starts_with(book) && **page != contents && !listed.contains(*page))
        .map(|page| format!("{}: not in SUMMARY.md", page.display()))
        .collect()
}

/// The targets of inline links and images outside code, with their lines.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let mut rest = line;
        // Odd pieces between backticks are code.
        let mut in_code = false;
        while let Some(at) = rest.find(['`', ']']) {
            let (_, from) = rest.split_at(at);
            if from.starts_with('`') {
                in_code = !in_code;
                rest = from.strip_prefix('`').unwrap_or_default();
            } else if let Some(target) = from.strip_prefix("](")
                && !in_code
            {
                let (target, after) = target.split_once(')').unwrap_or((target, ""));
                found.push((number, target.split_whitespace().next().unwrap_or_default()));
                rest = after;
            } else {
                rest = from.strip_prefix(']').unwrap_or_default();
            }
        }
    }
    found
}

/// The lines outside fenced code, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        (!fenced).then_some((index + 1, line))
    })
}

/// The anchors of a page's headings, as mdBook and the code forges make them.
fn headings(text: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for (_, line) in prose(text) {
        let title = line.trim_start_matches('#');
        if title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let id: String = title
            .trim()
            .to_lowercase()
            .chars()
            .filter_map(|character| match character {
                ' ' => Some('-'),
                '-' | '_' => Some(character),
                _ => character.is_alphanumeric().then_some(character),
            })
            .collect();
        let mut unique = id.clone();
        let mut count = 0;
        while !ids.insert(unique.clone()) {
            count += 1;
            unique = format!("{id}-{count}");
        }
    }
    ids
}

/// A link's path from the page it stands in, without `.` and `..`.
fn resolve(page: &Path, link: &str) -> PathBuf {
    let mut path = page.parent().map(Path::to_owned).unwrap_or_default();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(list: &[(&str, &str)]) -> BTreeMap<PathBuf, String> {
        list.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect()
    }

    #[test]
    fn good_links_pass_and_each_kind_of_broken_link_is_named_with_its_line() {
        let pages = pages(&[
            (
                "d/a.md",
                "# One `two` (three)\n[ok](b.md) [ok](#one-two-three) [ok](b.md#deep-x) [ok](https://x.y/z)\n",
            ),
            ("d/b.md", "## Deep: X\n[up](../README.md)\n\n[gone](c.md) and [gone](a.md#nowhere)\n"),
            ("README.md", "`[code](no.md)`\n```\n[code](no.md)\n```\n![picture](p.png)\n"),
        ]);
        let broken = broken_links(&pages, &|path| path == Path::new("p.png"));
        assert_eq!(
            broken,
            ["d/b.md:4: `c.md`: there is no such file", "d/b.md:4: `a.md#nowhere`: there is no such heading"]
        );
    }

    #[test]
    fn a_page_that_the_table_of_contents_leaves_out_is_named() {
        let pages = pages(&[
            ("s/SUMMARY.md", "- [In](in.md)"),
            ("s/in.md", ""),
            ("s/r/out.md", ""),
            ("README.md", ""),
        ]);
        assert_eq!(unlisted(&pages, Path::new("s")), ["s/r/out.md: not in SUMMARY.md"]);
    }
}
