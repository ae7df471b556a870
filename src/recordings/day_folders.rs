//! Asterisk's `YYYY/MM/DD` folders below the base: which days there are, and
//! what lies in them. Links are seen and left alone.

use super::{Entry, EntryKind, Recordings, RecordingsError, Result};
use crate::call::RecordingPath;
use chrono::NaiveDate;
use serde::Serialize;

/// Folders below the base are looked into so deep.
const DEEPEST: usize = 8;

/// The folder of one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayFolder {
    pub day: NaiveDate,
    pub path: RecordingPath,
}

/// Every day's folder, oldest first.
///
/// # Errors
/// Those of the server; a folder that goes meanwhile is none.
pub async fn days(recordings: &dyn Recordings) -> Result<Vec<DayFolder>> {
    let mut days = Vec::new();
    for year in numbered(recordings, None, 4).await? {
        let Ok(year_path) = RecordingPath::parse(&year) else { continue };
        for month in numbered(recordings, Some(&year_path), 2).await? {
            let Ok(month_path) = RecordingPath::parse(&format!("{year}/{month}")) else { continue };
            for day in numbered(recordings, Some(&month_path), 2).await? {
                let path = format!("{year}/{month}/{day}");
                let date = NaiveDate::parse_from_str(&path, "%Y/%m/%d");
                if let (Ok(day), Ok(path)) = (date, RecordingPath::parse(&path)) {
                    days.push(DayFolder { day, path });
                }
            }
        }
    }
    days.sort_by_key(|d| d.day);
    Ok(days)
}

/// Folders whose name is so many digits.
async fn numbered(
    recordings: &dyn Recordings,
    folder: Option<&RecordingPath>,
    digits: usize,
) -> Result<Vec<String>> {
    let is_number = |e: &Entry| {
        e.kind == EntryKind::Folder && e.name.len() == digits && e.name.bytes().all(|b| b.is_ascii_digit())
    };
    let entries = listed(recordings, folder).await?;
    Ok(entries.into_iter().filter(is_number).map(|e| e.name).collect())
}

/// A folder that went since it was seen holds nothing; the base must be there.
async fn listed(recordings: &dyn Recordings, folder: Option<&RecordingPath>) -> Result<Vec<Entry>> {
    match recordings.list(folder).await {
        Err(RecordingsError::NotFound) if folder.is_some() => Ok(Vec::new()),
        entries => entries,
    }
}

/// What a base folder holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RecordingsStats {
    pub file_count: u64,
    pub size_bytes: u64,
    #[schema(value_type = Option<String>)]
    pub oldest_day: Option<NaiveDate>,
    #[schema(value_type = Option<String>)]
    pub newest_day: Option<NaiveDate>,
    /// Calendar days from the oldest to the newest, both counted.
    pub days: i64,
}

/// Counts every plain file below the base, as `find -type f` and `du` would
/// without following links; the days are those of folders that hold one.
///
/// # Errors
/// Those of the server.
pub async fn stats(recordings: &dyn Recordings) -> Result<RecordingsStats> {
    let mut stats = RecordingsStats::default();
    match recordings.all_files().await? {
        Some(files) => {
            files.iter().for_each(|(len, path)| stats.count(path.rsplit_once('/').map(|p| p.0), *len))
        }
        None => walk(recordings, &mut stats).await?,
    }
    if let (Some(first), Some(last)) = (stats.oldest_day, stats.newest_day) {
        stats.days = (last - first).num_days() + 1;
    }
    Ok(stats)
}

impl RecordingsStats {
    fn count(&mut self, folder: Option<&str>, len: u64) {
        self.file_count += 1;
        self.size_bytes += len;
        if let Some(day) = folder.and_then(|f| NaiveDate::parse_from_str(f, "%Y/%m/%d").ok()) {
            self.oldest_day = Some(self.oldest_day.map_or(day, |d| d.min(day)));
            self.newest_day = Some(self.newest_day.map_or(day, |d| d.max(day)));
        }
    }
}

async fn walk(recordings: &dyn Recordings, stats: &mut RecordingsStats) -> Result<()> {
    let mut waiting: Vec<Option<RecordingPath>> = vec![None];
    while let Some(folder) = waiting.pop() {
        let depth = folder.as_ref().map_or(0, |f| f.as_str().split('/').count());
        for entry in listed(recordings, folder.as_ref()).await? {
            match entry.kind {
                EntryKind::File => stats.count(folder.as_ref().map(RecordingPath::as_str), entry.len),
                EntryKind::Folder if depth < DEEPEST => {
                    waiting.extend(below(folder.as_ref(), &entry).map(Some))
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// An entry's path; a name that is no path of ours (control characters) has none.
pub fn below(folder: Option<&RecordingPath>, entry: &Entry) -> Option<RecordingPath> {
    let path = match folder {
        Some(folder) => format!("{folder}/{}", entry.name),
        None => entry.name.clone(),
    };
    RecordingPath::parse(&path).ok()
}
