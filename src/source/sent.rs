//! What one feeder has sent, and the order in which it did.

use chrono::Utc;
use std::collections::HashMap;

/// Rows that are remembered at most.
const MOST: usize = 500_000;

/// Rows that were sent, each by its identity with the recording that it named
/// last; and the version of the newest.
///
/// A version grows with every row that is sent, whatever the clock does: it is
/// microseconds of the epoch, or one more than the last where that is later.
#[derive(Debug, Default)]
pub struct Sent {
    files: HashMap<String, String>,
    version: i64,
}

impl Sent {
    /// Versions go on above `last`.
    pub fn begin(&mut self, last: i64) {
        self.version = self.version.max(last);
    }

    /// The version of a row that is to be sent; `None` for one that was.
    /// `is_known`: the store has it, with this recording.
    pub fn news(&mut self, identity: &str, file: &str, is_known: bool) -> Option<i64> {
        // What was sent last stands above the store, which may not have it yet.
        let was_sent = self.files.get(identity).map_or(is_known, |sent| sent == file);
        if was_sent {
            return None;
        }
        self.files.insert(identity.to_owned(), file.to_owned());
        self.version = (self.version + 1).max(Utc::now().timestamp_micros());
        Some(self.version)
    }

    /// The row was not acknowledged: it is news again.
    pub fn forget(&mut self, identity: &str) {
        self.files.remove(identity);
    }

    pub fn version(&self) -> i64 {
        self.version
    }

    /// Keeps the memory bounded. What is forgotten is looked up in the store.
    pub fn trim(&mut self) {
        if self.files.len() > MOST {
            self.files.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_sent_once_and_again_when_its_recording_was_renamed_or_it_was_not_acknowledged() {
        let mut sent = Sent::default();
        assert!(sent.news("1", "a.wav", true).is_none(), "the store has it");
        let first = sent.news("1", "a.mp3", false).expect("renamed");
        assert!(sent.news("1", "a.mp3", false).is_none());
        // An older row that is read late, and the newer again: the last that was sent is the newest.
        let older = sent.news("1", "a.wav", false).expect("other than what was sent");
        let newest = sent.news("1", "a.mp3", true).expect("other than what was sent");
        assert!(first < older && older < newest);
        sent.forget("1");
        assert!(sent.news("1", "a.mp3", false).is_some());
    }

    #[test]
    fn versions_grow_although_the_clock_was_set_back() {
        let mut sent = Sent::default();
        let next_year = Utc::now().timestamp_micros() + 365 * 86_400 * 1_000_000;
        sent.begin(next_year);
        assert_eq!(sent.news("1", "", false), Some(next_year + 1));
        assert_eq!(sent.news("2", "", false), Some(next_year + 2));
    }
}
