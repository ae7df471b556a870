//! The folders below a base, one at a time, whatever their names: bounded, and
//! without those that can hold nothing of late. Links and hidden names are left
//! alone.
//!
//! What is listed: the base, every folder that is of no day by its path, and the
//! folders of days that are not over. A folder of no day that holds no folder is
//! passed over while its own time says that nothing came into it since it was
//! listed; what grows in it is noticed where it is played.

use super::{Entry, EntryKind, Recordings, RecordingsError, day_folders::below};
use crate::call::RecordingPath;
use crate::call::file_name::days_of_folder;
use chrono::{DateTime, NaiveDate};
use std::collections::HashMap;

/// Folders below the base are looked into so deep.
const DEEPEST: usize = 8;
/// Folders that are remembered to hold no other.
const MOST_LEAVES: usize = 100_000;

/// A folder's plain files.
#[derive(Debug)]
pub struct Listed {
    /// `None` is the base.
    pub path: Option<RecordingPath>,
    /// The one day that it is of by its path.
    pub day: Option<NaiveDate>,
    pub files: Vec<Entry>,
}

/// A folder that could not be listed.
#[derive(Debug)]
pub struct Unlisted {
    /// `None` is the base: then nothing can.
    pub path: Option<RecordingPath>,
    pub error: RecordingsError,
}

struct Waiting {
    path: Option<RecordingPath>,
    mtime_s: i64,
}

/// One walk over all folders of days from `first` on. What it learns of folders
/// is for the next walk.
pub struct Walk {
    first: NaiveDate,
    waiting: Vec<Waiting>,
    leaves: HashMap<String, i64>,
}

impl Walk {
    /// `leaves` are those of the walk before.
    pub fn new(first: NaiveDate, leaves: HashMap<String, i64>) -> Walk {
        Walk { first, waiting: vec![Waiting { path: None, mtime_s: 0 }], leaves }
    }

    /// Folders that held no other when they were listed, and their time then.
    pub fn into_leaves(self) -> HashMap<String, i64> {
        self.leaves
    }

    /// The next folder; `None` at the end. One that went since it was seen is passed over.
    pub async fn next(&mut self, recordings: &dyn Recordings) -> Option<Result<Listed, Unlisted>> {
        while let Some(Waiting { path, mtime_s }) = self.waiting.pop() {
            match recordings.list(path.as_ref()).await {
                Ok(entries) => return Some(Ok(self.listed(path, mtime_s, entries))),
                Err(RecordingsError::NotFound) if path.is_some() => {}
                Err(error) => return Some(Err(Unlisted { path, error })),
            }
        }
        None
    }

    fn listed(&mut self, path: Option<RecordingPath>, mtime_s: i64, entries: Vec<Entry>) -> Listed {
        let days = path.as_ref().and_then(|p| days_of_folder(p.as_str()));
        let depth = path.as_ref().map_or(0, |p| p.as_str().split('/').count());
        let (mut files, mut is_leaf) = (Vec::new(), true);
        for entry in entries.into_iter().filter(|e| !e.name.starts_with('.')) {
            match entry.kind {
                EntryKind::File => files.push(entry),
                EntryKind::Folder => {
                    is_leaf = false;
                    let Some(below) = below(path.as_ref(), &entry) else { continue };
                    if depth >= DEEPEST {
                        tracing::warn!(folder = %below, "the folder lies too deep, and is not looked into");
                    } else if self.may_hold_news(&below, entry.mtime_s) {
                        self.waiting.push(Waiting { path: Some(below), mtime_s: entry.mtime_s });
                    }
                }
                EntryKind::Other => {}
            }
        }
        if let Some(path) = path.as_ref().filter(|_| days.is_none()) {
            self.remember(path, mtime_s, is_leaf);
        }
        let day = days.filter(|(first, last)| first == last).map(|(day, _)| day);
        Listed { path, day, files }
    }

