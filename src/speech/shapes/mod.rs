//! The JSON that transcription tools write, each known by its shape, one file a
//! family. What is not known is refused by name, never guessed.
//!
//! Tools that align their words to the audio have times that are good to some
//! 50 ms. Whisper's drift, in every one of its servers.

mod assembly;
mod aws;
mod azure;
mod chunks;
mod deepgram;
mod fields;
mod google;
mod json;
mod nemo;
mod rev;
mod scribe;
mod speechmatics;
mod twilio;
mod verbose;
mod vosk;
mod whisper_cpp;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_places;

use super::reading::Reading;
use super::{SpeechError, placing};
use crate::call::RawTranscript;
use serde_json::Value;

/// Reads a file when it has the family's shape.
type Read = fn(&Value) -> Option<Reading>;

/// Families, the more particular before those that would take nearly everything.
const FAMILIES: [(&str, Read); 15] = [
    ("Deepgram", deepgram::read),
    ("AWS Transcribe", aws::transcribe),
    ("Contact Lens", aws::contact_lens),
    ("Google Speech-to-Text", google::read),
    ("Speechmatics", speechmatics::read),
    ("Azure Speech", azure::read),
    ("Rev", rev::read),
    ("Twilio", twilio::read),
    ("whisper.cpp", whisper_cpp::read),
    ("chunks", chunks::read),
    ("NeMo", nemo::read),
    ("ElevenLabs Scribe", scribe::read),
    ("AssemblyAI", assembly::read),
    ("Vosk", vosk::read),
    ("verbose_json", verbose::read),
];

/// What [`parse`] knows, for errors and help.
pub const KNOWN: &str = "verbose_json (OpenAI, Groq, faster-whisper, WhisperX, whisper-timestamped), whisper.cpp, \
    Hugging Face chunks, NeMo, Vosk, Deepgram, AssemblyAI, ElevenLabs Scribe, AWS Transcribe, Contact Lens, \
    Google Speech-to-Text, Azure Speech, Speechmatics, Rev, Twilio";

/// Reads a transcript of any known shape. `duration_s` is the audio's length.
///
/// # Errors
/// [`SpeechError::NotUnderstood`] when no shape fits, or its times are not those of this recording.
pub fn parse(json: &[u8], duration_s: f64) -> Result<RawTranscript, SpeechError> {
    let value = json::read(json).ok_or_else(|| SpeechError::NotUnderstood("it is not JSON".to_owned()))?;
    let (name, reading) = recognised(&value).ok_or_else(|| unknown(&value))?;
    let reading = reading.in_seconds(duration_s).ok_or_else(|| {
        SpeechError::NotUnderstood(format!(
            "it has the shape of {name}, and its times fit this recording only if they count something else"
        ))
    })?;
    Ok(placing::place(reading, duration_s))
}

fn recognised(value: &Value) -> Option<(&'static str, Reading)> {
    FAMILIES.iter().find_map(|(name, read)| Some((*name, read(value)?)))
}

/// Keys that are told of an unknown shape.
const MOST_KEYS: usize = 8;

/// What an unknown file looks like: its keys, as far as they are names; never a value.
fn unknown(value: &Value) -> SpeechError {
    let (what, keys) = match value {
        Value::Object(keys) => ("an object", Some(keys)),
        Value::Array(list) => ("a list", list.first().and_then(Value::as_object)),
        Value::String(_) => ("a text", None),
        Value::Number(_) => ("a number", None),
        Value::Bool(_) | Value::Null => ("a word", None),
    };
    let named: Vec<&str> =
        keys.into_iter().flatten().map(|(k, _)| k.as_str()).filter(|k| is_name(k)).take(MOST_KEYS).collect();
    let with = if named.is_empty() { String::new() } else { format!(" with the keys {}", named.join(", ")) };
    SpeechError::NotUnderstood(format!("it is {what}{with}, which no known tool writes; known are {KNOWN}"))
}

/// A key that a programmer wrote, not something that was said.
fn is_name(key: &str) -> bool {
    let of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    key.len() <= 40
        && key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.chars().all(of_name)
        && key.chars().filter(char::is_ascii_digit).count() < 3
}
