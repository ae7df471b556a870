//! Asterisk's `Master.csv`: the columns of `cdr_csv` in their order (16, then
//! uniqueid, userfield, peeraccount, linkedid, sequence as configured), or any
//! table whose first line names columns of `cdr` (`cdr_custom`).

use super::columns;
use super::database::set_text;
use crate::call::CdrRow;
use crate::config::pbx::CsvConfig;
use crate::source::{CdrSource, Chunk, SourceError};
use async_trait::async_trait;
use chrono::NaiveDateTime;
use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;

/// `cdr_csv.c`, with `loguniqueid`, `loguserfield` and `newcdrcolumns`.
const MASTER: [&str; 21] = [
    "accountcode",
    "src",
    "dst",
    "dcontext",
    "clid",
    "channel",
    "dstchannel",
    "lastapp",
    "lastdata",
    "calldate",
    "answer",
    "end",
    "duration",
    "billsec",
    "disposition",
    "amaflags",
    "uniqueid",
    "userfield",
    "peeraccount",
    "linkedid",
    "sequence",
];
/// Bytes read at once.
const CHUNK: u64 = 4 << 20;

/// The `csv` source: follows a file that grows.
pub struct CsvSource {
    config: CsvConfig,
}

impl CsvSource {
    pub fn new(config: CsvConfig) -> CsvSource {
        CsvSource { config }
    }

    fn read(&self, from: u64) -> std::io::Result<(Vec<u8>, Vec<u8>, u64, u64)> {
        let mut file = std::fs::File::open(&self.config.path)?;
        let len = file.metadata()?.len();
        // A file shorter than what was read is a new one: it was rotated.
        let from = if from > len { 0 } else { from };
        let mut head = vec![0u8; len.min(4_096) as usize];
        file.read_exact(&mut head)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(CHUNK).read_to_end(&mut bytes)?;
        Ok((head, bytes, from, len))
    }
}

#[async_trait]
impl CdrSource for CsvSource {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn interval(&self) -> Duration {
        self.config.interval
    }

    async fn next(&mut self, cursor: Option<&str>) -> Result<Chunk, SourceError> {
        let from = cursor.and_then(|c| c.parse().ok()).unwrap_or(0);
        let failed = |e: std::io::Error| SourceError::File {
            path: self.config.path.display().to_string(),
            reason: e.to_string(),
        };
        let (head, bytes, from, len) = self.read(from).map_err(failed)?;
        let columns = columns_of(&head, &self.config.recording_column);
        // The last line may still be being written.
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
        let rows = parse(&bytes[..whole], &columns, from == 0);
        let next = from + whole as u64;
        Ok(Chunk { rows, cursor: next.to_string(), more: whole > 0 && next < len, reached: None })
    }

    /// Nothing is remembered but the cursor.
    fn acknowledge(&mut self) {}
}

/// The names in the first line where it has names, else those of `cdr_csv`.
fn columns_of(head: &[u8], recording: &str) -> Vec<String> {
    let first = head.split(|b| *b == b'\n').next().unwrap_or(&[]);
    let names: Vec<String> = String::from_utf8_lossy(first)
        .split(',')
        .map(|n| n.trim().trim_matches('"').to_lowercase())
        .collect();
    let is_header = names.iter().any(|n| n == "calldate") && names.iter().any(|n| n == "disposition");
    let names = if is_header { names } else { MASTER.iter().map(|n| (*n).to_owned()).collect() };
    columns::named(names, recording)
}

fn parse(bytes: &[u8], columns: &[String], at_start: bool) -> Vec<CdrRow> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    reader
        .byte_records()
        // Of bytes in memory with any number of fields, every line is a record.
        .filter_map(Result::ok)
        .map(|record| {
            let fields = record.iter().map(|f| String::from_utf8_lossy(f).into_owned());
            row_of(columns, fields)
        })
        .filter(|row| !(at_start && row.disposition.eq_ignore_ascii_case("disposition")))
        .collect()
}

fn row_of(columns: &[String], fields: impl Iterator<Item = String>) -> CdrRow {
    let mut row = CdrRow::default();
    for (name, field) in columns.iter().zip(fields) {
        let number = || field.trim().parse().unwrap_or(0);
        match name.as_str() {
            "calldate" => row.calldate = NaiveDateTime::parse_from_str(&field, "%Y-%m-%d %H:%M:%S").ok(),
            "duration" => row.duration = number(),
            "billsec" => row.billsec = number(),
            "sequence" => row.sequence = number(),
            "amaflags" => row.amaflags = number(),
            name => set_text(&mut row, name, field),
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn master_csv_is_read_by_position_and_a_named_table_by_name() {
        let master = b"\"\",\"201\",\"202\",\"from-internal\",\"\"\"A, B\"\" <201>\",\"PJSIP/201-1\",\"PJSIP/202-2\",\"Dial\",\"x\",\"2024-05-14 10:45:00\",\"\",\"2024-05-14 10:45:33\",33,29,\"ANSWERED\",\"DOCUMENTATION\",\"1715697900.80\",\"\",\"\",\"1715697900.80\",109\n";
        let rows = parse(master, &columns_of(master, ""), true);
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].clid.as_str(), rows[0].billsec, rows[0].sequence), ("\"A, B\" <201>", 29, 109));
        assert_eq!(rows[0].linkedid(), "1715697900.80");
        let named = b"calldate,disposition,uniqueid,recordingfile\n2024-05-14 10:45:00,BUSY,1.2,a.wav\n";
        let rows = parse(named, &columns_of(named, ""), true);
        assert_eq!((rows.len(), rows[0].recordingfile.as_str()), (1, "a.wav"));
        let other =
            b"calldate,disposition,uniqueid,filename,userfield\n2024-05-14 10:45:00,BUSY,1.2,a.wav,b.wav\n";
        assert_eq!(parse(other, &columns_of(other, ""), true)[0].recordingfile, "a.wav");
        assert_eq!(parse(other, &columns_of(other, "userfield"), true)[0].recordingfile, "b.wav");
    }

    #[tokio::test]
    async fn a_line_that_is_still_being_written_waits_and_a_rotated_file_begins_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("Master.csv");
        let line = "calldate,disposition,uniqueid\n2024-05-14 10:45:00,BUSY,1.2\n";
        std::fs::write(&path, format!("{line}2024-05-14 10:4")).expect("a file");
        let mut source = CsvSource::new(CsvConfig {
            path: path.clone(),
            interval: Duration::from_secs(1),
            recording_column: String::new(),
        });
        let chunk = source.next(None).await.expect("rows");
        assert_eq!((chunk.rows.len(), chunk.cursor.as_str()), (1, line.len().to_string().as_str()));
        std::fs::write(&path, "calldate,disposition,uniqueid\n").expect("a file");
        assert_eq!(source.next(Some(&chunk.cursor)).await.expect("rows").rows.len(), 0);
    }
}
