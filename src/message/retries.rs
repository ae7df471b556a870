//! Topic `retries`: an input that has to wait, and until when.

use super::{Payload, Topic};
use crate::call::CallKey;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// An input put back, to be published to its topic again at `not_before`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retried {
    #[serde(flatten)]
    pub call: CallKey,
    /// The topic it came from, without prefix.
    pub topic: String,
    pub stage: String,
    pub reason: String,
    /// Attempts that count towards the limit, this one included.
    pub attempts: u32,
    pub not_before: DateTime<Utc>,
    pub input: serde_json::Value,
}

impl Payload for Retried {
    const TOPIC: Topic = Topic::Retries;
    const TYPE: &'static str = "unsaid.retries.v1";

    fn call(&self) -> &CallKey {
        &self.call
    }
}
