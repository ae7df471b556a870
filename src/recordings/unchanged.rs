//! Is a file what its redaction left? Asked before a byte of it is played: one
//! that grew, or that somebody put in its place, may hold what nobody heard.

use super::{Recordings, RecordingsError, Result, Stat, playback};
use crate::call::RecordingPath;
use futures::StreamExt;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Files that are remembered to be what was left; forgotten all at once.
const MOST: usize = 10_000;
/// Then the bytes are compared again: a backup that comes back has the length and the time of the file.
const FOR: Duration = Duration::from_secs(600);

/// What a recording's redaction left, as the store has it.
#[derive(Clone, Copy, Debug)]
pub struct Left<'a> {
    /// The recording's id.
    pub id: &'a str,
    pub len: Option<u64>,
    pub sha256: Option<&'a str>,
}

/// Files whose bytes were compared, by their recordings' ids: not read again
/// for some minutes, while their length and time stay.
#[derive(Clone, Default)]
pub struct Unchanged(Arc<Mutex<HashMap<String, Compared>>>);

struct Compared {
    seen: Stat,
    sha256: String,
    at: Instant,
}

impl Unchanged {
    fn locked(&self) -> MutexGuard<'_, HashMap<String, Compared>> {
        // Every critical section below leaves the map whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file as it is now, where it is what was left: by its length, and by its
    /// bytes, which are read for that once.
    ///
    /// # Errors
    /// [`RecordingsError::Changed`] when it is not, or when nothing is known of what was
    /// left; those of the server.
    pub async fn check(
        &self,
        recordings: &Arc<dyn Recordings>,
        path: &RecordingPath,
        left: Left<'_>,
    ) -> Result<Stat> {
        let seen = recordings.stat(path).await?;
        let Some(sha256) = left.sha256.filter(|_| left.len == Some(seen.len)) else {
            return Err(RecordingsError::Changed);
        };
        let is_known =
            |known: &Compared| known.seen == seen && known.sha256 == sha256 && known.at.elapsed() < FOR;
        if self.locked().get(left.id).is_some_and(is_known) {
            return Ok(seen);
        }
        if sum(recordings.clone(), path, seen).await? != sha256 {
            return Err(RecordingsError::Changed);
        }
        let mut all = self.locked();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(left.id.to_owned(), Compared { seen, sha256: sha256.to_owned(), at: Instant::now() });
        Ok(seen)
    }
}

/// Lower-case hex of a file's bytes, read piece by piece.
async fn sum(recordings: Arc<dyn Recordings>, path: &RecordingPath, seen: Stat) -> Result<String> {
    let mut sum = Sha256::new();
    let mut chunks = std::pin::pin!(playback::stream(recordings, path.clone(), seen, 0, seen.len));
    while let Some(chunk) = chunks.next().await {
        sum.update(&chunk?);
    }
    Ok(hex::encode(sum.finalize()))
}
