//! Following `cel.id`: LINKEDID_END says that a call is over, however long it
//! was; its rows of `cdr` are then read by the channels that CEL saw. What CEL
//! missed is found by a sweep over `cdr`, at the start and once a day.

use super::cursor::{CelPosition, Cursor};
use super::database::{CdrDatabase, Ended};
use crate::call::CdrRow;
use crate::config::pbx::FreepbxConfig;
use crate::source::{CdrSource, Chunk, Memory, SourceError};
use async_trait::async_trait;
use chrono::{NaiveDateTime, TimeDelta};
use std::collections::{BTreeSet, HashSet};
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

/// What is remembered of the reading.
#[derive(Clone, Default)]
struct Progress {
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

impl Progress {
    /// The next day of a sweep that is due or running; one that is due starts at `begin`.
    fn due(&mut self, begin: NaiveDateTime) -> Option<NaiveDateTime> {
        if self.sweep.is_none() && self.swept.is_none_or(|at| at.elapsed() >= SWEEP_EVERY) {
            self.swept = Some(Instant::now());
            self.sweep = Some(begin);
        }
        self.sweep
    }

    /// The calls `ended` were read: those without a row, and not too old, are looked for again.
    /// The last id that need not be read again after a restart.
    fn take(
        &mut self,
        ended: Vec<Ended>,
        has_rows: impl Fn(&Ended) -> bool,
        from: u64,
        now: NaiveDateTime,
    ) -> u64 {
        self.read.extend(ended.iter().map(|c| c.id));
        let last = ended.iter().map(|c| c.id).fold(from, u64::max);
        self.late = ended.into_iter().filter(|c| !has_rows(c) && now - c.at < LATE_ROWS).collect();
        let passed = self.late.iter().map(|c| c.id.saturating_sub(1)).fold(last, u64::min);
        self.read.retain(|read| *read + 2 * OVERLAP_IDS > passed);
        passed
    }
}

/// Where CEL stands as a read begins.
struct Standing {
    position: CelPosition,
    seen: NaiveDateTime,
    /// The first sweep is not over.
    is_first: bool,
    now: NaiveDateTime,
}

/// The `freepbx` source of a PBX with CEL.
pub struct CelCursor {
    database: CdrDatabase,
    config: FreepbxConfig,
    progress: Memory<Progress>,
}

impl CelCursor {
    pub fn new(config: FreepbxConfig) -> CelCursor {
        CelCursor { database: CdrDatabase::new(config.clone()), config, progress: Memory::default() }
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
        progress: &mut Progress,
        cursor: Option<Cursor>,
        now: NaiveDateTime,
    ) -> Result<CelPosition, SourceError> {
        if let Some(position) = cursor.and_then(|c| c.cel).or(progress.begun) {
            return Ok(position);
        }
        let begin = cursor.map(|c| c.seen).or_else(|| self.config.since.and_then(|d| d.and_hms_opt(0, 0, 0)));
        let since = begin.unwrap_or(now) - Self::span(self.config.overlap);
        let first = self.database.first_cel_since(since).await?;
        let position = CelPosition { id: first.saturating_sub(1), since };
        progress.begun = Some(position);
        Ok(position)
    }

    /// Where a sweep begins that is due now. The first one reads everything `since`: a PBX keeps CDRs
    /// longer than CEL. Later ones reach back over the time in which nothing was read, too.
    fn sweep_from(&self, at: &Standing) -> NaiveDateTime {
        let days = TimeDelta::days(i64::from(self.config.sweep_days));
        let unread = at.seen - Self::span(self.config.overlap);
        if at.is_first { at.position.since } else { (at.now - days).min(unread).max(at.position.since) }
    }

    /// One day of a sweep.
    async fn sweep(
        &mut self,
        progress: &mut Progress,
        at: &Standing,
        from: NaiveDateTime,
    ) -> Result<Chunk, SourceError> {
        let rows = self.database.rows_between(from, from + DAY).await?;
        let next = match rows.is_empty() {
            true => self.database.first_row_since(from + DAY).await?,
            false => Some(from + DAY),
        };
        // Clocks differ: the last day reaches beyond now.
        progress.sweep = next.filter(|next| *next <= at.now);
        let cursor = match progress.sweep {
            // Until the first sweep is done, a crash goes on with the day that it had reached.
            Some(next) if at.is_first => Cursor::at(next),
            Some(_) => Cursor { seen: at.seen, cel: Some(at.position) },
            None => Cursor { seen: at.now, cel: Some(at.position) },
        };
        let reached = Some((progress.sweep.unwrap_or(at.now), at.now));
        Ok(Chunk { rows, cursor: cursor.to_string(), more: true, reached })
    }

    /// Calls that ended and were not read yet, and those whose rows were late.
    async fn follow(&mut self, progress: &mut Progress, at: &Standing) -> Result<Chunk, SourceError> {
        let (from, now) = (at.position.id, at.now);
        let before = now - Self::span(self.config.grace);
        let from_again = from.saturating_sub(OVERLAP_IDS);
        let mut ended = self.database.ended_calls(from_again, before, CALLS, &progress.read).await?;
        let more = ended.len() >= CALLS;
        ended.append(&mut progress.late);
        let rows = if ended.is_empty() { Vec::new() } else { self.database.rows_of(&ended).await? };
        let with_rows: HashSet<String> = rows.iter().map(CdrRow::linkedid).collect();
        let seen = ended.iter().map(|c| c.at).fold(at.seen, NaiveDateTime::max);
        let id = progress.take(ended, |call| with_rows.contains(&call.linkedid), from, now);
        let cursor = Cursor { seen, cel: Some(CelPosition { id, ..at.position }) };
        Ok(Chunk { rows, cursor: cursor.to_string(), more, reached: Some((seen, now)) })
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
        let mut progress = self.progress.begin();
        let now = self.database.now().await?;
        let saved = cursor.and_then(Cursor::parse);
        let position = self.position(&mut progress, saved, now).await?;
        let seen = saved.map_or(position.since, |c| c.seen);
        let at = Standing { position, seen, is_first: saved.is_none_or(|c| c.cel.is_none()), now };
        let chunk = match progress.due(self.sweep_from(&at)) {
            Some(from) => self.sweep(&mut progress, &at, from).await?,
            None => self.follow(&mut progress, &at).await?,
        };
        self.progress.propose(progress);
        Ok(chunk)
    }

    fn acknowledge(&mut self) {
        self.progress.acknowledge();
    }
}
