//! Meaning from sanitized text. An engine takes [`SanitizedText`], which only
//! `detect::sanitize` can build: an unredacted word cannot get here.

pub mod openai;

use crate::detect::SanitizedText;
use crate::message::analyses::{Booking, Sentiment};
use crate::speech::SpeechError;
use async_trait::async_trait;

/// What an engine made of a call.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub struct Meaning {
    pub summary: String,
    pub sentiment: Sentiment,
    pub booking: Booking,
}

/// Why there is no analysis; the same faults as a speech engine's.
pub type AnalysisError = SpeechError;

/// An analysis engine.
#[async_trait]
pub trait Analyst: Send + Sync {
    fn model(&self) -> &str;

    async fn analyse(&self, text: &SanitizedText) -> Result<Meaning, AnalysisError>;
}
