//! Recordings on disk that no CDR names: Asterisk logs a failed INSERT and forgets
//! it, a dialplan or a script names files as it likes, Monitor writes one for each
//! side. Each goes the way of all rows: as a recording of the call that it is of,
//! or as a call of its own.
//!
//! The same look tells of a recording that is not where its CDR says, and of one
//! that changed after its redaction ended.

use super::owner::{Calls, stem_of, time_of};
use crate::call::cdr::OF_FILE;
use crate::call::file_name::{Clues, clues, without_extension};
use crate::call::recording::is_audio_name;
use crate::call::{CallKey, CdrRow, PbxId, RecordingPath, TenantId, Zone};
use crate::recordings::day_folders::below;
use crate::recordings::walk::{Listed, Walk};
use crate::recordings::{Entry, Recordings, RecordingsError, Stat};
use crate::store::recordings::RecordingRow;
use crate::store::{Store, StoreError};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SWEEP_EVERY: Duration = Duration::from_secs(24 * 3_600);
/// After a sweep that broke off, or whose rows were not published.
const AGAIN_AFTER: Duration = Duration::from_secs(60);
/// For so long CDRs wait for the folders; the rest of them is looked at after the next reading.
const TURN: Duration = Duration::from_secs(20);
/// A file's CDRs are written by then, however late.
const SETTLED: Duration = Duration::from_secs(6 * 3_600);
/// Rows of which it is asked whether they are registered: the newest.
const MOST_EXPECTED: usize = 5_000;
/// A row that is not registered by then went another way: a dead letter.
const EXPECTED_WITHIN: Duration = Duration::from_secs(1_800);
/// A header without audio (`format_wav.c`): FreePBX hides such files too.
const EMPTY: u64 = 44;
/// A file's call began at most so long before what its name tells.
const LONGEST_CALL: TimeDelta = TimeDelta::hours(12);
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

/// Whose folders are swept, and how.
#[derive(Clone, Debug)]
pub struct Swept {
    pub tenant: TenantId,
    pub pbx: PbxId,
    /// Of the PBX's clock, by which folders and names are dated.
    pub zone: Zone,
    /// Days that are looked at; 0: never.
    pub days: u32,
    /// History from this day on was asked for.
    pub since: Option<NaiveDate>,
}

/// The sweep of one PBX's folders.
pub struct Orphans {
    recordings: Arc<dyn Recordings>,
    swept: Swept,
    /// When the next sweep is due.
    next: Instant,
    /// What is left of a sweep that took longer than its turn.
    walk: Option<Walk>,
    leaves: HashMap<String, i64>,
    /// What the last turn found is published.
    is_acknowledged: bool,
    expected: Expected,
}

/// The newest rows that were read: what they name is no orphan once they are registered.
#[derive(Default)]
struct Expected {
    /// Identity and recording.
    rows: VecDeque<(String, String)>,
    since: Option<Instant>,
}

/// A file that no recording of the store is.
struct Found<'a> {
    path: RecordingPath,
    entry: &'a Entry,
    clues: Clues<'a>,
    at: DateTime<Utc>,
}

impl Orphans {
    pub fn new(recordings: Arc<dyn Recordings>, swept: Swept) -> Orphans {
        Orphans {
            recordings,
            swept,
            next: Instant::now(),
            walk: None,
            leaves: HashMap::new(),
            is_acknowledged: true,
            expected: Expected::default(),
        }
    }

    /// These rows were read: the folders are not swept before they are registered.
    pub fn expect(&mut self, rows: &[CdrRow]) {
        let newest = &rows[rows.len().saturating_sub(MOST_EXPECTED)..];
        self.expected.rows.extend(newest.iter().map(|row| (row.identity(), row.recordingfile.clone())));
        let over = self.expected.rows.len().saturating_sub(MOST_EXPECTED);
        self.expected.rows.drain(..over);
    }

