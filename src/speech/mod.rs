//! Words from audio. An engine hears the unredacted call; what it says stays
//! in memory, and nothing of it stands in an error.

pub mod align;
pub mod believe;
pub mod http;
pub mod limits;
pub mod openai;
pub mod placing;
pub mod reading;
pub mod shapes;
pub mod sidecar;
pub mod sounding;
pub mod split;
pub mod upload;
#[cfg(feature = "whisper")]
pub mod whisper;

use crate::call::{RawTranscript, RecordingPath, TenantId};
use async_trait::async_trait;
use std::time::Duration;

/// Audio for an engine: 16 kHz mono in ±1, and where it came from.
pub struct Utterance<'a> {
    pub plane: &'a [f32],
    pub duration_s: f64,
    /// Whose recording it is: each tenant has its share of an engine.
    pub tenant: &'a TenantId,
    /// Which recording it is; `None` on the command line.
    pub path: Option<&'a RecordingPath>,
}

/// Why there are no words. Never holds a body: it could be a transcript.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SpeechError {
    #[error("the speech engine is busy")]
    Busy { retry_after: Option<Duration> },
    #[error("the speech engine cannot be reached: {0}")]
    Unreachable(String),
    #[error("the speech engine did not answer in time")]
    TimedOut,
    #[error(
        "the speech engine refused the request with status {status}; check speech.base_url, speech.model and speech.api_key"
    )]
    Refused { status: u16 },
    #[error("the speech engine's quota is used up")]
    Quota,
    #[error("what the engine wrote is not understood: {0}")]
    NotUnderstood(String),
    #[error("the speech model cannot be used: {0}")]
    Model(String),
    #[error("the recording's words are not there: {0}")]
    Missing(String),
    #[error("the transcript holds no words, although something is said in the recording")]
    Wordless,
}

impl SpeechError {
    /// A bounded label for metrics and outcomes.
    pub fn kind(&self) -> &'static str {
        match self {
            SpeechError::Busy { .. } => "speech_busy",
            SpeechError::Unreachable(_) => "speech_unreachable",
            SpeechError::TimedOut => "speech_timed_out",
            SpeechError::Refused { .. } => "speech_refused",
            SpeechError::Quota => "speech_quota",
            SpeechError::NotUnderstood(_) => "speech_not_understood",
            SpeechError::Model(_) => "speech_model",
            SpeechError::Missing(_) => "speech_missing",
            SpeechError::Wordless => "speech_wordless",
        }
    }

    /// The engine is at fault, not this recording: waiting helps.
    pub fn is_outage(&self) -> bool {
        !matches!(self, SpeechError::NotUnderstood(_) | SpeechError::Missing(_) | SpeechError::Wordless)
    }
}

/// A transcript that somebody put beside the recording, of any known shape.
///
/// # Errors
/// [`SpeechError::NotUnderstood`], and [`SpeechError::Wordless`] where it is empty
/// and the recording is not.
pub fn read_transcript(json: &[u8], audio: &[f32], duration_s: f64) -> Result<RawTranscript, SpeechError> {
    let words = shapes::parse(json, duration_s)?;
    if words.words.is_empty() && sounding::is_long(audio) {
        return Err(SpeechError::Wordless);
    }
    Ok(words)
}

/// A speech engine.
#[async_trait]
pub trait Transcriber: Send + Sync {
    fn name(&self) -> &'static str;

    /// What the engine costs, in US dollars a minute of audio that is sent.
    fn price_per_minute(&self) -> f64 {
        0.0
    }

    /// The words of one recording.
    async fn transcribe(&self, audio: Utterance<'_>) -> Result<RawTranscript, SpeechError>;
}
