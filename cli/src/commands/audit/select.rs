//! The filters of `audit` and of what is under it.

use agentfirewall_core::audit::Filter;
use agentfirewall_sdk::Action;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use super::{row, time};
use crate::args::AuditFilterArgs;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

/// What the arguments select.
pub(super) struct Selection<'a> {
    args: &'a AuditFilterArgs,
    action: Option<Action>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    tool: Box<dyn Fn(&str) -> bool + 'a>,
}

impl<'a> Selection<'a> {
    /// Reads the arguments.
    pub(super) fn new(args: &'a AuditFilterArgs) -> Result<Self, Failure> {
        let now = Timestamp::now();
        let time = |text: &Option<String>| {
            text.as_deref()
                .map(|text| time::parse(text, now).map_err(|message| Failure::new(Exit::Usage, message)))
                .transpose()
        };
        let action = args.action.as_deref().map(|text| text.to_ascii_lowercase().parse::<Action>());
        let action = action.transpose().map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
        let tool = |tool: &str| args.tool.as_deref().is_none_or(|pattern| row::matches(pattern, tool));
        Ok(Self { args, action, since: time(&args.since)?, until: time(&args.until)?, tool: Box::new(tool) })
    }

    /// The filter.
    pub(super) fn filter(&self) -> Filter<'_> {
        let mut filter = Filter::default();
        match self.args.tool.as_deref() {
            Some(tool) if !tool.contains(['*', '?', '[']) => filter.exact_tool = Some(tool),
            Some(_) => filter.tool = Some(&*self.tool),
            None => {}
        }
        filter.action = self.action.map(Action::as_str);
        filter.rule = self.args.rule.as_deref();
        filter.session = self.args.session.as_deref();
        filter.since = self.since;
        filter.until = self.until;
        filter
    }
}

/// A bar over bytes; hidden where standard error is no terminal.
pub(super) fn bar(what: &'static str, ui: &Ui) -> ProgressBar {
    if !ui.progress() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(&format!("  {what} {{wide_bar}} {{bytes}}/{{total_bytes}}"));
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
