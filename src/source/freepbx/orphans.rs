//! Recordings on disk that no CDR names: Asterisk logs a failed INSERT and
//! forgets it, and a script may leave a second file of the same call. Each
//! becomes a row of its own, by what its name says, and goes the way of all rows.

use crate::call::{CdrRow, PbxId, RecordingPath, TenantId};
use crate::recordings::day_folders::{below, days};
use crate::recordings::{Entry, EntryKind, Recordings, RecordingsError};
use crate::store::{Store, StoreError};
use chrono::{DateTime, Days, NaiveDate, Utc};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SWEEP_EVERY: Duration = Duration::from_secs(24 * 3_600);
/// After a sweep that broke off.
const AGAIN_AFTER: Duration = Duration::from_secs(600);
/// A file's CDRs are written by then, however late.
const SETTLED: Duration = Duration::from_secs(6 * 3_600);
/// A header without audio (`format_wav.c`): FreePBX hides such files too.
const EMPTY: u64 = 44;
/// The name under which the first swept day is kept.
const CURSOR: &str = "orphans";

/// Why a sweep broke off.
#[derive(Debug, thiserror::Error)]
pub enum OrphansError {
    #[error(transparent)]
    Recordings(#[from] RecordingsError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The sweep of one PBX's folders.
pub struct Orphans {
    recordings: Arc<dyn Recordings>,
    /// Days that are looked at.
    days: u32,
    /// History from this day on was asked for.
    since: Option<NaiveDate>,
    /// When the next sweep is due.
    next: Instant,
}

impl Orphans {
    pub fn new(recordings: Arc<dyn Recordings>, days: u32, since: Option<NaiveDate>) -> Orphans {
        Orphans { recordings, days, since, next: Instant::now() }
    }

    pub fn is_due(&self) -> bool {
        self.days > 0 && Instant::now() >= self.next
    }

    /// The rows of files that no recording of the store is. To be called when
    /// the CDRs have been read to their end.
    ///
    /// # Errors
    /// Those of the server and of the database; it is due again in ten minutes.
    pub async fn sweep(
        &mut self,
        store: &Store,
        tenant: &TenantId,
        pbx: &PbxId,
        now: DateTime<Utc>,
    ) -> Result<Vec<CdrRow>, OrphansError> {
        self.next = Instant::now() + AGAIN_AFTER;
        let first = self.first_day(store, tenant, pbx, now).await?;
        let mut rows = Vec::new();
        let folders = days(self.recordings.as_ref()).await?;
        for day in folders.into_iter().filter(|d| d.day >= first) {
            let known: HashSet<String> =
                store.known_paths(tenant, pbx, day.path.as_str()).await?.into_iter().collect();
            for entry in self.recordings.list(Some(&day.path)).await? {
                let path = below(Some(&day.path), &entry);
                let Some(path) = path.filter(|_| is_settled(&entry, now)) else { continue };
                rows.extend(row_of(&path, &entry).filter(|_| !is_known(&known, &path)));
            }
        }
        self.next = Instant::now() + SWEEP_EVERY;
        Ok(rows)
    }

    /// Never before unsaid was first started here, unless history was asked for.
    async fn first_day(
        &self,
        store: &Store,
        tenant: &TenantId,
        pbx: &PbxId,
        now: DateTime<Utc>,
    ) -> Result<NaiveDate, StoreError> {
        let today = now.date_naive();
        let saved = store.cursor(tenant, pbx, CURSOR).await?.and_then(|c| c.parse().ok());
        let begun = match saved {
            Some(begun) => begun,
            None => {
                store.save_cursor(tenant, pbx, CURSOR, &today.to_string()).await?;
                today
            }
        };
        let asked = self.since.map_or(begun, |since| since.min(begun));
        let back = today.checked_sub_days(Days::new(u64::from(self.days))).unwrap_or(today);
        Ok(asked.max(back))
    }
}

/// A plain file with audio in it that nobody has written to for long.
fn is_settled(entry: &Entry, now: DateTime<Utc>) -> bool {
    let age = now.timestamp().saturating_sub(entry.mtime_s);
    entry.kind == EntryKind::File && entry.len > EMPTY && age >= SETTLED.as_secs() as i64
}

fn is_known(known: &HashSet<String>, path: &RecordingPath) -> bool {
    // FreePBX's legacy `.wav49` in the database is `.WAV` on disk.
    let legacy = path.as_str().strip_suffix(".WAV").map(|stem| format!("{stem}.wav49"));
    known.contains(path.as_str()) || legacy.is_some_and(|l| known.contains(&l))
}

/// What the name of a recording tells of its call; `None` for any other file.
fn row_of(path: &RecordingPath, entry: &Entry) -> Option<CdrRow> {
    let named = RecordingPath::named(&entry.name)?;
    // A name that lies in another day's folder would be looked for there.
    RecordingPath::from_recordingfile(&entry.name, "").ok().filter(|by_name| by_name == path)?;
    Some(CdrRow {
        calldate: Some(named.at),
        src: named.from.to_owned(),
        dst: named.to.to_owned(),
        disposition: "ANSWERED".to_owned(),
        lastapp: "MixMonitor".to_owned(),
        uniqueid: named.uniqueid.to_owned(),
        linkedid: named.uniqueid.to_owned(),
        recordingfile: entry.name.clone(),
        ..CdrRow::default()
    })
}
