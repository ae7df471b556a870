//! Where a secret is announced, where something else is, and what people say
//! meanwhile.

use super::lexicon::{Lexicon, Mark, Numeral, class};
use super::text::Text;
use crate::call::Reason;

/// A phrase that says what the numbers or words near it are.
#[derive(Clone, Copy, Debug)]
pub struct Cue {
    pub first: usize,
    pub last: usize,
    pub what: What,
    /// In a question or a demand: the answer comes in the next turn.
    pub asks: bool,
    /// Harmless, and what a long number may be: "tracking number".
    pub names_number: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Secret {
        reason: Reason,
        strong: bool,
        /// "card ending in": what may be kept by a setting.
        last_four: bool,
        /// The answer to a security question, which counts only where it is asked.
        worded: bool,
    },
    /// An order number, a price, a date for a visit.
    Harmless,
}

/// Everything that phrases tell of a text.
pub struct Marks {
    pub cues: Vec<Cue>,
    /// A bit a word: said to pass the time ("hold on"), to listen ("got it"), to correct.
    pub hold: Vec<bool>,
    pub infill: Vec<bool>,
    pub correction: Vec<bool>,
    pub region: Vec<bool>,
    pub postbox: Vec<bool>,
    /// "our office", "come in anytime": a firm tells where it is.
    pub ours: Vec<bool>,
    pub invites: Vec<bool>,
    /// "are you open": a firm's hours.
    pub hours: Vec<bool>,
    /// "it can't be": a code that nobody may choose follows.
    pub forbids: Vec<bool>,
    /// A letter of a cue: "d o b", "c v v".
    pub letter: Vec<bool>,
}

/// A turn that begins with a keyword and goes on with what it is for, and an answer to it.
const OPENING_WORDS: usize = 2;
const OPENING_REST: usize = 5;
const SHORT_ANSWER: usize = 4;
/// Words between a keyword and the pause in which another begins to answer.
const PAUSE_WORDS: usize = 3;
const ANSWER_PAUSE_S: f64 = 0.45;
/// Words before a cue in which a question begins.
const ASK_REACH: usize = 9;

/// Reads all phrases, longest first, each word in one phrase at most.
pub fn find(text: &Text, lexicon: &Lexicon) -> Marks {
    let n = text.len();
    let mut marks = Marks {
        cues: Vec::new(),
        hold: vec![false; n],
        infill: vec![false; n],
        correction: vec![false; n],
        region: vec![false; n],
        postbox: vec![false; n],
        ours: vec![false; n],
        invites: vec![false; n],
        hours: vec![false; n],
        forbids: vec![false; n],
        letter: vec![false; n],
    };
    for (i, token) in text.tokens.iter().enumerate() {
        marks.infill[i] = token.is_filler();
        marks.correction[i] = token.is(class::CORRECTION);
        marks.region[i] = token.is(class::REGION);
    }
    let mut at = 0;
    while at < n {
        let token = &text.tokens[at];
        if !token.is(class::STARTS_PHRASE) && token.stem == 0 {
            at += 1;
            continue;
        }
        let words = |depth: usize| {
            let t = text.tokens.get(at + depth)?;
            // A phrase does not reach over the end of a sentence or into another's turn.
            let apart = depth > 0 && (t.turn != token.turn || text.tokens[at + depth - 1].ends_sentence);
            (!apart).then_some([t.word, t.stem])
        };
        let Some(hit) = lexicon.phrases.longest(words) else {
            at += 1;
            continue;
        };
        let range = at..at + hit.len;
        match hit.mark {
            Mark::Cue { reason, strong, last_four, worded } => {
                marks.push(text, at, hit.len, What::Secret { reason, strong, last_four, worded });
            }
            Mark::Stay => marks.push(text, at, hit.len, What::Harmless),
            Mark::Numbered => {
                marks.push(text, at, hit.len, What::Harmless);
                if let Some(cue) = marks.cues.last_mut() {
                    cue.names_number = true;
                }
            }
            Mark::Not => {}
            Mark::Hold => marks.hold[range].fill(true),
            Mark::Backchannel => marks.infill[range].fill(true),
            Mark::Piece => {
                marks.infill[range].fill(true);
                let what = What::Secret {
                    reason: Reason::CardNumber,
                    strong: false,
                    last_four: false,
                    worded: false,
                };
                marks.push(text, at, hit.len, what);
            }
            Mark::Correction => {
                marks.infill[range.clone()].fill(true);
                marks.correction[range].fill(true);
            }
            Mark::Ours => {
                marks.ours[range].fill(true);
                marks.push(text, at, hit.len, What::Harmless);
            }
            Mark::Invites => marks.invites[range].fill(true),
            Mark::Hours => {
                marks.hours[range].fill(true);
                marks.push(text, at, hit.len, What::Harmless);
            }
            Mark::Forbids => marks.forbids[range].fill(true),
            Mark::PostBox => marks.postbox[range].fill(true),
            Mark::Region => marks.region[range].fill(true),
        }
        at += hit.len;
    }
    marks
}

