//! A transcript as an engine wrote it, before its times are believed.

use super::believe::Place;
use crate::hearing::pace;
use std::fmt;

/// When something was said, as far as the engine tells; in seconds, and always finite.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Time {
    pub start_s: Option<f64>,
    pub end_s: Option<f64>,
}

impl Time {
    pub const NONE: Time = Time { start_s: None, end_s: None };

    /// What is no number is no time.
    pub fn new(start_s: f64, end_s: f64) -> Time {
        let told = |t: f64| t.is_finite().then_some(t);
        Time { start_s: told(start_s), end_s: told(end_s) }
    }

    /// From the earlier start to the later end, where both tell all of it.
    pub fn hull(self, other: Time) -> Time {
        let both = |a: Option<f64>, b: Option<f64>, of: fn(f64, f64) -> f64| Some(of(a?, b?));
        Time {
            start_s: both(self.start_s, other.start_s, f64::min),
            end_s: both(self.end_s, other.end_s, f64::max),
        }
    }

    fn scaled(self, per_s: f64) -> Time {
        Time { start_s: self.start_s.map(|t| t / per_s), end_s: self.end_s.map(|t| t / per_s) }
    }
}

/// A word or a number with the time that the engine gives it.
#[derive(Clone, Default, PartialEq)]
pub struct Token {
    pub text: String,
    pub time: Time,
    pub speaker: Option<String>,
    /// The sentence that it belongs to, once that is known.
    pub sentence: Option<usize>,
    /// Where it lies, once that is decided.
    pub place: Option<Place>,
}

impl Token {
    pub fn new(text: &str, time: Time, speaker: Option<String>) -> Token {
        Token { text: text.to_owned(), time, speaker, ..Token::default() }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({:?})", self.time)
    }
}

/// A segment, an utterance, a turn or a whole channel: what it says, where it
/// lies, and its words where they have times of their own.
#[derive(Clone, Default, PartialEq)]
pub struct Sentence {
    /// What it says as a whole; empty where the engine gives words alone.
    pub text: String,
    pub time: Time,
    pub words: Vec<Token>,
    pub speaker: Option<String>,
}

impl fmt::Debug for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sentence({} words, {:?})", self.words.len(), self.time)
    }
}

/// What the times of a file count.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Unit {
    /// Seconds by the names of their keys, or made so while they were read.
    #[default]
    Seconds,
    /// So many to a second by the tool's documents, where another tool with another
    /// unit writes nearly the same keys: checked against the recording's length.
    Checked(f64),
    /// Seconds, as a family of tools has it; some of them write milliseconds or nanoseconds.
    Open,
}

/// Sentences in the order in which they were said, or one stream for each channel.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub sentences: Vec<Sentence>,
    /// Words that stand beside the sentences rather than in them.
    pub words: Vec<Token>,
    /// The whole text, where the engine gives it besides.
    pub text: Option<String>,
    pub language: Option<String>,
    /// Each sentence is a channel that runs beside the others.
    pub streams: bool,
    /// The engine aligns words to the audio.
    pub aligned: bool,
    pub unit: Unit,
}

/// Units that tools use, as so many to a second: seconds, milliseconds, ticks, nanoseconds.
const UNITS: [f64; 4] = [1.0, 1e3, 1e7, 1e9];

impl Reading {
    fn times(&self) -> impl Iterator<Item = Time> + '_ {
        let inner = self.sentences.iter().flat_map(|s| std::iter::once(s.time).chain(times(&s.words)));
        inner.chain(times(&self.words))
    }

    /// Its times in seconds; `None` where they contradict the recording's length and
    /// another unit would fit.
    pub fn in_seconds(mut self, duration_s: f64) -> Option<Reading> {
        let per_s = match self.unit {
            Unit::Seconds => return Some(self),
            Unit::Checked(per_s) => self.fits(per_s, duration_s).then_some(per_s)?,
            Unit::Open => self.likely(duration_s),
        };
        let scale = |tokens: &mut Vec<Token>| tokens.iter_mut().for_each(|t| t.time = t.time.scaled(per_s));
        scale(&mut self.words);
        for sentence in &mut self.sentences {
            sentence.time = sentence.time.scaled(per_s);
            scale(&mut sentence.words);
        }
        self.unit = Unit::Seconds;
        Some(self)
    }

    /// The middle one of all ends: one absurd time decides nothing.
    fn middle(&self) -> Option<f64> {
        let mut ends: Vec<f64> = self.times().filter_map(|t| t.end_s.or(t.start_s)).collect();
        ends.sort_by(f64::total_cmp);
        ends.get(ends.len() / 2).copied()
    }

    /// Seconds, or where they lie far beyond the end, the first unit in which they do not.
    fn likely(&self, duration_s: f64) -> f64 {
        let Some(middle) = self.middle() else { return 1.0 };
        let beyond = duration_s.max(1.0) * 2.0 + 30.0;
        if middle <= beyond {
            return 1.0;
        }
        // Milliseconds and nanoseconds are written in this family; ticks are not.
        if middle / 1e3 <= beyond { 1e3 } else { 1e9 }
    }

    /// May the times count so many to a second? Yes, unless another unit fits better.
    fn fits(&self, per_s: f64, duration_s: f64) -> bool {
        let Some(middle) = self.middle() else { return true };
        let inside = |per_s: f64| middle / per_s <= duration_s + 1.0;
        let sayable = |per_s: f64| inside(per_s) && self.is_sayable(per_s);
        let others = || UNITS.iter().filter(move |u| **u != per_s);
        if !inside(per_s) {
            !others().any(|u| sayable(*u))
        } else {
            self.is_sayable(per_s) || !others().any(|u| sayable(*u))
        }
    }

    /// Could all words be said between the first and the last of their times?
    fn is_sayable(&self, per_s: f64) -> bool {
        let tokens = self.sentences.iter().flat_map(|s| &s.words).chain(&self.words);
        let timed = tokens.filter(|t| t.time.end_s.is_some());
        let (mut from, mut to, mut syllables) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
        for token in timed {
            let end_s = token.time.end_s.unwrap_or_default();
            from = from.min(token.time.start_s.unwrap_or(end_s));
            to = to.max(end_s);
            syllables += pace::syllables(&token.text);
        }
        syllables == 0.0 || (to - from) / per_s >= syllables * pace::FASTEST_S
    }
}

fn times(tokens: &[Token]) -> impl Iterator<Item = Time> + '_ {
    tokens.iter().map(|t| t.time)
}
