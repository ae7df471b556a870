//! Following the server's binary log: a row is read as soon as it is written.
//! Opt-in, for it needs row events and the right to replicate. It begins and,
//! after a gap, begins again with the position of that moment and a reading by
//! dates of what was before, so nothing is lost between the two.

mod position;
mod tail;

use super::calldate_window::CalldateWindow;
use super::cursor::Cursor;
use super::database::CdrDatabase;
use crate::call::CdrRow;
use crate::config::pbx::FreepbxConfig;
use crate::source::{CdrSource, Chunk, Memory, SourceError};
use async_trait::async_trait;
use chrono::{NaiveDateTime, TimeDelta};
pub use position::Position;
use std::time::{Duration, Instant};
use tail::{Tail, TailError};

/// Between two looks at the stream, when nothing comes.
const PAUSE: Duration = Duration::from_millis(100);
const SWEEP_EVERY: Duration = Duration::from_secs(24 * 3_600);
const DAY: TimeDelta = TimeDelta::days(1);

/// What is remembered of the reading.
#[derive(Clone, Default)]
struct Progress {
    /// Where the stream begins once what was before is read by dates.
    begin: Option<Position>,
    swept: Option<Instant>,
}

/// The `freepbx` source of a PBX whose server keeps a binary log of rows.
pub struct Binlog {
    config: FreepbxConfig,
    database: CdrDatabase,
    window: CalldateWindow,
    /// The open stream. It cannot go back: where it is not at the saved cursor, another is opened there.
    tail: Option<Tail>,
    progress: Memory<Progress>,
}

impl Binlog {
    pub fn new(config: FreepbxConfig) -> Binlog {
        Binlog {
            database: CdrDatabase::new(config.clone()),
            window: CalldateWindow::new(config.clone()),
            config,
            tail: None,
            progress: Memory::default(),
        }
    }

    /// Can the log be followed? Why not, and what to do.
    ///
    /// # Errors
    /// [`SourceError::NoBinlog`], and those of the server.
    pub async fn check(&mut self) -> Result<(), SourceError> {
        let (position, _) = (self.database.binlog_position().await?, self.database.binlog_is_rows().await?);
        Tail::open(&mut self.database, &self.config, position).await.map(drop).map_err(|e| match e {
            TailError::Gone => SourceError::NoBinlog("the server does not know its own position".to_owned()),
            TailError::Source(e) => e,
        })
    }

    /// By dates, up to where the stream begins.
    async fn catch_up(
        &mut self,
        progress: &mut Progress,
        cursor: Option<&str>,
    ) -> Result<Chunk, SourceError> {
        let begin = match progress.begin.take() {
            Some(begin) => begin,
            None => self.database.binlog_position().await?,
        };
        let chunk = self.window.next(cursor).await?;
        if chunk.more {
            progress.begin = Some(begin);
            return Ok(chunk);
        }
        Ok(Chunk { cursor: format!("{}#{begin}", chunk.cursor), more: true, ..chunk })
    }

    /// Rows of the last days again, for what nobody told of: once a day and at the start.
    async fn sweep(&mut self, progress: &mut Progress, cursor: &str) -> Result<Chunk, SourceError> {
        let now = self.database.now().await?;
        let mut rows = Vec::new();
        for days in (0..=i64::from(self.config.sweep_days)).rev() {
            let from = now - TimeDelta::days(days);
            rows.extend(self.database.rows_between(from, from + DAY).await?);
        }
        progress.swept = Some(Instant::now());
        Ok(Chunk { rows, cursor: cursor.to_owned(), more: true, reached: Some((now, now)) })
    }

    async fn follow(&mut self, cursor: &str, position: Position) -> Result<Chunk, SourceError> {
        // What it has read beyond the cursor was not acknowledged.
        let mut tail = match self.tail.take().filter(|tail| *tail.position() == position) {
            Some(tail) => tail,
            None => match Tail::open(&mut self.database, &self.config, position).await {
                Ok(tail) => tail,
                Err(TailError::Gone) => return Ok(gone(cursor)),
                Err(TailError::Source(error)) => return Err(error),
            },
        };
        match tail.next().await {
            Ok(rows) => {
                let seen = seen(cursor, &rows);
                let cursor = format!("{seen}#{}", tail.position());
                self.tail = Some(tail);
                Ok(Chunk { more: !rows.is_empty(), rows, cursor, reached: None })
            }
            Err(TailError::Gone) => Ok(gone(cursor)),
            Err(TailError::Source(error)) => Err(error),
        }
    }
}

/// The server no longer has the log from there on: by dates again, then from where it is now.
fn gone(cursor: &str) -> Chunk {
    tracing::warn!("the server's binary log was purged beyond what was read: calls are read by date once");
    let cursor = cursor.split('#').next().unwrap_or_default().to_owned();
    Chunk { rows: Vec::new(), cursor, more: true, reached: None }
}

/// The dates' part of the cursor: other ways of reading go on from there.
fn seen(cursor: &str, rows: &[CdrRow]) -> Cursor {
    let before = Cursor::parse(cursor).map_or(NaiveDateTime::MIN, |c| c.seen);
    Cursor::at(rows.iter().filter_map(|r| r.calldate).fold(before, NaiveDateTime::max))
}

#[async_trait]
impl CdrSource for Binlog {
    fn name(&self) -> &'static str {
        "freepbx"
    }

    fn interval(&self) -> Duration {
        PAUSE
    }

    async fn next(&mut self, cursor: Option<&str>) -> Result<Chunk, SourceError> {
        let mut progress = self.progress.begin();
        self.window.forget_proposal();
        let chunk = match cursor.and_then(|c| Some((c, Position::of_cursor(c)?))) {
            None => {
                self.tail = None;
                self.catch_up(&mut progress, cursor).await?
            }
            Some((cursor, _)) if progress.swept.is_none_or(|at| at.elapsed() >= SWEEP_EVERY) => {
                self.sweep(&mut progress, cursor).await?
            }
            Some((cursor, position)) => self.follow(cursor, position).await?,
        };
        self.progress.propose(progress);
        Ok(chunk)
    }

    fn acknowledge(&mut self) {
        self.progress.acknowledge();
        self.window.acknowledge();
    }
}
