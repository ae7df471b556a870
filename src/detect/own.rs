//! The operator's own patterns, and what they allow. The `regex` crate matches
//! in time linear in the text whatever the pattern; its size is bounded here.

use super::Detection;
use super::lexicon::normalise;
use crate::call::{Reason, Word};
use regex::{Regex, RegexBuilder};
use std::collections::BTreeMap;

/// Bytes that one compiled pattern may take.
const MOST_BYTES: usize = 1 << 20;
/// Patterns in all.
const MOST_PATTERNS: usize = 200;

/// A pattern that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    #[error("the pattern {0:?} is no regular expression, or is too large (1 MiB compiled)")]
    Pattern(String),
    #[error("the pattern {0:?} matches the empty text, so it would match everywhere")]
    Empty(String),
    #[error("there are more than 200 patterns")]
    Many,
}

/// Compiled patterns.
#[derive(Clone, Debug, Default)]
pub struct Own {
    patterns: Vec<(Reason, Regex)>,
    allow: Vec<Regex>,
}

fn compile(pattern: &str) -> Result<Regex, OwnError> {
    let built = RegexBuilder::new(pattern).size_limit(MOST_BYTES).case_insensitive(true).build();
    let regex = built.map_err(|_| OwnError::Pattern(pattern.to_owned()))?;
    if regex.is_match("") { Err(OwnError::Empty(pattern.to_owned())) } else { Ok(regex) }
}

impl Own {
    /// Compiles what the settings say.
    ///
    /// # Errors
    /// [`OwnError`] for the first pattern that cannot be.
    pub fn new(patterns: &BTreeMap<Reason, Vec<String>>, allow: &[String]) -> Result<Own, OwnError> {
        let mut own = Own::default();
        if patterns.values().map(Vec::len).sum::<usize>() + allow.len() > MOST_PATTERNS {
            return Err(OwnError::Many);
        }
        for (reason, list) in patterns {
            for pattern in list {
                own.patterns.push((*reason, compile(pattern)?));
            }
        }
        own.allow = allow.iter().map(|p| compile(p)).collect::<Result<_, _>>()?;
        Ok(own)
    }

    /// Every match of a pattern, outward to whole words.
    pub fn find(&self, words: &[Word]) -> Vec<Detection> {
        if self.patterns.is_empty() {
            return Vec::new();
        }
        let joined = Joined::new(words);
        let mut found = Vec::new();
        for (reason, regex) in &self.patterns {
            for hit in regex.find_iter(&joined.text) {
                let (first, last) = joined.words(hit.start(), hit.end());
                found.push(Detection::new(first, last, *reason, "own pattern"));
            }
        }
        found
    }

    /// Takes out what lies wholly inside a match of the allow-list.
    pub fn allow(&self, words: &[Word], found: &mut Vec<Detection>) {
        if self.allow.is_empty() || found.is_empty() {
            return;
        }
        let joined = Joined::new(words);
        for regex in &self.allow {
            for hit in regex.find_iter(&joined.text) {
                let (first, last) = joined.words(hit.start(), hit.end());
                found.retain(|d| d.first < first || d.last > last);
            }
        }
    }
}

/// All words, lower case, in one text.
struct Joined {
    text: String,
    /// Where each word begins.
    starts: Vec<usize>,
}

impl Joined {
    fn new(words: &[Word]) -> Joined {
        let mut joined = Joined { text: String::new(), starts: Vec::with_capacity(words.len()) };
        for word in words {
            if !joined.text.is_empty() {
                joined.text.push(' ');
            }
            joined.starts.push(joined.text.len());
            joined.text.push_str(&normalise(word.text.trim()));
        }
        joined
    }

    fn words(&self, from: usize, to: usize) -> (usize, usize) {
        let at = |byte: usize| self.starts.partition_point(|s| *s <= byte).saturating_sub(1);
        (at(from), at(to.saturating_sub(1).max(from)))
    }
}
