//! A question that stays open: the answer may come a minute later, behind the
//! search for the card, glasses and small talk, while nothing else was asked.

use super::cues::{Cue, Marks, What};
use super::lexicon::class;
use super::numbers::{Chunk, Kind};
use super::shape::{self, fit};
use super::text::Text;
use crate::call::Reason;

/// Words and seconds after which nobody waits for an answer any more.
const MOST_WORDS: u32 = 160;
const MOST_S: f64 = 150.0;
/// The same where no speakers are told apart.
const MOST_WORDS_OF_ONE: u32 = 40;
/// Words behind a keyword in which somebody asks for time.
const PUT_OFF_WORDS: usize = 6;
/// Questions of one turn.
const MOST_QUESTIONS: usize = 6;
/// How much a chunk must read like a code, and how well it must fit.
const LEAST_CODE_LIKE: f32 = 0.6;
const LEAST_FIT: f32 = 1.0;
/// What an open question bids: less than a keyword close by.
const BID: f32 = 1.8;

/// The questions that are open, as indexes of cues: all of one turn.
#[derive(Default)]
pub struct Questions {
    open: Vec<usize>,
    /// The turn that asked after something else: "what time …".
    else_turn: Option<u32>,
}

impl Questions {
    /// A cue was said: it opens a question, or closes those before.
    pub fn hear(&mut self, at: usize, text: &Text, marks: &Marks) {
        let cue = &marks.cues[at];
        let turn = |c: &Cue| text.tokens[c.last].turn;
        let asked = match cue.what {
            What::Secret { strong, worded, .. } => {
                strong && !worded && (cue.asks || text.speakers < 2 && is_put_off(cue, text, marks))
            }
            What::Harmless => {
                let question = (cue.first..=cue.last).any(|i| text.tokens[i].is(class::REQUEST));
                cue.asks && (cue.names_number || question)
            }
        };
        if !asked {
            return;
        }
        if self.open.first().is_some_and(|o| turn(&marks.cues[*o]) != turn(cue)) {
            self.open.clear();
        }
        if cue.what == What::Harmless {
            self.else_turn = Some(turn(cue));
            self.open.clear();
        }
        let secret = self.else_turn != Some(turn(cue))
            && matches!(cue.what, What::Secret { reason, .. } if is_answered_with_digits(reason));
        if secret && self.open.len() < MOST_QUESTIONS {
            self.open.push(at);
        }
    }

    /// A question was answered.
    pub fn answered(&mut self, at: usize) {
        self.open.retain(|o| *o != at);
    }

    /// The reasons that are asked after and not answered yet, for what begins at `first`.
    pub fn asked(&self, first: usize, text: &Text, marks: &Marks) -> impl Iterator<Item = Reason> {
        let near = self.open.iter().map(|at| &marks.cues[*at]).filter(move |c| is_near(c, first, text));
        near.filter_map(|c| match c.what {
            What::Secret { reason, .. } => Some(reason),
            What::Harmless => None,
        })
    }

    /// What an open question bids for `chunk`.
    pub fn bid(&self, chunk: &Chunk, text: &Text, marks: &Marks) -> Option<(f32, Reason, usize)> {
        let best = self.open.iter().filter_map(|at| {
            let What::Secret { reason, .. } = marks.cues[*at].what else { return None };
            let fits = is_near(&marks.cues[*at], chunk.first, text) && answers(reason, chunk, text);
            fits.then(|| (fit(reason, chunk), reason, *at))
        });
        best.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, reason, at)| (BID, reason, at))
    }
}

/// "the three digits on the back" – "hang on": where no speakers are told apart,
/// what is put off was asked for.
fn is_put_off(cue: &Cue, text: &Text, marks: &Marks) -> bool {
    (cue.last + 1..text.len()).take(PUT_OFF_WORDS).any(|i| marks.hold[i] || text.tokens[i].is(class::REQUEST))
}

fn is_answered_with_digits(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::CardNumber
            | Reason::Cvv
            | Reason::Expiry
            | Reason::Ssn
            | Reason::Password
            | Reason::BankAccount
    )
}

fn is_near(cue: &Cue, first: usize, text: &Text) -> bool {
    let (asker, answer) = (&text.tokens[cue.last], &text.tokens[first]);
    let words = text.words_between(cue.last, first);
    let late = answer.start_s - asker.end_s > MOST_S;
    let one = text.speakers < 2;
    (one || asker.speaker != answer.speaker)
        && words <= if one { MOST_WORDS_OF_ONE } else { MOST_WORDS }
        && !late
}

/// Does a chunk answer a question after `reason` by its shape alone?
fn answers(reason: Reason, chunk: &Chunk, text: &Text) -> bool {
    let n = chunk.len();
    let before = chunk.first.checked_sub(1).map(|i| &text.tokens[i]);
    let quantity = before.is_some_and(|t| t.is(class::BEFORE_QUANTITY));
    let plain = chunk.kind == Kind::Number && chunk.code_like() >= LEAST_CODE_LIKE && !quantity;
    let shaped = match reason {
        Reason::Expiry => {
            let date = matches!(chunk.kind, Kind::Date | Kind::Slashed);
            shape::is_expiry(chunk) && (date || chunk.kind == Kind::Number && !quantity && chunk.numbers <= 4)
        }
        Reason::Cvv => plain && (3..=4).contains(&n),
        Reason::Ssn => plain && (3..=9).contains(&n),
        Reason::Password => plain && (4..=8).contains(&n),
        Reason::CardNumber => plain && n >= 4,
        Reason::BankAccount => plain && n >= 6,
        _ => false,
    };
    shaped
        && !chunk.counted
        && (!chunk.scale || reason == Reason::Expiry)
        && !chunk.year
        && !chunk.like_price
        && fit(reason, chunk) >= LEAST_FIT
}