/// Where no speakers are told apart, a pause behind a keyword lets the other answer.
fn answered_by_pause(text: &Text, last: usize) -> bool {
    if text.speakers > 1 {
        return false;
    }
    let says = |i: usize| {
        let t = &text.tokens[i];
        t.is(class::COPULA) || t.written.is_some() || t.numeral.is_some()
    };
    let near = last + 1..text.len().min(last + 2 + PAUSE_WORDS);
    let pause = near.into_iter().find(|i| says(*i) || text.pause_s(*i) >= ANSWER_PAUSE_S);
    pause.is_some_and(|i| text.pause_s(i) >= ANSWER_PAUSE_S)
}

impl Marks {
    fn push(&mut self, text: &Text, first: usize, len: usize, what: What) {
        let last = first + len - 1;
        let turn = text.tokens[first].turn;
        let from = first.saturating_sub(ASK_REACH);
        let asked = (from..first)
            .rev()
            .take_while(|i| text.tokens[*i].turn == turn && !text.tokens[*i].ends_sentence)
            .any(|i| text.tokens[i].is(class::REQUEST));
        let question = text.tokens[last..]
            .iter()
            .take_while(|t| t.turn == turn)
            .take(ASK_REACH)
            .find(|t| t.ends_sentence)
            .is_some_and(|t| t.asks);
        // A cue that ends its turn waits for an answer, asked or not: "and the zip".
        let rest = text.tokens[last + 1..].iter().take_while(|t| t.turn == turn).take(4);
        // "your CVV is" waits for its value; "my PIN is secret" does not.
        let is =
            rest.clone().position(|t| t.is(class::COPULA)).is_some_and(|at| at + 1 < rest.clone().count());
        let ends_turn = rest.clone().count() <= 3
            && !is
            && !rest
                .clone()
                .any(|t| t.written.is_some() || t.numeral.is_some_and(|n| !matches!(n, Numeral::Ordinal(_))));
        // "password for the alarm company": a turn that is a keyword and what it is for.
        let begins =
            (0..=first).rev().take(OPENING_WORDS + 1).take_while(|i| text.tokens[*i].turn == turn).count()
                <= OPENING_WORDS;
        let rest =
            text.tokens[last + 1..].iter().take_while(|t| t.turn == turn).take(OPENING_REST + 1).count();
        let what_for = rest > 0 && text.tokens[last + 1].is(class::PURPOSE);
        let titled = begins && what_for && rest <= OPENING_REST && text.speakers > 1 && !is && {
            let next = &text.tokens[last + 1 + rest..];
            next.iter().take_while(|t| next[0].turn == t.turn).take(SHORT_ANSWER + 1).count() <= SHORT_ANSWER
        };
        let ends_turn = ends_turn || titled;
        let inside = text.tokens[first..=last].iter().any(|t| t.is(class::REQUEST));
        for i in first..=last {
            self.letter[i] = text.tokens[i].letter;
        }
        let asks = asked || question || ends_turn || inside || answered_by_pause(text, last);
        self.cues.push(Cue { first, last, what, asks, names_number: false });
    }
}
