//! The only text that leaves memory: a transcript with its secrets replaced.

use super::Detection;
use crate::call::{RawTranscript, Reason, Word};
use serde::{Deserialize, Serialize};

/// What stands in a secret's place. It hints at nothing: no length, no last four.
pub const REDACTED: &str = "[REDACTED]";

/// Text that [`sanitize`] made; nothing else can build it, and an analysis
/// engine takes nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SanitizedText(String);

impl SanitizedText {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One word, or one `[REDACTED]` for a whole value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SanitizedWord {
    pub word: String,
    pub start: f64,
    pub end: f64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub speaker: Option<String>,
}

/// A transcript as it may be stored and shown. It is read back from our own
/// store, where only sanitized transcripts are written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SanitizedTranscript {
    words: Vec<SanitizedWord>,
    #[serde(default)]
    language: Option<String>,
}

impl SanitizedTranscript {
    pub fn words(&self) -> &[SanitizedWord] {
        &self.words
    }

    /// What is left to be known of a recording whose words are forgotten: the question
    /// before a secret still stands in it, the secret does not.
    pub fn as_heard(&self) -> RawTranscript {
        let word = |w: &SanitizedWord| Word {
            text: w.word.clone(),
            start_s: w.start,
            end_s: w.end,
            speaker: w.speaker.clone(),
        };
        RawTranscript {
            words: self.words.iter().map(word).collect(),
            language: self.language.clone(),
            word_times: true,
            ..RawTranscript::default()
        }
    }

    /// Keeps the words for which `keep` says so.
    pub(super) fn retain(&mut self, keep: &[bool]) {
        let mut keep = keep.iter();
        self.words.retain(|_| keep.next().copied().unwrap_or(true));
    }

    /// The words in a row.
    pub fn text(&self) -> SanitizedText {
        let words: Vec<&str> = self.words.iter().map(|w| w.word.as_str()).collect();
        SanitizedText(words.join(" "))
    }
}

/// Replaces every detection by one [`REDACTED`]; neighbours become one, so
/// that their number says nothing either.
pub fn sanitize(transcript: &RawTranscript, detections: &[Detection], label: bool) -> SanitizedTranscript {
    let mut words: Vec<SanitizedWord> = Vec::with_capacity(transcript.words.len());
    let mut next = detections.iter().peekable();
    // The reason of the word before, where it was hidden.
    let mut before: Option<Reason> = None;
    for (i, word) in transcript.words.iter().enumerate() {
        while next.next_if(|d| d.last < i).is_some() {}
        let reason = next.peek().filter(|d| d.first <= i).map(|d| d.reason);
        // Neighbours of one reason, or of any where no label parts them, are one.
        let same = reason.is_some() && before.is_some() && (!label || before == reason);
        match words.last_mut() {
            Some(last) if same => last.end = last.end.max(word.end_s),
            _ => words.push(SanitizedWord {
                word: reason.map_or_else(|| word.text.trim().to_owned(), |r| stands_for(r, label)),
                start: word.start_s,
                end: word.end_s,
                speaker: word.speaker.clone(),
            }),
        }
        before = reason;
    }
    SanitizedTranscript { words, language: transcript.language.clone() }
}

/// `[REDACTED]`, or `[REDACTED:card_number]`.
fn stands_for(reason: Reason, label: bool) -> String {
    if label { format!("[REDACTED:{reason}]") } else { REDACTED.to_owned() }
}
