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
//! | the original given a hidden second name | the original, under both | removes ours, mutes from the intent |
//! | renamed over it | the redacted file, the original hidden | the original grew meanwhile: puts it back, hears it anew; else removes it, finishes |
//! | the hidden name removed | the redacted file | compares, finishes |
//!
//! The second name is for what is written between the last look and the rename:
//! it goes to the old file, which is then still there, and comes back. A server
//! that cannot give one (SFTP without `hardlink@openssh.com`, a file system
//! without links) goes without that step.
//!
//! A server that cannot rename over a file makes two steps of the rename:
//!
//! | step | after a crash | the next run |
//! |---|---|---|
//! | the original set aside | both, hidden | puts the original back, mutes from the intent |
//! | the new one renamed | the redacted file, the original hidden | as above |

use super::{Recordings, RecordingsError, Result, Stat};
use crate::call::RecordingPath;
use unsaid_dsp::mute::Patch;

/// Overwrites the muted bytes of `path`, reads them back and restores the
/// modification time. `seen` is the file as it was fetched.
///
/// # Errors
/// [`RecordingsError::Changed`] when the file is not the one that was fetched,
/// and is not touched then, or grew while it was written. [`RecordingsError::NotReadBack`] when the bytes on
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
    // What was appended meanwhile was not heard, and its time must tell of it.
    if recordings.stat(path).await?.len != seen.len {
        return Err(RecordingsError::Changed);
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
    /// No file of more bytes is read.
    pub limit_bytes: u64,
}

impl Replacement<'_> {
    fn which(&self, bytes: &[u8]) -> Which {
        match bytes {
            b if b == self.after => Which::New,
            b if b == self.before => Which::Old,
            _ => Which::Other,
        }
    }
}

/// What a file's bytes are to a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// What was to be replaced, as it was fetched.
    Old,
    /// What was to replace it.
    New,
    /// Neither: somebody wrote it.
    Other,
}

impl Which {
    /// By the file's SHA-256 and those of the old and the new.
    pub fn by_sum(sum: &str, old: &str, new: &str) -> Which {
        match sum {
            s if s == new => Which::New,
            s if s == old => Which::Old,
            _ => Which::Other,
        }
    }
}

/// Our files beside `path`: the new one, and the old one's hidden name.
fn beside(path: &RecordingPath, id: &str) -> (RecordingPath, RecordingPath) {
    (path.beside("tmp-redacted", id), path.beside("tmp-original", id))
}

/// Puts a whole new file in the place of `path`: written beside it, flushed,
/// read back, given the owner, mode and time, and renamed over it.
///
/// # Errors
/// [`RecordingsError::Changed`] when the recording is not the one that was
/// fetched, byte for byte; [`RecordingsError::Linked`] when it has another
/// name. The recording is then what it was, and nothing of ours is left; where
/// the server does not answer any more, [`recover`] sees to that in the next run.
pub async fn replace(recordings: &dyn Recordings, path: &RecordingPath, new: Replacement<'_>) -> Result<()> {
    let (temporary, aside) = beside(path, new.id);
    let which = |bytes: &[u8]| new.which(bytes);
    // What an earlier life of the store knew of may lie there still.
    recover(recordings, path, new.id, new.limit_bytes, which).await?;
    recordings.check_sole_name(path).await?;
    let replaced = async {
        prepare(recordings, path, &temporary, &new).await?;
        swap(recordings, path, (&temporary, &aside), &new).await
    };
    let replaced = replaced.await;
    if replaced.as_ref().is_err_and(|e| !e.is_outage()) {
        // Should this fail too, the next run does it.
        let _ = recover(recordings, path, new.id, new.limit_bytes, which).await;
    }
    match replaced {
        // A sweep took the new file for a leftover.
        Err(RecordingsError::NotFound) if is_there(recordings, path).await? => Err(RecordingsError::Changed),
        replaced => replaced,
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
        Ok(there) if there == new.before => Ok(()),
        // It grew since that look.
        Ok(_) | Err(RecordingsError::TooLarge { .. }) => Err(RecordingsError::Changed),
        Err(error) => Err(error),
    }
}

