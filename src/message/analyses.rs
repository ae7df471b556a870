//! Topic `analyses`: the meaning of a sanitized transcript.

use super::{Payload, Topic};
use crate::call::CallKey;
use serde::{Deserialize, Serialize};

/// How the caller felt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sentiment {
    Positive,
    Neutral,
    Negative,
}

/// Whether the call ended in a booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Booking {
    Yes,
    No,
    Unclear,
}

impl Sentiment {
    pub fn as_str(self) -> &'static str {
        match self {
            Sentiment::Positive => "positive",
            Sentiment::Neutral => "neutral",
            Sentiment::Negative => "negative",
        }
    }
}

impl Booking {
    pub fn as_str(self) -> &'static str {
        match self {
            Booking::Yes => "yes",
            Booking::No => "no",
            Booking::Unclear => "unclear",
        }
    }
}

/// What the analysis said of one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analysed {
    #[serde(flatten)]
    pub call: CallKey,
    pub recording_id: String,
    pub summary: String,
    pub sentiment: Sentiment,
    pub booking: Booking,
    pub model: String,
}

impl Payload for Analysed {
    const TOPIC: Topic = Topic::Analyses;
    const TYPE: &'static str = "unsaid.analyses.v1";

    fn call(&self) -> &CallKey {
        &self.call
    }
}
