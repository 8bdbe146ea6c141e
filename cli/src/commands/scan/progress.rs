//! The progress bar: on a terminal only, with the time that is left once it is known how much there is.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::ui::Ui;

/// How far a scan has come.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    shown: bool,
    unit: &'static str,
}

impl Progress {
    pub(super) fn new(ui: &Ui, unit: &'static str) -> Self {
        let shown = ui.progress();
        let bar = if shown { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if shown {
            style(&bar, &format!("{{spinner}} {{pos}} {unit} {{per_sec}}"));
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self { bar, shown, unit }
    }

    /// Whether anybody sees it: counting ahead costs time.
    pub(super) fn is_shown(&self) -> bool {
        self.shown
    }

    /// Now it is known how much there is.
    pub(super) fn expect(&self, total: u64) {
        self.bar.set_length(total);
        style(&self.bar, &format!("{{wide_bar}} {{pos}}/{{len}} {} ETA {{eta}}", self.unit));
    }

    /// One is done.
    pub(super) fn step(&self) {
        if self.shown {
            self.bar.inc(1);
        }
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn style(bar: &ProgressBar, template: &str) {
    // A template that cannot be read would leave the bar as it was.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}
