//! The write-back, in place. What a crash after each step leaves:
//!
//! | step | after a crash | the next run |
//! |---|---|---|
//! | intent stored | the original | mutes from the intent |
//! | some ranges written | a whole, playable file, part muted | mutes from the intent |
//! | all written, flushed | the redacted file | compares, finishes |
//! | read back, mtime restored | the redacted file | compares, finishes |
//! | outcome stored | the redacted file | finds its own output, publishes again |

use super::{Recordings, RecordingsError, Result, Stat};
use crate::call::RecordingPath;
use unsaid_dsp::mute::Patch;

/// Overwrites the muted bytes of `path`, reads them back and restores the
/// modification time. `seen` is the file as it was fetched.
///
/// # Errors
/// [`RecordingsError::Changed`] when the file is not the one that was fetched:
/// it is then not touched. [`RecordingsError::NotReadBack`] when the bytes on
/// disk are not those written.
pub async fn in_place(
    recordings: &dyn Recordings,
    path: &RecordingPath,
    seen: Stat,
    patches: &[Patch],
) -> Result<()> {
    if recordings.stat(path).await? != seen {
        return Err(RecordingsError::Changed);
    }
    recordings.overwrite(path, patches).await?;
    for patch in patches {
        let there = recordings.read(path, patch.offset, patch.bytes.len() as u64).await?;
        if there != patch.bytes {
            return Err(RecordingsError::NotReadBack);
        }
    }
    recordings.set_mtime(path, seen.mtime_s).await
}
