//! `agentfirewall audit report`: one page that needs nothing else, for people who have no terminal open.
//!
//! The page may hold texts that a model wrote. Every value is escaped, and a content security policy permits only the
//! style and the script that this file holds, by their hashes, and no connection to anywhere.

use std::collections::VecDeque;
use std::fmt::Write as _;

use agentfirewall_core::audit::{Report, View, scan, sha256_base64, verify};
use agentfirewall_sdk::Action;
use jiff::Timestamp;

use super::export::write;
use super::select::{Selection, bar};
use super::stats::{Actions, Counts, top};
use super::{failure, log_path, row};
use crate::args::AuditReportArgs;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");
/// How many lines the tables of counts have at most.
const TOP: usize = 12;
/// How many days the timeline has at most.
const DAYS: usize = 60;

pub(super) fn run(args: &AuditReportArgs, ui: &Ui) -> Result<Exit, Failure> {
    let log = log_path(args.filter.log.as_deref())?;
    let selection = Selection::new(&args.filter)?;
    let bar = bar("reading", ui);
    let (mut counts, mut rows) = (Counts::default(), VecDeque::new());
    let scanned = scan(
        &log,
        &selection.filter(),
        &mut |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        },
        &mut |line, view| {
            counts.add(view);
            if args.newest > 0 {
                if rows.len() == args.newest {
                    rows.pop_front();
                }
                rows.push_back(line.to_vec());
            }
        },
    );
    let verified = scanned.and_then(|()| {
        verify(&log, &mut |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        })
    });
    bar.finish_and_clear();
    let report = verified.map_err(failure)?;
    let rows: Vec<Vec<u8>> = rows.into();
    let html = page(&log.display().to_string(), &counts, &report, &rows, Timestamp::now());
    write(&args.html, |file| file.write_all(html.as_bytes()))
        .map_err(|error| Failure::io(format!("`{}`", args.html.display()), &error))?;
    ui.note(format!("written: {}", row::escaped(&args.html.display().to_string())));
    Ok(Exit::Success)
}

fn page(log: &str, counts: &Counts, report: &Report, rows: &[Vec<u8>], now: Timestamp) -> String {
    let mut page = String::with_capacity(64 << 10);
    let (style, script) = (sha256_base64(STYLE.as_bytes()), sha256_base64(SCRIPT.as_bytes()));
    push(
        &mut page,
        format_args!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{style}'; \
         script-src 'sha256-{script}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>agentfirewall: audit report</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#records\">Skip to the records</a>\n\
         <header>\n<h1>Audit report</h1>\n<p><code>{}</code></p>\n<p>Made {now:.0}",
            escaped(log)
        ),
    );
    if let (Some(first), Some(last)) = (&counts.first, &counts.last) {
        push(&mut page, format_args!(", of {} to {}", escaped(first), escaped(last)));
    }
    page.push_str("</p>\n</header>\n<main>\n");
    chain(&mut page, report);
    tiles(&mut page, counts);
    timeline(&mut page, counts);
    page.push_str("<div class=\"columns\">\n");
    groups(&mut page, "rules", "Decisions by rule", "Rule", &top(&counts.rules, TOP));
    groups(&mut page, "tools", "Decisions by tool", "Tool", &top(&counts.tools, TOP));
    let mut denied: Vec<_> = counts.rules.iter().filter(|(_, actions)| actions.deny > 0).collect();
    denied.sort_by_key(|(_, actions)| std::cmp::Reverse(actions.deny));
    let denied: Vec<(&str, Actions)> = denied
        .into_iter()
        .take(TOP)
        .map(|(name, actions)| (name.as_str(), Actions { deny: actions.deny, ..Actions::default() }))
        .collect();
    let denied: Vec<(&str, &Actions)> = denied.iter().map(|(name, actions)| (*name, actions)).collect();
    groups(&mut page, "denied", "Most denied", "Rule", &denied);
    let mut sessions = top(&counts.sessions, usize::MAX);
    // Those in which most was stopped are looked at first.
    sessions.sort_by_key(|(_, actions)| std::cmp::Reverse((actions.deny, actions.ask, actions.alert)));
    sessions.truncate(TOP);
    groups(&mut page, "sessions", "Sessions", "Session", &sessions);
    page.push_str("</div>\n");
    records(&mut page, rows);
    push(
        &mut page,
        format_args!(
            "</main>\n<footer><p>{}.</p></footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
            escaped(Report::LIMIT)
        ),
    );
    page
}

