//! What was heard in a call's recordings: in memory alone, for an hour, so that
//! what one recording tells is known when another of the same call is redacted.

use crate::call::RawTranscript;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const KEPT: Duration = Duration::from_secs(3_600);
/// Words of all recordings together, some 30 MB; the oldest go first.
const MOST_WORDS: usize = 300_000;

/// The words of recordings, by their ids.
#[derive(Default)]
pub struct CallWords(Mutex<HashMap<String, Kept>>);

struct Kept {
    words: Arc<RawTranscript>,
    /// SHA-256 of the file in which they were heard, and of what became of it.
    content: String,
    redacted: Option<String>,
    /// Which of them were silenced, once that is known.
    secret: Option<Vec<bool>>,
    at: Instant,
}

impl CallWords {
    fn locked(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        // Every critical section below leaves the map whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was heard in these bytes, or in those that were muted into these.
    pub fn of_content(&self, recording: &str, sha256: &str) -> Option<Arc<RawTranscript>> {
        let all = self.locked();
        let kept = all.get(recording)?;
        (kept.content == sha256 || kept.redacted.as_deref() == Some(sha256)).then(|| kept.words.clone())
    }

    /// What was heard in the recording at all, and which words of it are silent by now.
    pub fn of(&self, recording: &str) -> Option<(Arc<RawTranscript>, Option<Vec<bool>>)> {
        self.locked().get(recording).map(|kept| (kept.words.clone(), kept.secret.clone()))
    }

    pub fn remember(&self, recording: &str, content: String, words: RawTranscript) -> Arc<RawTranscript> {
        let words = Arc::new(words);
        let kept = Kept { words: words.clone(), content, redacted: None, secret: None, at: Instant::now() };
        let mut all = self.locked();
        all.insert(recording.to_owned(), kept);
        forget_old(&mut all);
        words
    }

    /// These words of it are secret.
    pub fn found(&self, recording: &str, secret: Vec<bool>) {
        if let Some(kept) = self.locked().get_mut(recording) {
            kept.secret = Some(secret);
        }
    }

    /// Its file has become these bytes.
    pub fn written(&self, recording: &str, sha256: &str) {
        if let Some(kept) = self.locked().get_mut(recording) {
            kept.redacted = Some(sha256.to_owned());
        }
    }
}

fn forget_old(all: &mut HashMap<String, Kept>) {
    all.retain(|_, kept| kept.at.elapsed() < KEPT);
    let mut words: usize = all.values().map(|kept| kept.words.words.len()).sum();
    while words > MOST_WORDS && all.len() > 1 {
        let Some(oldest) = all.iter().min_by_key(|(_, kept)| kept.at).map(|(id, _)| id.clone()) else {
            return;
        };
        words -= all.remove(&oldest).map_or(0, |kept| kept.words.words.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Word;

    fn words(count: usize) -> RawTranscript {
        let word = Word { text: "a".into(), start_s: 0.0, end_s: 0.1, speaker: None };
        RawTranscript { words: vec![word; count], ..RawTranscript::default() }
    }

    #[test]
    fn words_are_known_by_what_they_were_heard_in_and_by_what_that_became() {
        let kept = CallWords::default();
        kept.remember("r1", "before".into(), words(3));
        assert!(kept.of_content("r1", "before").is_some() && kept.of_content("r1", "after").is_none());
        kept.written("r1", "after");
        kept.found("r1", vec![false, true, true]);
        assert!(kept.of_content("r1", "after").is_some() && kept.of_content("r1", "grown").is_none());
        assert_eq!(kept.of("r1").and_then(|(_, secret)| secret), Some(vec![false, true, true]));
        assert!(kept.of("r2").is_none());
    }

    #[test]
    fn the_oldest_are_forgotten_when_there_are_too_many() {
        let kept = CallWords::default();
        for n in 0..4 {
            kept.remember(&format!("r{n}"), "x".into(), words(MOST_WORDS / 2 - 1));
        }
        let left: Vec<bool> = (0..4).map(|n| kept.of(&format!("r{n}")).is_some()).collect();
        assert_eq!(left, [false, false, true, true]);
    }
}
