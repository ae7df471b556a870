//! Where audio lives. One trait, each place a file; [`write_back`] holds the
//! order of effects of the most dangerous thing that we do.

pub mod check;
pub mod day_folders;
pub mod kept;
pub mod local;
pub mod playback;
pub mod player_cache;
pub mod sftp;
pub mod twilio;
pub mod unchanged;
pub mod walk;
pub mod write_back;

use crate::call::RecordingPath;
use crate::config::pbx::RecordingsConfig;
use async_trait::async_trait;
use std::sync::Arc;
use unsaid_dsp::mute::Patch;

/// Size and age of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    pub len: u64,
    /// Seconds of the epoch.
    pub mtime_s: i64,
}

/// Why a recording could not be read or written. Says what to do, never what is in it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RecordingsError {
    #[error("the recording is not there")]
    NotFound,
    #[error("permission denied: give the unsaid user read and write access to the recordings folder")]
    PermissionDenied,
    #[error("the recording's path leads outside the recordings folder (a link?); it is not touched")]
    OutsideBase,
    #[error("the path is not a plain file")]
    NotAFile,
    #[error("the recording has {len} bytes, more than the limit of {limit}; raise limits.recording_mib")]
    TooLarge { len: u64, limit: u64 },
    #[error("no space is left where the recording lies")]
    NoSpace,
    #[error("the recordings server cannot be reached: {0}")]
    Unreachable(String),
    #[error("the recordings server did not answer in time")]
    TimedOut,
    #[error("the connection broke off during the transfer")]
    BrokenOff,
    #[error("the recordings server refused the user name, password or key; it takes {takes}")]
    AuthRefused { takes: String },
    #[error(
        "the server's host key is {seen}, not the pinned {pinned}; if the server was reinstalled, set pbx.recordings.host_key to the new one"
    )]
    HostKeyChanged { seen: String, pinned: String },
    #[error("the private key cannot be used: {0}")]
    BadKey(String),
    #[error("the recording changed while unsaid worked on it")]
    Changed,
    #[error("what was written does not read back as written")]
    NotReadBack,
    #[error(
        "the recording has another name (a link); replacing it would leave the unredacted audio there, so it is not touched"
    )]
    Linked,
    #[error(
        "the redacted file cannot be given the recording's owner; let unsaid work as the owner of the recordings"
    )]
    OwnerNotKept,
    #[error("the server cannot rename over a file")]
    NoAtomicRename,
    #[error("{0} lies beside the recording, which is another file by now: look at both, and remove one")]
    SetAside(String),
    #[error("reading or writing failed: {0}")]
    Io(String),
}

impl RecordingsError {
    /// A bounded label for metrics and outcomes.
    pub fn kind(&self) -> &'static str {
        match self {
            RecordingsError::NotFound => "not_found",
            RecordingsError::PermissionDenied => "permission",
            RecordingsError::OutsideBase => "outside_base",
            RecordingsError::NotAFile => "not_a_file",
            RecordingsError::TooLarge { .. } => "too_large",
            RecordingsError::NoSpace => "no_space",
            RecordingsError::Unreachable(_) => "unreachable",
            RecordingsError::TimedOut => "timed_out",
            RecordingsError::BrokenOff => "broken_off",
            RecordingsError::AuthRefused { .. } => "auth",
            RecordingsError::HostKeyChanged { .. } => "host_key",
            RecordingsError::BadKey(_) => "bad_key",
            RecordingsError::Changed => "changed",
            RecordingsError::NotReadBack => "not_read_back",
            RecordingsError::Linked => "linked",
            RecordingsError::OwnerNotKept => "owner",
            RecordingsError::NoAtomicRename => "no_atomic_rename",
            RecordingsError::SetAside(_) => "set_aside",
            RecordingsError::Io(_) => "io",
        }
    }

    /// The server or the way to it is at fault, not this recording.
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            RecordingsError::Unreachable(_)
                | RecordingsError::TimedOut
                | RecordingsError::BrokenOff
                | RecordingsError::AuthRefused { .. }
                | RecordingsError::HostKeyChanged { .. }
                | RecordingsError::BadKey(_)
        )
    }

    /// No later try will end otherwise until a person does something.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            RecordingsError::OutsideBase
                | RecordingsError::NotAFile
                | RecordingsError::TooLarge { .. }
                | RecordingsError::PermissionDenied
                | RecordingsError::Linked
                | RecordingsError::OwnerNotKept
                | RecordingsError::SetAside(_)
        )
    }
}