fn chain(page: &mut String, report: &Report) {
    let (class, word) = if report.is_intact() { ("good", "Intact") } else { ("bad", "Not intact") };
    push(
        page,
        format_args!(
            "<section aria-labelledby=\"chain\">\n<h2 id=\"chain\">Chain</h2>\n<p class=\"state {class}\">{word}</p>\n\
         <p>{} records in {} files, {} repaired ends",
            report.records, report.files, report.recoveries
        ),
    );
    if let Some((chain, seq)) = &report.last {
        push(page, format_args!("; the last is record {seq} of chain <code>{}</code>", escaped(chain)));
    }
    page.push_str("</p>\n");
    if let Some(head) = &report.head {
        push(page, format_args!("<p>Head: <code>{head}</code></p>\n"));
    }
    if !report.is_intact() {
        page.push_str("<ul>\n");
        for fault in report.faults.iter().take(50) {
            push(
                page,
                format_args!(
                    "<li>{}, line {}: {}</li>\n",
                    escaped(&fault.file),
                    fault.line,
                    escaped(&fault.detail)
                ),
            );
        }
        push(page, format_args!("</ul>\n<p>{} in all</p>\n", report.fault_count));
    }
    page.push_str("</section>\n");
}

fn tiles(page: &mut String, counts: &Counts) {
    page.push_str("<section aria-labelledby=\"sum\">\n<h2 id=\"sum\">Decisions</h2>\n<dl class=\"tiles\">\n");
    let total = [("all", "All", counts.actions.total())];
    let actions = Action::ALL
        .into_iter()
        .rev()
        .map(|action| (action.as_str(), action.as_str(), counts.actions.of(action)));
    let secrets = [("secrets", "with secrets", counts.with_secrets)];
    for (class, title, number) in total.into_iter().chain(actions).chain(secrets) {
        push(page, format_args!("<div class=\"{class}\"><dt>{title}</dt><dd>{number}</dd></div>\n"));
    }
    page.push_str("</dl>\n</section>\n");
}

/// Bars of one day each, drawn; the same numbers stand in a table for those who cannot see them.
fn timeline(page: &mut String, counts: &Counts) {
    let skipped = counts.days.len().saturating_sub(DAYS);
    let days: Vec<_> = counts.days.iter().skip(skipped).collect();
    let largest = days.iter().map(|(_, actions)| actions.total()).max().unwrap_or(0).max(1);
    page.push_str("<section aria-labelledby=\"time\">\n<h2 id=\"time\">Timeline</h2>\n");
    if days.is_empty() {
        page.push_str("<p>No decisions.</p>\n</section>\n");
        return;
    }
    let width = 12 * days.len();
    push(
        page,
        format_args!(
            "<svg viewBox=\"0 0 {width} 100\" preserveAspectRatio=\"none\" class=\"timeline\" role=\"img\" \
         aria-label=\"Decisions a day, at most {largest}\">\n"
        ),
    );
    for (at, (day, actions)) in days.iter().enumerate() {
        let mut top = 100.0;
        push(
            page,
            format_args!(
                "<g><title>{}: {} decisions, {} denied</title>",
                escaped(day),
                actions.total(),
                actions.deny
            ),
        );
        for action in Action::ALL {
            let height = share(actions.of(action), largest) * 100.0;
            if height > 0.0 {
                top -= height;
                push(
                    page,
                    format_args!(
                        "<rect class=\"{action}\" x=\"{}\" y=\"{top:.2}\" width=\"10\" height=\"{height:.2}\"/>",
                        at * 12 + 1
                    ),
                );
            }
        }
        page.push_str("</g>\n");
    }
    page.push_str("</svg>\n");
    if let (Some((first, _)), Some((last, _))) = (days.first(), days.last()) {
        push(
            page,
            format_args!(
                "<p class=\"axis\"><span>{}</span><span>{}</span></p>\n",
                escaped(first),
                escaped(last)
            ),
        );
    }
    page.push_str("<ul class=\"legend\">");
    for action in Action::ALL.into_iter().rev() {
        push(
            page,
            format_args!(
                "<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"{action}\" width=\"10\" height=\"10\"/></svg>{action}</li>"
            ),
        );
    }
    page.push_str("</ul>\n<details><summary>The days as a table</summary>\n");
    let days: Vec<(&str, &Actions)> =
        days.into_iter().map(|(day, actions)| (day.as_str(), actions)).collect();
    table(page, "Day", &days);
    page.push_str("</details>\n</section>\n");
}

fn groups(page: &mut String, id: &str, title: &str, column: &str, rows: &[(&str, &Actions)]) {
    push(page, format_args!("<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}</h2>\n"));
    if rows.is_empty() {
        page.push_str("<p>None.</p>\n");
    } else {
        table(page, column, rows);
    }
    page.push_str("</section>\n");
}

