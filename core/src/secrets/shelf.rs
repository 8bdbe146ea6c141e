//! The detectors of a table, none of which is made or looked at before a text points to it.

use agentfirewall_sdk::Rows;

use super::engine::{DetectorSetting, Slot};
use crate::registry::Entry;

/// A table and what settings say of single rows.
pub(super) struct Shelf<'r> {
    rows: &'static dyn Rows,
    said: Vec<(u16, DetectorSetting<'r>)>,
}

impl<'r> Shelf<'r> {
    pub(super) const fn new(rows: &'static dyn Rows) -> Self {
        Self { rows, said: Vec::new() }
    }

    /// Takes a setting that is about one of the rows; `false` if it is about none.
    pub(super) fn follow(&mut self, setting: &DetectorSetting<'r>) -> bool {
        let row = self.rows.row(setting.id);
        self.said.extend(row.map(|row| (row, *setting)));
        row.is_some()
    }

    pub(super) const fn rows(&self) -> &'static dyn Rows {
        self.rows
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        let rows = self.rows;
        (0..rows.count()).map(move |row| rows.id(row))
    }

    fn said(&self, row: u16) -> impl Iterator<Item = &DetectorSetting<'r>> {
        self.said.iter().filter(move |(about, _)| *about == row).map(|(_, setting)| setting)
    }

    /// Whether a row takes part.
    pub(super) fn is_active(&self, row: u16) -> bool {
        let mut said = self.said(row).peekable();
        (said.peek().is_some() || !self.rows.off(row)) && said.all(|setting| setting.enabled)
    }

    /// The keywords of rows that take part because a setting says so: the index of a table that has one does not hold them.
    pub(super) fn switched_on(&self) -> impl Iterator<Item = (u16, &'static str)> {
        let rows = self.rows;
        let mut on: Vec<u16> = self.said.iter().map(|(row, _)| *row).collect();
        on.sort_unstable();
        on.dedup();
        on.retain(|row| rows.index().is_some() && rows.off(*row) && self.is_active(*row));
        on.into_iter()
            .flat_map(move |row| (0..).map_while(move |number| Some((row, rows.keyword(row, number)?))))
    }

    /// A row as a detector that is made when it is needed.
    pub(super) fn slot(&self, row: u16) -> Slot<'r> {
        let mut slot = Slot::new(Entry::of_row(self.rows, row));
        for setting in self.said(row) {
            slot.follow(setting);
        }
        slot
    }

    /// Whether no setting is about a row.
    pub(super) fn is_plain(&self, row: u16) -> bool {
        self.said(row).next().is_none()
    }

    /// Every row that takes part.
    pub(super) fn active(&self) -> impl Iterator<Item = Slot<'r>> {
        (0..self.rows.count()).filter(|row| self.is_active(*row)).map(|row| self.slot(row))
    }
}
