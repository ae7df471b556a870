//! One recording at work.

use super::lease::Lease;
use super::{Fault, Redact};
use crate::call::RecordingPath;
use crate::message::RecordingReady;
use crate::recordings::{RecordingsError, Stat};
use crate::stage::pbx::Pbx;
use crate::store::recordings::RecordingRow;
use std::time::Instant;

/// One recording at work.
pub(super) struct Job<'a> {
    pub input: &'a RecordingReady,
    pub pbx: &'a Pbx,
    pub row: RecordingRow,
    pub path: RecordingPath,
    /// The file as it was found.
    pub seen: Option<Stat>,
    /// SHA-256 of what was fetched.
    pub content: Option<String>,
    /// Other recordings that are the same file by another spelling.
    pub others: Vec<RecordingRow>,
    /// Of whoever may write to the file.
    pub lease: Option<Lease>,
    pub started: Instant,
}

impl<'a> Job<'a> {
    pub fn of(input: &'a RecordingReady, pbx: &'a Pbx, row: RecordingRow, path: RecordingPath) -> Job<'a> {
        let (others, started) = (Vec::new(), Instant::now());
        Job { input, pbx, row, path, seen: None, content: None, others, lease: None, started }
    }

    /// The file's hash from before its first mute, where one was.
    pub fn first_original(&self) -> Option<String> {
        let muted = std::iter::once(&self.row).chain(&self.others).find(|row| row.redacted);
        muted.and_then(|row| row.original_sha256.clone())
    }

    /// Nobody else works on the file.
    pub async fn still_mine(&self) -> Result<(), Fault> {
        match &self.lease {
            Some(lease) => lease.check().await,
            None => Err(Fault::Busy),
        }
    }
}

pub(super) fn path_of(row: &RecordingRow) -> Result<RecordingPath, RecordingsError> {
    RecordingPath::parse(row.path.as_deref().unwrap_or_default()).map_err(|_| RecordingsError::OutsideBase)
}

impl Redact {
    pub(super) async fn row(&self, input: &RecordingReady) -> Result<RecordingRow, Fault> {
        let row = self.store.recording(&input.call.tenant, &input.recording_id).await?;
        row.ok_or(Fault::NoRow)
    }
}