    fn may_hold_news(&self, folder: &RecordingPath, mtime_s: i64) -> bool {
        if let Some((_, last)) = days_of_folder(folder.as_str()) {
            return last >= self.first;
        }
        let changed = DateTime::from_timestamp(mtime_s, 0).map(|at| at.date_naive());
        let is_old = changed.is_some_and(|day| day < self.first);
        !(is_old && self.leaves.get(folder.as_str()) == Some(&mtime_s))
    }

    fn remember(&mut self, folder: &RecordingPath, mtime_s: i64, is_leaf: bool) {
        if !is_leaf {
            self.leaves.remove(folder.as_str());
        } else if self.leaves.len() < MOST_LEAVES {
            self.leaves.insert(folder.as_str().to_owned(), mtime_s);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recordings::local::LocalRecordings;
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    fn lay(base: &Path, path: &str) {
        let file = base.join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("folders");
        std::fs::write(file, b"x").expect("a file");
    }

    async fn walked(walk: &mut Walk, base: &Path) -> (Vec<String>, Vec<String>) {
        let recordings = LocalRecordings::new(base);
        let (mut files, mut unlisted) = (Vec::new(), Vec::new());
        while let Some(folder) = walk.next(&recordings).await {
            match folder {
                Ok(folder) => {
                    let path = |e: &Entry| below(folder.path.as_ref(), e).map(|p| p.to_string());
                    files.extend(folder.files.iter().filter_map(path));
                }
                Err(no) => unlisted.extend(no.path.map(|p| p.to_string())),
            }
        }
        files.sort();
        (files, unlisted)
    }

    #[tokio::test]
    async fn every_folder_is_walked_but_days_that_are_over_hidden_names_and_links() {
        let dir = tempfile::tempdir().expect("a folder");
        let base = dir.path().join("monitor");
        let wanted = [
            "2024/05/14/08/hour.wav",
            "2024/05/14/a b+(1).wav",
            "2024/ext-2024.wav",
            "flat.wav",
            "queue/700/2024-05-15/q.wav",
            "Зоя/x.wav",
        ];
        let not =
            ["2023/05/14/old.wav", "2024/05/13/old.wav", "queue/2024-04/old.wav", ".trash/x.wav", ".x.wav"];
        wanted.iter().chain(&not).for_each(|path| lay(&base, path));
        lay(dir.path(), "outside/o.wav");
        std::os::unix::fs::symlink(dir.path().join("outside"), base.join("link")).expect("a link");
        std::os::unix::fs::symlink("flat.wav", base.join("l.wav")).expect("a link");
        let first = NaiveDate::from_ymd_opt(2024, 5, 14).expect("a day");
        let (files, unlisted) = walked(&mut Walk::new(first, HashMap::new()), &base).await;
        assert_eq!((files, unlisted), (wanted.map(str::to_owned).to_vec(), Vec::new()));
    }

    #[tokio::test]
    async fn a_folder_of_no_day_is_listed_again_when_its_time_tells_that_something_came() {
        let dir = tempfile::tempdir().expect("a folder");
        lay(dir.path(), "201/a.wav");
        let long_ago = SystemTime::now() - Duration::from_secs(40 * 86_400);
        let folder = std::fs::File::open(dir.path().join("201")).expect("a folder");
        folder.set_modified(long_ago).expect("a time");
        let first = chrono::Utc::now().date_naive();
        let mut walk = Walk::new(first, HashMap::new());
        assert_eq!(walked(&mut walk, dir.path()).await.0, ["201/a.wav"]);
        let mut walk = Walk::new(first, walk.into_leaves());
        assert!(walked(&mut walk, dir.path()).await.0.is_empty());
        lay(dir.path(), "201/b.wav");
        let mut walk = Walk::new(first, walk.into_leaves());
        assert_eq!(walked(&mut walk, dir.path()).await.0, ["201/a.wav", "201/b.wav"]);
    }
}
