//! Following `cel.id`: LINKEDID_END says that a call is over, however long it
//! was; its rows of `cdr` are then read by the channels that CEL saw. What CEL
//! missed is found by a sweep over `cdr`, at the start and once a day.

use super::cursor::{CelPosition, Cursor};
use super::database::{CdrDatabase, Ended};
use crate::call::CdrRow;
use crate::config::pbx::FreepbxConfig;
use crate::source::{CdrSource, Chunk, SourceError};
use async_trait::async_trait;
use chrono::{NaiveDateTime, TimeDelta};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Ids become visible out of their order (InnoDB hands them out at INSERT, shows
/// them at COMMIT): so many are read again.
const OVERLAP_IDS: u64 = 1_000;
/// Calls of one read.
const CALLS: usize = 200;
/// A call without rows is looked for again so long: CDRs may come in batches.
const LATE_ROWS: TimeDelta = TimeDelta::minutes(10);
const SWEEP_EVERY: Duration = Duration::from_secs(24 * 3_600);
const DAY: TimeDelta = TimeDelta::days(1);

/// The `freepbx` source of a PBX with CEL.
pub struct CelCursor {
    database: CdrDatabase,
    config: FreepbxConfig,
    /// Ends of calls that were read, not long ago.
    read: BTreeSet<u64>,
    /// Calls whose rows have yet to appear.
    late: Vec<Ended>,
    swept: Option<Instant>,
    /// The day that a running sweep reads next.
    sweep: Option<NaiveDateTime>,
    /// Where CEL is followed from, once the first sweep has read what was before.
    begun: Option<CelPosition>,
}

impl CelCursor {
    pub fn new(config: FreepbxConfig) -> CelCursor {
        CelCursor {
            database: CdrDatabase::new(config.clone()),
            config,
            read: BTreeSet::new(),
            late: Vec::new(),
            swept: None,
            sweep: None,
            begun: None,
        }
    }

    /// CEL is there, may be read, and is not behind the CDRs by more than a day.
    ///
    /// # Errors
    /// Those of the server, other than that table `cel` is not to be had.
    pub async fn is_usable(&mut self) -> Result<bool, SourceError> {
        let end = match self.database.newest_end().await {
            Err(SourceError::NoTable(_) | SourceError::AccessDenied { .. }) => return Ok(false),
            end => end?,
        };
        let newest = self.database.newest_row().await?;
        Ok(end.is_some_and(|end| newest.is_none_or(|row| end >= row - DAY)))
    }

    fn span(of: Duration) -> TimeDelta {
        TimeDelta::from_std(of).unwrap_or(TimeDelta::zero())
    }

    /// Where to begin, from a cursor of ours, of another way of reading, or none.
    async fn position(
        &mut self,
        cursor: Option<Cursor>,
        now: NaiveDateTime,
    ) -> Result<CelPosition, SourceError> {
        if let Some(position) = cursor.and_then(|c| c.cel).or(self.begun) {
            return Ok(position);
        }
        let begin = cursor.map(|c| c.seen).or_else(|| self.config.since.and_then(|d| d.and_hms_opt(0, 0, 0)));
        let since = begin.unwrap_or(now) - Self::span(self.config.overlap);
        let first = self.database.first_cel_since(since).await?;
        let position = CelPosition { id: first.saturating_sub(1), since };
        self.begun = Some(position);
        Ok(position)
    }

    /// The next day of a sweep that is due or running. The first one reads
    /// everything `since`: a PBX keeps CDRs longer than CEL.
    fn due(&mut self, is_first: bool, since: NaiveDateTime, now: NaiveDateTime) -> Option<NaiveDateTime> {
        if self.sweep.is_none() && self.swept.is_none_or(|at| at.elapsed() >= SWEEP_EVERY) {
            let days = TimeDelta::days(i64::from(self.config.sweep_days));
            self.swept = Some(Instant::now());
            self.sweep = Some(if is_first { since } else { (now - days).max(since) });
        }
        self.sweep
    }

    async fn swept_day(
        &mut self,
        from: NaiveDateTime,
        now: NaiveDateTime,
    ) -> Result<Vec<CdrRow>, SourceError> {
        let read = self.read_day(from).await;
        match &read {
            // Begun again when the server is back.
            Err(_) => (self.sweep, self.swept) = (None, None),
            // Clocks differ: the last day reaches beyond now.
            Ok((_, next)) => self.sweep = next.filter(|next| *next <= now),
        }
        read.map(|(rows, _)| rows)
    }

    /// One day's rows, and where the next with any begins.
    async fn read_day(
        &mut self,
        from: NaiveDateTime,
    ) -> Result<(Vec<CdrRow>, Option<NaiveDateTime>), SourceError> {
        let rows = self.database.rows_between(from, from + DAY).await?;
        let next = match rows.is_empty() {
            true => self.database.first_row_since(from + DAY).await?,
            false => Some(from + DAY),
        };
        Ok((rows, next))
    }

    /// Calls that ended and were not read yet, and those whose rows were late.
    async fn ended(&mut self, from: u64, now: NaiveDateTime) -> Result<Vec<Ended>, SourceError> {
        let before = now - Self::span(self.config.grace);
        let mut ended =
            self.database.ended_calls(from.saturating_sub(OVERLAP_IDS), before, CALLS, &self.read).await?;
        ended.append(&mut self.late);
        Ok(ended)
    }
}

#[async_trait]
impl CdrSource for CelCursor {
    fn name(&self) -> &'static str {
        "freepbx"
    }

    fn interval(&self) -> Duration {
        self.config.interval
    }

    async fn next(&mut self, cursor: Option<&str>) -> Result<Chunk, SourceError> {
        let now = self.database.now().await?;
        let saved = cursor.and_then(Cursor::parse);
        let position = self.position(saved, now).await?;
        let seen = saved.map_or(position.since, |c| c.seen);
        let is_first = saved.is_none_or(|c| c.cel.is_none());
        if let Some(from) = self.due(is_first, position.since, now) {
            let rows = self.swept_day(from, now).await?;
            // Until the first sweep is done, a crash goes on with the day that it had reached.
            let cursor = match self.sweep {
                Some(next) if is_first => Cursor::at(next),
                _ => Cursor { seen, cel: Some(position) },
            };
            let reached = Some((self.sweep.unwrap_or(now), now));
            return Ok(Chunk { rows, cursor: cursor.to_string(), more: true, reached });
        }
        let late = self.late.len();
        let ended = self.ended(position.id, now).await?;
        let fresh = ended.len() - late.min(ended.len());
        let rows = if ended.is_empty() { Vec::new() } else { self.database.rows_of(&ended).await? };
        let has_rows = |call: &Ended| rows.iter().any(|r| r.linkedid() == call.linkedid);
        self.late = ended.iter().filter(|c| !has_rows(c) && now - c.at < LATE_ROWS).cloned().collect();
        self.read.extend(ended.iter().map(|c| c.id));
        let id = ended.iter().map(|c| c.id).fold(position.id, u64::max);
        self.read.retain(|read| *read + 2 * OVERLAP_IDS > id);
        let seen = ended.iter().map(|c| c.at).fold(seen, NaiveDateTime::max);
        let cursor = Cursor { seen, cel: Some(CelPosition { id, ..position }) };
        Ok(Chunk { rows, cursor: cursor.to_string(), more: fresh >= CALLS, reached: Some((seen, now)) })
    }
}
