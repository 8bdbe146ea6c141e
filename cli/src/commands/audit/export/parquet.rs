//! Apache Parquet: the columns of the CSV export with their types, and each record whole, so that a copy in this format is
//! still evidence (`audit verify --from`). The format is that of <https://parquet.apache.org/docs/file-format/>.

use std::io::{self, Write};
use std::sync::Arc;

use agentfirewall_core::formats::csv::{COLUMNS, cells};
use agentfirewall_sdk::Event;
use jiff::Timestamp;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

/// How many bytes of records are kept in memory until they are written as one row group.
const GROUP: usize = 32 << 20;

/// What each record is called as a whole.
const RECORD: &str = "record";

/// A table that is written to `W`, a row a record.
pub(super) struct Table<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: Vec<Column>,
    bytes: usize,
}

/// The rows of a column that are not yet written. An absent value has a level of 0, as optional columns have it.
enum Column {
    Numbers { values: Vec<i64>, levels: Vec<i16> },
    Texts { values: Vec<ByteArray>, levels: Vec<i16> },
}

impl Column {
    fn of(name: &str) -> Self {
        let levels = Vec::new();
        match name {
            "timestamp" | "seq" => Self::Numbers { values: Vec::new(), levels },
            _ => Self::Texts { values: Vec::new(), levels },
        }
    }

    fn number(&mut self, number: Option<i64>) {
        if let Self::Numbers { values, levels } = self {
            levels.push(number.is_some().into());
            values.extend(number);
        }
    }

    fn text(&mut self, text: &[u8]) {
        if let Self::Texts { values, levels } = self {
            levels.push((!text.is_empty()).into());
            if !text.is_empty() {
                values.push(text.to_vec().into());
            }
        }
    }
}

/// The schema: every column is optional, as a record need not have it.
fn schema() -> String {
    let column = |name: &str| match name {
        "timestamp" => "optional int64 timestamp (TIMESTAMP(MICROS,true));".to_owned(),
        "seq" => "optional int64 seq (INTEGER(64,false));".to_owned(),
        "parameters" | RECORD => format!("optional binary {name} (JSON);"),
        name => format!("optional binary {name} (STRING);"),
    };
    let columns = COLUMNS.into_iter().chain([RECORD]).map(column).collect::<Vec<_>>();
    format!("message records {{ {} }}", columns.join(" "))
}

fn io(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

impl<W: Write + Send> Table<W> {
    pub(super) fn new(out: W) -> io::Result<Self> {
        let schema = parse_message_type(&schema()).map_err(io)?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
        // What is never the same twice has no use of a dictionary.
        let unique = [RECORD, "_hash", "parameters", "timestamp", "seq"];
        let properties = unique.into_iter().fold(properties, |properties, name| {
            properties.set_column_dictionary_enabled(ColumnPath::from(name), false)
        });
        let writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties.build()));
        let columns = COLUMNS.into_iter().chain([RECORD]).map(Column::of).collect();
        Ok(Self { writer: writer.map_err(io)?, columns, bytes: 0 })
    }

    /// Adds the record that this line of the log holds.
    pub(super) fn push(&mut self, event: &Event, line: &[u8]) -> io::Result<()> {
        let cells = cells(event);
        for ((name, cell), column) in COLUMNS.into_iter().zip(&cells).zip(&mut self.columns) {
            match name {
                "timestamp" => {
                    let time = cell.parse::<Timestamp>().ok();
                    column.number(time.map(Timestamp::as_microsecond));
                }
                "seq" => column.number(Some(event.sequence.cast_signed())),
                _ => column.text(cell.as_bytes()),
            }
        }
        if let Some(record) = self.columns.last_mut() {
            record.text(line.trim_ascii_end());
        }
        self.bytes += line.len() + cells.iter().map(String::len).sum::<usize>();
        if self.bytes >= GROUP { self.group() } else { Ok(()) }
    }

    /// Writes what is in memory as a row group.
    fn group(&mut self) -> io::Result<()> {
        self.bytes = 0;
        let mut group = self.writer.next_row_group().map_err(io)?;
        for column in &mut self.columns {
            let Some(mut out) = group.next_column().map_err(io)? else { break };
            match column {
                Column::Numbers { values, levels } => {
                    out.typed::<Int64Type>().write_batch(values, Some(levels), None).map_err(io)?;
                    values.clear();
                    levels.clear();
                }
                Column::Texts { values, levels } => {
                    out.typed::<ByteArrayType>().write_batch(values, Some(levels), None).map_err(io)?;
                    values.clear();
                    levels.clear();
                }
            }
            out.close().map_err(io)?;
        }
        group.close().map_err(io)?;
        Ok(())
    }

    /// Writes the rest and the end of the file, without which nobody can read it.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.bytes > 0 {
            self.group()?;
        }
        self.writer.close().map_err(io)?;
        Ok(())
    }
}
