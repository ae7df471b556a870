//! Words → detections → spans. Pure and deterministic: the same words and the
//! same ruleset give the same spans, each with its reason.
//!
//! The floor is the rule of the users' documents: a keyword, and any number
//! within the next 15 words. On top: card-shaped runs of 13 to 19 digits and
//! SSN shapes without a keyword, e-mail addresses written and spoken, dates,
//! streets, and passwords that are words. If in doubt, it is a secret.

pub mod email;
pub mod keywords;
pub mod lexicon;
pub mod merge;
pub mod numbers;
pub mod sanitize;
pub mod values;

pub use lexicon::{Lexicon, LexiconError};
pub use sanitize::{SanitizedText, SanitizedTranscript, sanitize};

use crate::call::{Reason, Word};
use unsaid_dsp::dtmf::Policy;

/// Why and which words: indexes into the transcript, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detection {
    pub first: usize,
    pub last: usize,
    pub reason: Reason,
}

/// What counts as a secret, and how much silence goes around it.
#[derive(Clone, Debug)]
pub struct Ruleset {
    pub lexicon: Lexicon,
    pub window_words: usize,
    pub padding_s: f64,
    pub padding_dob_s: f64,
    /// Which keyed tones go.
    pub tones: Policy,
}

impl Ruleset {
    /// The English rules with the documents' defaults.
    ///
    /// # Errors
    /// When the lexicon that is compiled in is broken; a test holds that it is not.
    pub fn english() -> Result<Ruleset, LexiconError> {
        Ok(Ruleset {
            lexicon: Lexicon::english()?,
            window_words: 15,
            padding_s: 0.5,
            padding_dob_s: 0.15,
            tones: Policy::Every,
        })
    }

    /// What is stored with every outcome: code, lexicon and settings.
    pub fn version(&self) -> String {
        format!(
            "{}+{}+w{}+p{:.0}/{:.0}{}",
            env!("CARGO_PKG_VERSION"),
            self.lexicon.version,
            self.window_words,
            self.padding_s * 1e3,
            self.padding_dob_s * 1e3,
            match self.tones {
                Policy::Every => String::new(),
                Policy::Runs { least } => format!("+runs{least}"),
                Policy::Blanket { after_s } => format!("+blanket{after_s:.0}"),
            }
        )
    }
}

/// Every secret in `words`, in order, disjoint.
pub fn detect(words: &[Word], rules: &Ruleset) -> Vec<Detection> {
    let plain: Vec<String> = words.iter().map(|w| lexicon::normalise(&w.text)).collect();
    let lexicon = &rules.lexicon;
    let runs = numbers::runs(words, &plain, lexicon);
    let keywords = keywords::find(&plain, lexicon);
    let mut found = email::find(words, &plain, lexicon);
    found.extend(values::numbers(&plain, &runs, &keywords, rules));
    found.extend(values::passwords(words, &plain, &keywords, rules));
    merge::disjoint(found)
}

#[cfg(test)]
mod tests;
