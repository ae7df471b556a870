//! Words as a speech engine heard them: unredacted, so they live in memory
//! alone and say nothing when printed.

use std::fmt;

/// One word with its place in the recording, in seconds.
#[derive(Clone, PartialEq)]
pub struct Word {
    pub text: String,
    pub start_s: f64,
    pub end_s: f64,
    pub speaker: Option<String>,
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Word({:.2}s..{:.2}s)", self.start_s, self.end_s)
    }
}

/// What an engine heard of one recording.
#[derive(Clone, PartialEq, Default)]
pub struct RawTranscript {
    pub words: Vec<Word>,
    /// ISO 639-1, where the engine says it.
    pub language: Option<String>,
    /// False when the engine gave no time that a word could have: then all are unplaced.
    pub word_times: bool,
    /// The engine aligns words to the audio: its times are good to some 50 ms.
    /// A Whisper-class engine's drift by 100 ms and more.
    pub trusted_times: bool,
    /// The words, in rising order, whose times are no time of their own but the stretch
    /// in which they must have been said: whatever is found in them mutes all of it.
    pub unplaced: Vec<usize>,
    /// Seconds of audio that were sent to a server: what it is paid by.
    pub sent_s: f64,
    /// Seconds that an engine in this process decoded, without the wait for its turn.
    pub decoded_s: f64,
}

impl fmt::Debug for RawTranscript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawTranscript({} words)", self.words.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_do_not_print_themselves() {
        let word = Word { text: "4532".into(), start_s: 1.0, end_s: 2.0, speaker: None };
        let transcript = RawTranscript { words: vec![word], ..RawTranscript::default() };
        let printed = format!("{transcript:?} {:?}", transcript.words);
        assert!(!printed.contains("4532"), "{printed}");
    }
}