pub type Result<T> = std::result::Result<T, RecordingsError>;

/// What lies in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub kind: EntryKind,
    pub len: u64,
    pub mtime_s: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Folder,
    /// A link, a socket, a device: never opened, followed or removed.
    Other,
}

/// A folder of recordings. Every path is confined below its base.
#[async_trait]
pub trait Recordings: Send + Sync {
    async fn stat(&self, path: &RecordingPath) -> Result<Stat>;

    /// The whole file, at most `limit` bytes.
    async fn fetch(&self, path: &RecordingPath, limit: u64) -> Result<Vec<u8>>;

    /// `len` bytes from `offset`; fewer at the end of the file.
    async fn read(&self, path: &RecordingPath, offset: u64, len: u64) -> Result<Vec<u8>>;

    /// Overwrites bytes of the same file in place and flushes them. The file
    /// keeps its length, inode, owner and mode.
    async fn overwrite(&self, path: &RecordingPath, patches: &[Patch]) -> Result<()>;

    /// Restores a modification time, so that retention scripts still see the call's age.
    async fn set_mtime(&self, path: &RecordingPath, mtime_s: i64) -> Result<()>;

    /// The path is the file's only name.
    ///
    /// # Errors
    /// [`RecordingsError::Linked`] when it is a link, or has another hard link where that can be seen.
    async fn check_sole_name(&self, path: &RecordingPath) -> Result<()>;

    /// Writes a new file and flushes it; nobody but its owner can read it yet.
    ///
    /// # Errors
    /// When there is one of that name already.
    async fn create(&self, path: &RecordingPath, bytes: &[u8]) -> Result<()>;

    /// Gives `path` the owner, the mode and the modification time of `like`.
    async fn adopt(&self, path: &RecordingPath, like: &RecordingPath) -> Result<()>;

    /// Gives the file `from` a second name that is free; false where it can have but one.
    async fn link(&self, _from: &RecordingPath, _to: &RecordingPath) -> Result<bool> {
        Ok(false)
    }

    /// Renames `from` over `to` in one step: at any instant `to` is one of both.
    ///
    /// # Errors
    /// [`RecordingsError::NoAtomicRename`] when the server has no such step.
    async fn rename_over(&self, from: &RecordingPath, to: &RecordingPath) -> Result<()>;

    /// Renames `from` to a name that is free.
    async fn rename(&self, from: &RecordingPath, to: &RecordingPath) -> Result<()>;

    async fn remove(&self, path: &RecordingPath) -> Result<()>;

    /// What lies in a folder, or in the base itself; links are not followed.
    ///
    /// # Errors
    /// [`RecordingsError::NotFound`] when there is no such folder,
    /// [`RecordingsError::Linked`] when the way to it is a link.
    async fn list(&self, folder: Option<&RecordingPath>) -> Result<Vec<Entry>>;

    /// Removes a folder that is empty.
    async fn remove_folder(&self, folder: &RecordingPath) -> Result<()>;

    /// Every plain file below the base, its length and its path, where that can be had in one answer.
    async fn all_files(&self) -> Result<Option<Vec<(u64, String)>>> {
        Ok(None)
    }

    /// The redacted recording is there and verified: an original that lies
    /// elsewhere is deleted, where that is switched on. True when one was.
    async fn settle(&self, _path: &RecordingPath) -> Result<bool> {
        Ok(false)
    }
}

/// The recordings of a PBX and another folder on the same machine; one connection serves both.
pub fn open_beside(
    config: &RecordingsConfig,
    folder: Option<&str>,
) -> (Arc<dyn Recordings>, Option<Arc<dyn Recordings>>) {
    if let RecordingsConfig::Sftp(sftp) = config {
        let recordings = sftp::SftpRecordings::new(sftp.clone());
        let beside = folder.map(|f| Arc::new(recordings.beside(f)) as Arc<dyn Recordings>);
        return (Arc::new(recordings), beside);
    }
    (open(config), folder.map(|f| open(&config.at(f))))
}

/// The recordings of a PBX as its settings say.
pub fn open(config: &RecordingsConfig) -> Arc<dyn Recordings> {
    match config {
        RecordingsConfig::Local(local) => Arc::new(local::LocalRecordings::new(&local.base)),
        RecordingsConfig::Sftp(sftp) => Arc::new(sftp::SftpRecordings::new(sftp.clone())),
        RecordingsConfig::Twilio(kept) => Arc::new(twilio::TwilioRecordings::new(kept)),
    }
}
