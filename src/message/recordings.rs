//! Topic `recordings`: a reference to a finished recording to redact.

use super::{Payload, Topic};
use crate::call::CallKey;
use serde::{Deserialize, Serialize};

/// Why a recording is to be redacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    New,
    ReRedact,
}

/// A recording that a CDR names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordingReady {
    #[serde(flatten)]
    pub call: CallKey,
    pub recording_id: String,
    /// The `recordingfile` as the CDR has it; checked where it is opened.
    pub recordingfile: String,
    pub why: Why,
}

impl Payload for RecordingReady {
    const TOPIC: Topic = Topic::Recordings;
    const TYPE: &'static str = "unsaid.recordings.v1";

    fn call(&self) -> &CallKey {
        &self.call
    }
}