fn table(page: &mut String, column: &str, rows: &[(&str, &Actions)]) {
    let largest = rows.iter().map(|(_, actions)| actions.total()).max().unwrap_or(0).max(1);
    push(
        page,
        format_args!(
            "<table>\n<thead><tr><th scope=\"col\">{column}</th><th scope=\"col\" class=\"number\">Decisions</th>\
         <th scope=\"col\" class=\"number\">Denied</th><th scope=\"col\"><span class=\"unseen\">Share</span></th></tr></thead>\n<tbody>\n"
        ),
    );
    for (name, actions) in rows {
        push(
            page,
            format_args!(
                "<tr><th scope=\"row\">{}</th><td class=\"number\">{}</td><td class=\"number\">{}</td><td>\
             <svg viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" class=\"bar\" aria-hidden=\"true\">",
                escaped(name),
                actions.total(),
                actions.deny
            ),
        );
        let mut left = 0.0;
        for action in Action::ALL.into_iter().rev() {
            let width = share(actions.of(action), largest) * 100.0;
            if width > 0.0 {
                push(
                    page,
                    format_args!(
                        "<rect class=\"{action}\" x=\"{left:.2}\" y=\"0\" width=\"{width:.2}\" height=\"8\"/>"
                    ),
                );
                left += width;
            }
        }
        page.push_str("</svg></td></tr>\n");
    }
    page.push_str("</tbody>\n</table>\n");
}

fn records(page: &mut String, rows: &[Vec<u8>]) {
    push(
        page,
        format_args!(
            "<section aria-labelledby=\"records\">\n<h2 id=\"records\" tabindex=\"-1\">Records</h2>\n\
         <p>The newest {} that match, the newest first.</p>\n<div class=\"filters\">\n\
         <label>Search <input id=\"search\" type=\"search\" autocomplete=\"off\"></label>\n\
         <label>Action <select id=\"action\"><option value=\"\">all</option>",
            rows.len()
        ),
    );
    for action in Action::ALL.into_iter().rev() {
        push(page, format_args!("<option>{action}</option>"));
    }
    page.push_str(
        "</select></label>\n<p id=\"shown\" role=\"status\"></p>\n</div>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" \
         aria-labelledby=\"records\">\n<table id=\"table\">\n<thead><tr><th scope=\"col\">Time</th><th scope=\"col\">Action</th>\
         <th scope=\"col\">Event or tool</th><th scope=\"col\">Rule</th><th scope=\"col\">What</th><th scope=\"col\">Reason</th>\
         <th scope=\"col\" class=\"number\">No.</th></tr></thead>\n<tbody>\n",
    );
    for line in rows.iter().rev() {
        let Some(view) = View::of(line) else { continue };
        // A class comes from our words alone.
        let action = view.action_taken.parse::<Action>().map_or("", Action::as_str);
        let time = view.time().map_or_else(
            || view.timestamp.to_string(),
            |time| time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        );
        let what = if view.tool_name.is_empty() { &view.event_type } else { &view.tool_name };
        let rule = view.rule.as_ref().map_or("", |rule| rule.name.as_ref());
        push(
            page,
            format_args!(
                "<tr data-action=\"{action}\"><td><time>{}</time></td><td><span class=\"tag {action}\">{}</span></td><td>{}</td><td>{}</td>\
             <td class=\"what\">{}</td><td>{}</td><td class=\"number\">{}</td></tr>\n",
                escaped(&time),
                escaped(&view.action_taken),
                escaped(what),
                escaped(rule),
                escaped(&row::summary(&view)),
                escaped(&view.reason),
                view.seq
            ),
        );
    }
    page.push_str("</tbody>\n</table>\n</div>\n</section>\n");
}

#[expect(clippy::cast_precision_loss, reason = "a share of a picture's width")]
fn share(number: u64, of: u64) -> f64 {
    number as f64 / of as f64
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    let _infallible = page.write_fmt(text);
}

/// A text as the content of an element or an attribute in double quotes, without anything that hides or reorders.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in row::escaped(text).chars() {
        match character {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            character => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_record_becomes_markup_or_script() {
        let evil = r#"</td><script>alert(1)</script><img src=x onerror=\"alert(1)\">' onload='x\u202e"#;
        let line = format!(
            r#"{{"timestamp":"{evil}","event_type":"policy_check","tool_name":"{evil}","action_taken":"{evil}","seq":7,
            "rule":{{"name":"{evil}"}},"reason":"{evil}","session_id":"{evil}","parameters":{{"command":"{evil}"}}}}"#
        );
        let mut counts = Counts::default();
        counts.add(&View::of(line.as_bytes()).unwrap());
        let denied = line.replacen(&format!(r#""action_taken":"{evil}""#), r#""action_taken":"deny""#, 1);
        counts.add(&View::of(denied.as_bytes()).unwrap());
        let report = Report { fault_count: 1, last: Some((evil.to_owned(), 7)), ..Report::default() };
        let rows = [line.into_bytes(), denied.into_bytes()];
        let html = page(evil, &counts, &report, &rows, Timestamp::UNIX_EPOCH);
        assert_eq!(html.matches("<script").count(), 1);
        assert_eq!(html.matches("<img").count(), 0);
        assert_eq!(html.matches(SCRIPT).count(), 1);
        assert!(!html.contains("' onload=") && !html.contains('\u{202e}'));
        assert_eq!(html.matches("<tr data-action=\"\">").count(), 1);
        assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("url("));
    }
}
