//! Reading `cdr` by `calldate` with overlap. A row appears at hangup with the
//! leg's start as its date, so a plain watermark would lose long calls: a read
//! goes back by the overlap, and what is known is not published again. History
//! older than the overlap has no late rows and is read once.

use super::cursor::Cursor;
use super::database::CdrDatabase;
use crate::config::pbx::FreepbxConfig;
use crate::source::{CdrSource, Chunk, Memory, SourceError};
use async_trait::async_trait;
use chrono::{NaiveDateTime, TimeDelta};
use std::time::Duration;

/// History is read a day at a time: a long SELECT would hold up CDR inserts on MyISAM.
const PAGE: TimeDelta = TimeDelta::days(1);

/// The `freepbx` source of a PBX without CEL.
pub struct CalldateWindow {
    database: CdrDatabase,
    config: FreepbxConfig,
    /// Before it no row is late any more, and all were read.
    settled: Memory<Option<NaiveDateTime>>,
}

impl CalldateWindow {
    pub fn new(config: FreepbxConfig) -> CalldateWindow {
        CalldateWindow { database: CdrDatabase::new(config.clone()), config, settled: Memory::default() }
    }

    /// Of a reading that goes on in another way: what was proposed is taken up no more.
    pub(super) fn forget_proposal(&mut self) {
        self.settled.begin();
    }

    fn overlap(&self) -> TimeDelta {
        TimeDelta::from_std(self.config.overlap).unwrap_or(TimeDelta::hours(6))
    }

    /// Where the first read begins: the configured date, or one overlap ago.
    fn beginning(&self, now: NaiveDateTime) -> NaiveDateTime {
        self.config.since.and_then(|d| d.and_hms_opt(0, 0, 0)).unwrap_or(now)
    }
}

/// The window of one read and where it leaves the cursor.
fn window(
    cursor: NaiveDateTime,
    overlap: TimeDelta,
    now: NaiveDateTime,
) -> (NaiveDateTime, NaiveDateTime, bool) {
    let from = cursor - overlap;
    let to = cursor + PAGE;
    // Clocks differ and calls may be dated ahead: the last page has a day of slack.
    if to >= now { (from, now + PAGE, false) } else { (from, to, true) }
}

#[async_trait]
impl CdrSource for CalldateWindow {
    fn name(&self) -> &'static str {
        "freepbx"
    }

    fn interval(&self) -> Duration {
        self.config.interval
    }

    async fn next(&mut self, cursor: Option<&str>) -> Result<Chunk, SourceError> {
        let settled = self.settled.begin();
        let now = self.database.now().await?;
        let saved = cursor.and_then(Cursor::parse).map(|c| c.seen);
        let cursor = saved.unwrap_or_else(|| self.beginning(now)).min(now);
        let overlap = self.overlap();
        let again = if settled == Some(cursor) { TimeDelta::zero() } else { overlap };
        let (from, to, more) = window(cursor, again, now);
        let rows = self.database.rows_between(from, to).await?;
        let newest = rows.iter().filter_map(|r| r.calldate).max();
        let next = match more {
            // Days without a call are passed over.
            true if rows.is_empty() => self.database.first_row_since(to).await?.unwrap_or(now).min(now),
            true => to,
            false => newest.map_or(cursor, |n| n.max(cursor).min(now)),
        };
        self.settled.propose((more && next + overlap <= now).then_some(next));
        Ok(Chunk { rows, cursor: Cursor::at(next).to_string(), more, reached: Some((next, now)) })
    }

    fn acknowledge(&mut self) {
        self.settled.acknowledge();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_walk_through_history_and_the_last_goes_back_by_the_overlap() {
        let at = |s: &str| Cursor::parse(s).expect("a time").seen;
        let (now, overlap) = (at("2024-05-16T12:00:00"), TimeDelta::hours(6));
        let first = window(at("2024-05-14T00:00:00"), overlap, now);
        assert_eq!(first, (at("2024-05-13T18:00:00"), at("2024-05-15T00:00:00"), true));
        let last = window(at("2024-05-16T11:00:00"), overlap, now);
        assert_eq!(last, (at("2024-05-16T05:00:00"), at("2024-05-17T12:00:00"), false));
    }
}
