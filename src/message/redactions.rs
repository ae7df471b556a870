//! Topic `redactions`: what became of a recording. Never what was found.

use super::{Payload, Topic};
use crate::call::{CallKey, Segment};
use serde::{Deserialize, Serialize};

/// How the redaction of one recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedactionOutcome {
    /// Nothing to silence; the file was not touched.
    NotNeeded,
    /// Silenced, read back and compared.
    Completed,
    /// Secrets were found and not silenced: a dry run writes nothing.
    DryRun,
    /// Not done; `detail` says why. The file is whole.
    Failed,
    /// Somebody put the original back: the file holds its secrets again. It is left alone.
    Restored,
}

impl RedactionOutcome {
    pub fn as_str(self) -> &'static str {
        match self {
            RedactionOutcome::NotNeeded => "not_needed",
            RedactionOutcome::Completed => "completed",
            RedactionOutcome::DryRun => "dry_run",
            RedactionOutcome::Failed => "failed",
            RedactionOutcome::Restored => "restored",
        }
    }
}

/// The outcome of one recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Redacted {
    #[serde(flatten)]
    pub call: CallKey,
    pub recording_id: String,
    pub path: String,
    pub status: RedactionOutcome,
    /// A short sentence without secrets, where the status needs one.
    pub detail: Option<String>,
    pub segments: Vec<Segment>,
    pub muted_s: f64,
    pub duration_s: f64,
    pub sha256_before: Option<String>,
    pub sha256_after: Option<String>,
    pub ruleset: String,
    pub elapsed_ms: i64,
}

impl Payload for Redacted {
    const TOPIC: Topic = Topic::Redactions;
    const TYPE: &'static str = "unsaid.redactions.v1";

    fn call(&self) -> &CallKey {
        &self.call
    }
}
