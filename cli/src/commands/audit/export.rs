//! `agentfirewall audit export`

mod parquet;

use std::io::{BufWriter, Write};
use std::path::Path;

use agentfirewall_core::audit::scan;
use agentfirewall_core::formats::{cef, csv, ecs, event, ocsf};

use super::select::{Selection, bar};
use super::{failure, log_path, row};
use crate::args::{AuditExportArgs, ExportFormat};
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

pub(super) fn run(args: &AuditExportArgs, ui: &Ui) -> Result<Exit, Failure> {
    let log = log_path(args.filter.log.as_deref())?;
    let selection = Selection::new(&args.filter)?;
    let filter = selection.filter();
    let Some(output) = &args.output else {
        if args.format == ExportFormat::Parquet {
            return Err(Failure::new(
                Exit::Usage,
                "a table of columns is a file: `parquet` takes `--output FILE`",
            ));
        }
        if args.format == ExportFormat::Csv {
            ui.line(csv::header());
        }
        scan(&log, &filter, &mut |_, _| {}, &mut |line, _| {
            if let Some(text) = shown(line, args.format) {
                ui.line(text);
            }
        })
        .map_err(failure)?;
        return Ok(Exit::Success);
    };
    let bar = bar("exporting", ui);
    let written = write(output, |file| {
        let mut out = Out::begin(file, args.format)?;
        let (mut records, mut failed) = (0_u64, None);
        let scanned = scan(
            &log,
            &filter,
            &mut |done, all| {
                bar.set_length(all);
                bar.set_position(done);
            },
            &mut |line, _| {
                if failed.is_none()
                    && let Some(written) = out.add(line)
                {
                    records += 1;
                    failed = written.err();
                }
            },
        );
        match failed {
            Some(error) => Err(error),
            None => out.end().map(|()| scanned.map(|()| records)),
        }
    });
    bar.finish_and_clear();
    let records = written.map_err(|error| Failure::io(format!("`{}`", output.display()), &error))?;
    ui.note(format!(
        "{} records written to {}",
        records.map_err(failure)?,
        row::escaped(&output.display().to_string())
    ));
    Ok(Exit::Success)
}

/// A file that is written to.
type File<'f> = &'f mut (dyn Write + Send);

/// How records become a file.
enum Out<'f> {
    Lines(File<'f>, ExportFormat),
    Table(Box<parquet::Table<File<'f>>>),
}

impl<'f> Out<'f> {
    fn begin(file: File<'f>, format: ExportFormat) -> std::io::Result<Self> {
        match format {
            ExportFormat::Parquet => {
                return parquet::Table::new(file).map(|table| Self::Table(Box::new(table)));
            }
            ExportFormat::Csv => writeln!(file, "{}", csv::header())?,
            _ => {}
        }
        Ok(Self::Lines(file, format))
    }

    /// Adds a record; `None` for a line that is none.
    fn add(&mut self, line: &[u8]) -> Option<std::io::Result<()>> {
        match self {
            Self::Lines(file, format) => shown(line, *format).map(|text| writeln!(file, "{text}")),
            Self::Table(table) => event(line).map(|event| table.push(&event, line)),
        }
    }

    fn end(self) -> std::io::Result<()> {
        match self {
            Self::Lines(..) => Ok(()),
            Self::Table(table) => table.finish(),
        }
    }
}

/// One record in a format; `None` for a line that is no record.
fn shown(line: &[u8], format: ExportFormat) -> Option<String> {
    if format == ExportFormat::Jsonl {
        return Some(row::raw(line));
    }
    let event = event(line)?;
    Some(match format {
        ExportFormat::Csv => csv::line(&event),
        ExportFormat::Ocsf => ocsf::document(&event).to_string(),
        ExportFormat::Ecs => ecs::document(&event).to_string(),
        ExportFormat::Cef => cef::line(&event),
        ExportFormat::Jsonl | ExportFormat::Parquet => return None,
    })
}

/// Writes a file in one step, readable for the user alone: what it holds is as private as the log.
pub(super) fn write<T>(path: &Path, fill: impl FnOnce(File<'_>) -> std::io::Result<T>) -> std::io::Result<T> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    refuse_own(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let mut buffered = BufWriter::with_capacity(1 << 20, file.as_file_mut());
    let result = fill(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    file.persist(path).map_err(|error| error.error)?;
    Ok(result)
}

/// Nothing is written where the firewall keeps what it relies on: an export over the log would end it, and whoever may
/// run this command need not be allowed to write there.
fn refuse_own(folder: &Path) -> std::io::Result<()> {
    let real = folder.canonicalize()?;
    let places = crate::commands::places().map_err(|failure| std::io::Error::other(failure.message))?;
    let own = [places.project_folder(), places.state, places.config, places.managed];
    if own.iter().filter_map(|own| own.canonicalize().ok()).any(|own| real.starts_with(own)) {
        let why = "this is a folder of the firewall's own; write the file somewhere else";
        return Err(std::io::Error::other(why));
    }
    Ok(())
}
