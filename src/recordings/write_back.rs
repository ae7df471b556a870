//! The write-back. In place, where the file keeps its length; what a crash
//! after each step leaves:
//!
//! | step | after a crash | the next run |
//! |---|---|---|
//! | intent stored | the original | mutes from the intent |
//! | some ranges written | a whole, playable file, part muted | mutes from the intent |
//! | all written, flushed | the redacted file | compares, finishes |
//! | read back, mtime restored | the redacted file | compares, finishes |
//! | outcome stored | the redacted file | finds its own output, publishes again |
//!
//! By replacement, where the length changes (FLAC) or a setting asks for it:
//!
//! | step | after a crash | the next run |
//! |---|---|---|
//! | intent stored | the original | mutes from the intent |
//! | new file written, read back, dressed as the old | the original, and a hidden file of ours | removes ours, mutes from the intent |
//! | renamed over it | the redacted file | compares, finishes |
//!
//! A server that cannot rename over a file makes three steps of the last:
//!
//! | step | after a crash | the next run |
//! |---|---|---|
//! | the original set aside | both, hidden | puts the original back, mutes from the intent |
//! | the new one renamed | the redacted file, the original hidden | removes the original, finishes |

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

/// What is to replace a recording.
pub struct Replacement<'a> {
    /// The recording's id, which names our files beside it.
    pub id: &'a str,
    /// The file as it was fetched.
    pub seen: Stat,
    pub before: &'a [u8],
    pub after: &'a [u8],
}

/// Our files beside `path`: the new one, and the original while it is set aside.
fn beside(path: &RecordingPath, id: &str) -> (RecordingPath, RecordingPath) {
    (path.beside("tmp-redacted", id), path.beside("tmp-original", id))
}

/// Puts a whole new file in the place of `path`: written beside it, flushed,
/// read back, given the owner, mode and time, and renamed over it.
///
/// # Errors
/// [`RecordingsError::Changed`] when the recording is not the one that was
/// fetched, byte for byte; [`RecordingsError::Linked`] when it has another
/// name. The recording is then what it was, and nothing of ours is left.
pub async fn replace(recordings: &dyn Recordings, path: &RecordingPath, new: Replacement<'_>) -> Result<()> {
    let (temporary, aside) = beside(path, new.id);
    recordings.check_sole_name(path).await?;
    let ready = prepare(recordings, path, &temporary, &new).await;
    if let Err(error) = ready {
        // Should this fail too, the next run removes it.
        let _ = recordings.remove(&temporary).await;
        return Err(error);
    }
    match recordings.rename_over(&temporary, path).await {
        Err(RecordingsError::NoAtomicRename) => {
            recordings.rename(path, &aside).await?;
            recordings.rename(&temporary, path).await?;
            recordings.remove(&aside).await
        }
        renamed => renamed,
    }
}

/// Everything before the rename: the new file whole and dressed, the old one unchanged.
async fn prepare(
    recordings: &dyn Recordings,
    path: &RecordingPath,
    temporary: &RecordingPath,
    new: &Replacement<'_>,
) -> Result<()> {
    recordings.create(temporary, new.after).await?;
    match recordings.fetch(temporary, new.after.len() as u64).await {
        Ok(there) if there == new.after => {}
        Ok(_) | Err(RecordingsError::TooLarge { .. }) => return Err(RecordingsError::NotReadBack),
        Err(error) => return Err(error),
    }
    recordings.adopt(temporary, path).await?;
    // The time has whole seconds over SFTP: the bytes themselves say whether anybody wrote meanwhile.
    if recordings.stat(path).await? != new.seen {
        return Err(RecordingsError::Changed);
    }
    match recordings.fetch(path, new.seen.len).await {
        Ok(there) if there == new.before => {}
        // It grew since that look.
        Ok(_) | Err(RecordingsError::TooLarge { .. }) => return Err(RecordingsError::Changed),
        Err(error) => return Err(error),
    }
    // Nor did it grow while it was compared.
    if recordings.stat(path).await? == new.seen { Ok(()) } else { Err(RecordingsError::Changed) }
}

/// Mends what a crash in the middle of [`replace`] left. `is_ours` says of the
/// bytes under the recording's name whether they are the redacted ones.
///
/// # Errors
/// [`RecordingsError::SetAside`] when an original lies aside and another file
/// bears its name: then a person must decide.
pub async fn recover(
    recordings: &dyn Recordings,
    path: &RecordingPath,
    id: &str,
    limit: u64,
    is_ours: impl Fn(&[u8]) -> bool,
) -> Result<()> {
    let (temporary, aside) = beside(path, id);
    if is_there(recordings, &aside).await? {
        if !is_there(recordings, path).await? {
            recordings.rename(&aside, path).await?;
        } else if is_ours(&recordings.fetch(path, limit).await?) {
            recordings.remove(&aside).await?;
        } else {
            return Err(RecordingsError::SetAside(aside.file_name().to_owned()));
        }
    }
    match recordings.remove(&temporary).await {
        Err(RecordingsError::NotFound) => Ok(()),
        removed => removed,
    }
}

async fn is_there(recordings: &dyn Recordings, path: &RecordingPath) -> Result<bool> {
    match recordings.stat(path).await {
        Ok(_) => Ok(true),
        Err(RecordingsError::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}