/// The new file takes the name; the old one keeps a hidden one until it is known that nobody wrote to it.
async fn swap(
    recordings: &dyn Recordings,
    path: &RecordingPath,
    (temporary, aside): (&RecordingPath, &RecordingPath),
    new: &Replacement<'_>,
) -> Result<()> {
    let has_two_names = recordings.link(path, aside).await?;
    match recordings.stat(path).await {
        Ok(there) if there == new.seen => {}
        // It grew while it was compared.
        Ok(_) => return Err(RecordingsError::Changed),
        // Whoever deleted it did not mean to leave us its last name.
        Err(RecordingsError::NotFound) if has_two_names => {
            recordings.remove(aside).await?;
            return Err(RecordingsError::NotFound);
        }
        Err(error) => return Err(error),
    }
    match recordings.rename_over(temporary, path).await {
        Err(RecordingsError::NoAtomicRename) => {
            if has_two_names {
                // Never by taking away one of two names: a sweep may have taken the other.
                remove_if_there(recordings, aside).await?;
            }
            recordings.rename(path, aside).await?;
            recordings.rename(temporary, path).await?;
        }
        Ok(()) if !has_two_names => return Ok(()),
        renamed => renamed?,
    }
    let removed = match recordings.stat(aside).await {
        Ok(left) if left == new.seen => recordings.remove(aside).await,
        Ok(_) => Err(RecordingsError::Changed),
        Err(error) => Err(error),
    };
    match removed {
        // A sweep mended it meanwhile: which of the two it left, the name tells.
        Err(RecordingsError::NotFound) => match recordings.fetch(path, new.after.len() as u64).await {
            Ok(there) if there == new.after => Ok(()),
            Ok(_) | Err(RecordingsError::TooLarge { .. }) => Err(RecordingsError::Changed),
            Err(error) => Err(error),
        },
        removed => removed,
    }
}

/// Mends what an end in the middle of [`replace`] left. `which` tells the bytes
/// of a file.
///
/// # Errors
/// [`RecordingsError::SetAside`] when an original lies aside and another file
/// bears its name: then a person must decide.
pub async fn recover(
    recordings: &dyn Recordings,
    path: &RecordingPath,
    id: &str,
    limit_bytes: u64,
    which: impl Fn(&[u8]) -> Which,
) -> Result<()> {
    let (temporary, aside) = beside(path, id);
    if is_there(recordings, &aside).await? {
        if is_there(recordings, path).await? {
            // In this order: what is appended to a file of two names is then in the second look.
            let old = recordings.fetch(&aside, limit_bytes).await?;
            let there = recordings.fetch(path, limit_bytes).await?;
            match (which(&old), which(&there)) {
                // Another name of the same file, or a copy of what is in it.
                _ if there.starts_with(&old) => recordings.remove(&aside).await?,
                (Which::Other, Which::New) => put_back(recordings, &aside, path).await?,
                (_, Which::New) | (Which::New, Which::Old) => recordings.remove(&aside).await?,
                _ => return Err(RecordingsError::SetAside(aside.file_name().to_owned())),
            }
        } else {
            recordings.rename(&aside, path).await?;
        }
    }
    remove_if_there(recordings, &temporary).await
}

/// Somebody wrote to the old file while it was replaced: it takes its name again.
async fn put_back(recordings: &dyn Recordings, aside: &RecordingPath, path: &RecordingPath) -> Result<()> {
    match recordings.rename_over(aside, path).await {
        Err(RecordingsError::NoAtomicRename) => {
            recordings.remove(path).await?;
            recordings.rename(aside, path).await
        }
        put => put,
    }
}

async fn remove_if_there(recordings: &dyn Recordings, path: &RecordingPath) -> Result<()> {
    match recordings.remove(path).await {
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
