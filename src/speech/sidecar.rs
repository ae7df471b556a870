//! Words that another tool put beside the recording: `NAME.json` for
//! `NAME.wav`, in any shape that [`super::shapes`] knows.

use super::{SpeechError, Transcriber, Utterance, read_transcript};
use crate::call::{RawTranscript, RecordingPath};
use crate::recordings::{Recordings, RecordingsError};
use async_trait::async_trait;
use std::sync::Arc;

/// A transcript is text: more than this is none.
const MAX_BYTES: u64 = 32 << 20;

/// Reads transcripts from the folder of the recordings.
pub struct Sidecar {
    recordings: Arc<dyn Recordings>,
}

impl Sidecar {
    pub fn new(recordings: Arc<dyn Recordings>) -> Sidecar {
        Sidecar { recordings }
    }
}

/// `2024/05/14/call.wav` → `2024/05/14/call.json`.
fn beside(path: &RecordingPath) -> Option<RecordingPath> {
    let (stem, _) = path.as_str().rsplit_once('.')?;
    RecordingPath::parse(&format!("{stem}.json")).ok()
}

#[async_trait]
impl Transcriber for Sidecar {
    fn name(&self) -> &'static str {
        "sidecar"
    }

    async fn transcribe(&self, audio: Utterance<'_>) -> Result<RawTranscript, SpeechError> {
        let path = audio
            .path
            .and_then(beside)
            .ok_or_else(|| SpeechError::Missing("the recording has no name".to_owned()))?;
        let json = self.recordings.fetch(&path, MAX_BYTES).await.map_err(|error| match error {
            RecordingsError::NotFound => {
                SpeechError::Missing(format!("{} is not beside the recording", path.file_name()))
            }
            other => SpeechError::Unreachable(other.to_string()),
        })?;
        read_transcript(&json, audio.plane, audio.duration_s)
    }
}