    /// What was read is registered, or will not be.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_registered(&mut self, store: &Store) -> Result<bool, StoreError> {
        let Swept { tenant, pbx, .. } = &self.swept;
        let rows: Vec<(String, &str)> =
            self.expected.rows.iter().map(|(identity, file)| (identity.clone(), file.as_str())).collect();
        let known = store.known_rows(tenant.as_str(), pbx.as_str(), &rows).await?;
        self.expected.rows.retain(|(identity, _)| !known.contains(identity));
        let since = *self.expected.since.get_or_insert_with(Instant::now);
        let is_over = self.expected.rows.is_empty() || since.elapsed() > EXPECTED_WITHIN;
        if is_over {
            self.expected = Expected::default();
        }
        Ok(is_over)
    }

    pub fn is_due(&self) -> bool {
        self.swept.days > 0 && Instant::now() >= self.next
    }

    /// The rows of files that no recording of the store is. To be called when
    /// the CDRs have been read to their end. A folder that cannot be listed is
    /// said, and holds up no other.
    ///
    /// # Errors
    /// Those of the server and of the database; it is due again in a minute, as long as nobody acknowledged it.
    pub async fn sweep(&mut self, store: &Store, now: DateTime<Utc>) -> Result<Vec<CdrRow>, OrphansError> {
        if !self.is_acknowledged {
            // What was found in the folders that it passed may not have been published.
            (self.walk, self.leaves) = (None, HashMap::new());
        }
        self.is_acknowledged = false;
        self.next = Instant::now() + AGAIN_AFTER;
        let began = Instant::now();
        let first = self.first_day(store, now).await?;
        let leaves = std::mem::take(&mut self.leaves);
        let mut walk = self.walk.take().unwrap_or_else(|| Walk::new(first, leaves));
        let mut rows = Vec::new();
        while let Some(folder) = walk.next(self.recordings.as_ref()).await {
            match folder {
                Ok(folder) => rows.extend(self.look(store, &folder, first, now).await?),
                Err(no) => match no.path {
                    Some(path) if !no.error.is_outage() => {
                        let (pbx, error) = (&self.swept.pbx, no.error);
                        tracing::warn!(%pbx, folder = %path, %error, "a folder cannot be looked into: recordings in it that no CDR names are not redacted");
                    }
                    _ => return Err(no.error.into()),
                },
            }
            if began.elapsed() > TURN {
                self.walk = Some(walk);
                return Ok(rows);
            }
        }
        self.leaves = walk.into_leaves();
        Ok(rows)
    }

    /// The rows of the last sweep are acknowledged by the bus: the next one is due in a day, or goes on
    /// where its turn ended.
    pub fn acknowledge(&mut self) {
        self.is_acknowledged = true;
        self.next = Instant::now() + if self.walk.is_some() { Duration::ZERO } else { SWEEP_EVERY };
    }

    /// Never before unsaid was first started here, unless history was asked for.
    async fn first_day(&self, store: &Store, now: DateTime<Utc>) -> Result<NaiveDate, StoreError> {
        let Swept { tenant, pbx, zone, days, since } = &self.swept;
        let today = zone.day(now);
        let saved = store.cursor(tenant, pbx, CURSOR).await?.and_then(|c| c.parse().ok());
        let begun = match saved {
            Some(begun) => begun,
            None => {
                store.save_cursor(tenant, pbx, CURSOR, &today.to_string()).await?;
                today
            }
        };
        let asked = since.map_or(begun, |since| since.min(begun));
        let back = today.checked_sub_days(Days::new(u64::from(*days))).unwrap_or(today);
        Ok(asked.max(back))
    }

    /// One folder's files.
    async fn look(
        &self,
        store: &Store,
        folder: &Listed,
        first: NaiveDate,
        now: DateTime<Utc>,
    ) -> Result<Vec<CdrRow>, OrphansError> {
        let zone = &self.swept.zone;
        let mut found = Vec::new();
        for entry in folder.files.iter().filter(|e| is_audio_name(&e.name)) {
            let Some(path) = below(folder.path.as_ref(), entry) else {
                tracing::warn!(pbx = %self.swept.pbx, "a recording's name holds control characters or is too long: it is not redacted");
                continue;
            };
            let clues = clues(&entry.name);
            let at = time_of(&clues, entry.mtime_s, zone);
            let written = DateTime::from_timestamp(entry.mtime_s, 0).unwrap_or_default();
            let day = folder.day.unwrap_or_else(|| zone.day(at.max(written)));
            if day >= first {
                found.push(Found { path, entry, clues, at });
            }
        }
        let mut found = self.unknown(store, found).await?;
        found.retain(|file| is_settled(file.entry, now));
        self.rows_of(store, found).await
    }

    /// Those that are no recording's; of the others, what changed is heard again.
    async fn unknown<'a>(
        &self,
        store: &Store,
        mut found: Vec<Found<'a>>,
    ) -> Result<Vec<Found<'a>>, OrphansError> {
        let Swept { tenant, pbx, .. } = &self.swept;
        let legacy = |path: &str| path.strip_suffix(".WAV").map(|stem| format!("{stem}.wav49"));
        let mut by_path: HashMap<String, usize> = HashMap::new();
        for (n, file) in found.iter().enumerate() {
            by_path.insert(file.path.to_string(), n);
            by_path.extend(legacy(file.path.as_str()).map(|path| (path, n)));
        }
        let paths: Vec<&str> = by_path.keys().map(String::as_str).collect();
        let mut is_known = vec![false; found.len()];
        for known in store.known_files(tenant, pbx, &paths).await? {
            let Some(n) = by_path.get(&known.path).copied() else { continue };
            is_known[n] = true;
            let entry = found[n].entry;
            if known.is_changed(Stat { len: entry.len, mtime_s: entry.mtime_s }) {
                tracing::warn!(%pbx, recording = %known.id, "a recording changed after its redaction, and is heard again");
                store.note_changed(tenant, &known.id).await?;
            }
        }
        let mut known = is_known.into_iter();
        found.retain(|_| !known.next().unwrap_or(false));
        Ok(found)
    }

    /// Each file as a row, but those that a call waits for.
    async fn rows_of(&self, store: &Store, found: Vec<Found<'_>>) -> Result<Vec<CdrRow>, OrphansError> {
        let mut of_day: BTreeMap<NaiveDate, Vec<Found<'_>>> = BTreeMap::new();
        for file in found {
            of_day.entry(file.at.date_naive()).or_default().push(file);
        }
        let Swept { tenant, pbx, zone, .. } = &self.swept;
        let mut rows = Vec::new();
        for (day, files) in of_day {
            let begins = day.and_time(chrono::NaiveTime::MIN).and_utc();
            let (from, to) = (begins - LONGEST_CALL, begins + TimeDelta::hours(25));
            let legs = store.legs_between(tenant, pbx, from, to).await?;
            let calls = Calls::of(&legs);
            for file in files {
                let owner = calls.owner(&file.entry.name, file.entry.mtime_s, zone);
                if let Some(linkedid) = owner
                    && self.is_awaited(store, linkedid, &file).await?
                {
                    continue;
                }
                rows.push(self.row_of(&file, owner));
            }
        }
        Ok(rows)
    }

    /// The call names this very file, and could not find it: it lies elsewhere, or has another extension.
    async fn is_awaited(
        &self,
        store: &Store,
        linkedid: &str,
        file: &Found<'_>,
    ) -> Result<bool, OrphansError> {
        let Swept { tenant, pbx, .. } = &self.swept;
        let call = CallKey { tenant: tenant.clone(), pbx: pbx.clone(), linkedid: linkedid.to_owned() };
        for row in store.recordings_of(tenant, &call.call_id()).await? {
            let stem = stem_of(&row.recordingfile);
            let is_heard = row.redacted_sha256.is_some() || row.deleted_at.is_some();
            if stem == without_extension(&file.entry.name) && !is_heard && !self.is_there(&row).await? {
                store.place_recording(tenant, &row.id, file.path.as_str()).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn is_there(&self, row: &RecordingRow) -> Result<bool, RecordingsError> {
        let Ok(path) = RecordingPath::parse(row.path.as_deref().unwrap_or_default()) else {
            return Ok(false);
        };
        match self.recordings.stat(&path).await {
            Err(RecordingsError::NotFound) => Ok(false),
            Err(error) if error.is_outage() => Err(error),
            _ => Ok(true),
        }
    }

    /// What a file tells of its call, which is `owner` where it is known.
    fn row_of(&self, file: &Found<'_>, owner: Option<&str>) -> CdrRow {
        let named = RecordingPath::named(&file.entry.name);
        let own_id = || match (file.clues.uniqueids.first(), named) {
            // With the system's name, as its CDR would have it.
            (_, Some(named)) => named.uniqueid.to_owned(),
            (Some(id), None) => (*id).to_owned(),
            // Both sides of a call, and copies in other formats, are one.
            (None, None) => match file.path.as_str().rsplit_once('/') {
                Some((folder, _)) => format!("{folder}/{}", file.clues.stem),
                None => file.clues.stem.to_owned(),
            },
        };
        let id = owner.map_or_else(own_id, str::to_owned);
        let is_empty = file.entry.len <= EMPTY;
        CdrRow {
            calldate: Some(named.map_or_else(|| self.swept.zone.local(file.at), |named| named.at)),
            src: named.map_or_else(String::new, |named| named.from.to_owned()),
            dst: named.map_or_else(String::new, |named| named.to.to_owned()),
            disposition: if is_empty { "NO ANSWER" } else { "ANSWERED" }.to_owned(),
            lastapp: OF_FILE.to_owned(),
            uniqueid: id.clone(),
            linkedid: id,
            recordingfile: spelled(&file.path, &file.entry.name),
            ..CdrRow::default()
        }
    }
}

/// As a CDR would name it: by its name alone where that leads there.
fn spelled(path: &RecordingPath, name: &str) -> String {
    match RecordingPath::from_recordingfile(name, "", None) {
        Ok(by_name) if by_name == *path && path.as_str() != name => name.to_owned(),
        _ if path.as_str() == name => format!("./{name}"),
        _ => path.to_string(),
    }
}

/// A file that nobody has written to for long.
fn is_settled(entry: &Entry, now: DateTime<Utc>) -> bool {
    now.timestamp().saturating_sub(entry.mtime_s) >= SETTLED.as_secs() as i64
}
