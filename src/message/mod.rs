//! What travels in the topics: one payload a file, JSON, described by
//! `schemas/topics/`. No payload ever holds audio or unsanitized words.

pub mod analyses;
pub mod cdr;
pub mod dead_letters;
pub mod recordings;
pub mod redactions;
pub mod retries;

pub use analyses::Analysed;
pub use cdr::CdrChanged;
pub use dead_letters::DeadLetter;
pub use recordings::{RecordingReady, Why};
pub use redactions::{Redacted, RedactionOutcome};
pub use retries::Retried;

use crate::call::CallKey;
use serde::{Serialize, de::DeserializeOwned};

/// The topics, named below the configured prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    Cdr,
    Recordings,
    Redactions,
    Analyses,
    Retries,
    DeadLetters,
}

impl Topic {
    pub const ALL: [Topic; 6] = [
        Topic::Cdr,
        Topic::Recordings,
        Topic::Redactions,
        Topic::Analyses,
        Topic::Retries,
        Topic::DeadLetters,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Topic::Cdr => "cdr",
            Topic::Recordings => "recordings",
            Topic::Redactions => "redactions",
            Topic::Analyses => "analyses",
            Topic::Retries => "retries",
            Topic::DeadLetters => "dead-letters",
        }
    }
}

/// A payload of one topic.
pub trait Payload: Serialize + DeserializeOwned + Send + Sync + 'static {
    const TOPIC: Topic;
    /// CloudEvents type, with the payload's version.
    const TYPE: &'static str;

    /// The call this is about; its key orders the topic.
    fn call(&self) -> &CallKey;
}
