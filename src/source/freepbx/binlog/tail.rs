//! The stream of row events, as a replica reads it.

use super::position::Position;
use crate::call::CdrRow;
use crate::config::pbx::FreepbxConfig;
use crate::source::SourceError;
use crate::source::freepbx::database::{CdrDatabase, ColumnName, cdr_of};
use futures::StreamExt;
use mysql_async::binlog::events::{Event, EventData, RowsEventData};
use mysql_async::binlog::row::BinlogRow;
use mysql_async::{BinlogStream, BinlogStreamRequest, Value};
use std::time::Duration;

/// Rows after which a read ends, at the next transaction's end.
const ROWS: usize = 1_000;
/// A read ends when nothing comes for so long.
const QUIET: Duration = Duration::from_secs(2);
/// The server says that it is there so often, when it has nothing to tell.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// And is taken for gone after so long.
const SILENCE: Duration = Duration::from_secs(35);
/// `ER_MASTER_FATAL_ERROR_READING_BINLOG`: the file was purged, or the position is none of it.
const NOT_THERE: u16 = 1236;

/// Why the stream ended.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    #[error("the server no longer has the log from there on")]
    Gone,
    #[error(transparent)]
    Source(#[from] SourceError),
}

pub struct Tail {
    stream: BinlogStream,
    database: String,
    table: String,
    columns: Vec<ColumnName>,
    /// The end of the last whole transaction.
    position: Position,
    /// The file that is being read.
    reading: Position,
    last_heard: tokio::time::Instant,
}

impl Tail {
    /// Reads on from `position`, under a replica's number that nobody else has.
    pub async fn open(
        database: &mut CdrDatabase,
        config: &FreepbxConfig,
        position: Position,
    ) -> Result<Tail, TailError> {
        let columns = database.columns().await?;
        let conn = database.replica(HEARTBEAT).await?;
        let number = rand::random_range(1_000_000..u32::MAX);
        let file = position.file.clone();
        let request =
            BinlogStreamRequest::new(number).with_filename(file.as_bytes()).with_pos(position.offset);
        let stream = conn.get_binlog_stream(request).await.map_err(|e| told(database, &e))?;
        Ok(Tail {
            stream,
            database: config.database.clone(),
            table: config.table.clone(),
            columns,
            reading: position.clone(),
            position,
            last_heard: tokio::time::Instant::now(),
        })
    }

    pub fn position(&self) -> &Position {
        &self.position
    }

    /// Rows of whole transactions: what has come, once nothing comes for a while.
    pub async fn next(&mut self) -> Result<Vec<CdrRow>, TailError> {
        let mut rows = Vec::new();
        // Rows of a transaction that has not ended.
        let mut open = Vec::new();
        loop {
            let quiet = if rows.is_empty() || !open.is_empty() { QUIET } else { Duration::from_millis(20) };
            let event = match tokio::time::timeout(quiet, self.stream.next()).await {
                Ok(event) => event,
                Err(_) if self.last_heard.elapsed() > SILENCE => return Err(broken("it fell silent")),
                // A transaction that has begun is waited for.
                Err(_) if !open.is_empty() => continue,
                Err(_) => return Ok(rows),
            };
            let event = match event {
                Some(Ok(event)) => event,
                Some(Err(error)) => return Err(stopped(&error)),
                None => return Err(broken("it ended")),
            };
            self.last_heard = tokio::time::Instant::now();
            if self.take(&event, &mut open)? {
                rows.append(&mut open);
                if rows.len() >= ROWS {
                    return Ok(rows);
                }
            }
        }
    }

    /// One event; true at the end of a transaction.
    fn take(&mut self, event: &Event, open: &mut Vec<CdrRow>) -> Result<bool, TailError> {
        let data = event.read_data().map_err(|_| broken("an event is not understood"))?;
        let ends = match data {
            Some(EventData::RotateEvent(rotate)) => {
                self.reading = self.reading.rotated(rotate.name_raw(), rotate.position());
                // Files end between transactions.
                self.position = self.reading.clone();
                return Ok(false);
            }
            Some(EventData::RowsEvent(rows)) => {
                self.rows(&rows, open)?;
                false
            }
            Some(EventData::XidEvent(_)) => true,
            // MyISAM has no transaction, but its end.
            Some(EventData::QueryEvent(query)) => query.query_raw() != b"BEGIN",
            _ => false,
        };
        if ends && event.header().log_pos() > 0 {
            self.reading.offset = u64::from(event.header().log_pos());
            self.position = self.reading.clone();
        }
        Ok(ends)
    }

    fn rows(&self, event: &RowsEventData<'_>, open: &mut Vec<CdrRow>) -> Result<(), TailError> {
        let Some(table) = self.stream.get_tme(event.table_id()) else { return Ok(()) };
        let is_ours = table.database_name().eq_ignore_ascii_case(&self.database)
            && table.table_name().eq_ignore_ascii_case(&self.table);
        if !is_ours {
            return Ok(());
        }
        for row in event.rows(table) {
            // After it: an inserted row, or what an updated one has become. A deleted one has no after.
            let (_, after) = row.map_err(|_| broken("a row is not understood"))?;
            open.extend(after.map(|row| self.row(row)));
        }
        Ok(())
    }

    fn row(&self, row: BinlogRow) -> CdrRow {
        let values = row.unwrap().into_iter().map(|v| Value::try_from(v).ok());
        cdr_of(
            self.columns
                .iter()
                .zip(values)
                .map(|(column, value)| (column.name.as_str(), value.map(|v| column.text(v)))),
        )
    }
}

fn broken(how: &str) -> TailError {
    TailError::Source(SourceError::Failed(format!("the binary log's stream broke off: {how}")))
}

fn stopped(error: &mysql_async::Error) -> TailError {
    match error {
        mysql_async::Error::Server(e) if e.code == NOT_THERE => TailError::Gone,
        mysql_async::Error::Server(e) => broken(&format!("error {}", e.code)),
        _ => broken("the connection ended"),
    }
}

fn told(database: &CdrDatabase, error: &mysql_async::Error) -> TailError {
    match error {
        mysql_async::Error::Server(e) if e.code == NOT_THERE => TailError::Gone,
        mysql_async::Error::Server(e) if e.code == 1227 || e.code == 1045 => SourceError::NoBinlog(
            "GRANT REPLICATION SLAVE ON *.* to its user, or follow by cel or calldate".to_owned(),
        )
        .into(),
        other => database.error_of(other).into(),
    }
}
