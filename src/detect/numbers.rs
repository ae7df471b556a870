//! Numbers as people say them and as engines write them: chunks of digits,
//! number words, months and spelled letters, with the fillers, joints and
//! listeners' sounds in between.

use super::compose::Builder;
use super::cues::Marks;
use super::homophone;
use super::lexicon::{Numeral, class};
use super::text::{Text, Written};

/// A chunk of number words, `first..=last`.
#[derive(Clone, Debug)]
pub struct Chunk {
    pub first: usize,
    pub last: usize,
    /// What it says, as digits: "forty-five oh two" → `4502`.
    pub digits: String,
    /// Numbers in it: "twenty two" is one, "two two" are two.
    pub numbers: usize,
    /// Digits of each number, in order.
    pub groups: Vec<usize>,
    pub kind: Kind,
    /// The month that it names.
    pub month: Option<u32>,
    /// A day of the month by its ordinal: "the fourth".
    pub ordinal: bool,
    /// Single letters, or words of letters and digits.
    pub letters: usize,
    /// "hundred", "thousand".
    pub scale: bool,
    /// It is followed by what it counts ("days", "dollars").
    pub counted: bool,
    /// "in 2019".
    pub year: bool,
    /// "29 99": a price as it is said.
    pub like_price: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Number,
    /// `09/27`, `3/14/82`.
    Slashed,
    /// With a month.
    Date,
    Price,
    Time,
}

/// Sounds and joints between two numbers of one chunk, at most.
const MAX_INFILL: usize = 5;
/// A pause after which another value begins.
const MAX_PAUSE_S: f64 = 12.0;

impl Chunk {
    /// Digits in it.
    pub fn len(&self) -> usize {
        self.digits.len()
    }

    /// It has letters or a month alone.
    pub fn is_empty(&self) -> bool {
        self.digits.is_empty()
    }

    /// "206 25": dollars and cents as they are written by ear.
    pub fn is_money(&self) -> bool {
        let whole = self.digits.len().saturating_sub(2);
        self.groups.len() == 2
            && self.groups[1] == 2
            && (2..=4).contains(&whole)
            && !self.digits.starts_with('0')
    }

    /// How much it reads like a code rather than a quantity: 0 to 1.
    pub fn code_like(&self) -> f32 {
        let n = self.len();
        let leading_zero = self.digits.starts_with('0') && n > 1;
        if self.kind == Kind::Price || self.kind == Kind::Time {
            0.0
        } else if self.letters > 0 && n >= 2 || n >= 5 && !self.scale {
            1.0
        } else if leading_zero || self.numbers >= 3 && n >= 3 {
            0.9
        } else if n >= 3 && !self.scale {
            0.6
        } else if self.numbers == 2 && n >= 2 {
            0.4
        } else {
            0.0
        }
    }
}

/// Is the word at `at` a month here? "may" and "march" are only beside a number.
pub fn is_month(text: &Text, at: usize) -> bool {
    let token = &text.tokens[at];
    if !token.is(class::MONTH) || token.letter {
        return false;
    }
    if !token.is(class::MONTH_AMBIGUOUS) {
        return true;
    }
    let numeric = |i: Option<usize>| {
        let token = i.and_then(|i| text.tokens.get(i));
        token.is_some_and(|t| {
            t.written.is_some_and(|w| w != Written::Mixed) || t.numeral.is_some() && !t.is(class::HOMOPHONE)
        })
    };
    let inside =
        |i: Option<usize>| i.is_some_and(|i| text.tokens.get(i).is_some_and(|t| t.is(class::DATE_INSIDE)));
    if is_whole_answer(text, at) {
        return true;
    }
    let before = at.checked_sub(1);
    let before = if inside(before) { at.checked_sub(2) } else { before };
    numeric(before) || numeric(Some(at + 1)) || inside(Some(at + 1)) && numeric(Some(at + 2))
}

/// Words of an answer that is a month alone: "end of march".
const MONTH_ANSWER: usize = 5;

/// Nothing but links around the word at `at` in a short turn.
fn is_whole_answer(text: &Text, at: usize) -> bool {
    let turn = text.tokens[at].turn;
    let own = |i: &usize| text.tokens[*i].turn == turn;
    let from = (0..=at).rev().take(MONTH_ANSWER + 1).take_while(own).last().unwrap_or(at);
    let words = (from..text.len()).take(MONTH_ANSWER + 1).take_while(own);
    let linked = |i: usize| {
        let t = &text.tokens[i];
        t.is_filler() || t.is(class::COPULA | class::LEAD | class::DATE_INSIDE | class::DATE_EDGE)
    };
    text.speakers > 1 && words.clone().count() <= MONTH_ANSWER && words.filter(|i| *i != at).all(linked)
}

/// ISO 9362: letters of a bank in its code, and in an IBAN.
const BANK_LETTERS: usize = 4;

/// What a word is in a chunk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Number,
    Month,
    Letter,
    Infill,
    None,
}

struct Reader<'a> {
    text: &'a Text<'a>,
    marks: &'a Marks,
}

impl Reader<'_> {
    fn plainly_number(&self, at: usize) -> bool {
        let Some(token) = self.text.tokens.get(at) else { return false };
        if let Some(written) = token.written {
            return written != Written::Mixed;
        }
        match token.numeral {
            Some(Numeral::Ordinal(_)) | None => false,
            Some(Numeral::Repeat(_)) => self.number_follows(at),
            Some(_) => !token.is(class::PRONOUN),
        }
    }

    /// A number is the next word that is no sound, within a few words.
    fn number_follows(&self, at: usize) -> bool {
        (at + 1..(at + 4).min(self.text.len()))
            .find(|i| !self.text.tokens[*i].is(class::FILLER | class::NUMBER_JOINT | class::HOMOPHONE))
            .is_some_and(|i| {
                let t = &self.text.tokens[i];
                t.written.is_some_and(|w| w != Written::Mixed)
                    || t.numeral.is_some_and(|n| !matches!(n, Numeral::Ordinal(_)))
                    || is_month(self.text, i)
            })
    }

    fn number_before(&self, at: usize) -> bool {
        (at.saturating_sub(4)..at)
            .rev()
            .find(|i| {
                !self.text.tokens[*i]
                    .is(class::FILLER | class::BACKCHANNEL | class::NUMBER_JOINT | class::HOMOPHONE)
                    && !self.marks.infill[*i]
            })
            .is_some_and(|i| {
                let t = &self.text.tokens[i];
                t.written.is_some_and(|w| matches!(w, Written::Digits | Written::Slashed))
                    || t.numeral.is_some_and(|n| !matches!(n, Numeral::Ordinal(_)))
            })
    }

    fn part(&self, at: usize) -> Part {
        let token = &self.text.tokens[at];
        if token.nato {
            return Part::Infill;
        }
        if is_month(self.text, at) {
            return Part::Month;
        }
        if self.plainly_number(at) {
            return Part::Number;
        }
        if self.marks.letter[at] {
            return Part::None;
        }
        match token.numeral {
            Some(Numeral::Ordinal(_)) => {
                return if self.dates(at) { Part::Number } else { Part::None };
            }
            Some(Numeral::Unit(_)) if token.is(class::PRONOUN) => {
                // "one moment, please"
                let digit = !self.marks.hold[at] && self.pronoun_is_digit(at);
                return if digit { Part::Number } else { Part::None };
            }
            _ => {}
        }
        if token.written == Some(Written::Mixed) {
            return if self.text.digits(at).is_empty() { Part::None } else { Part::Letter };
        }
        if token.letter && !self.marks.letter[at] && self.spelled(at) {
            return Part::Letter;
        }
        if self.is_bank(at) {
            return Part::Letter;
        }
        if homophone::is_digit(self.text, at) {
            return Part::Number;
        }
        let infill = self.marks.infill[at] || token.is(class::NUMBER_JOINT | class::AND | class::CORRECTION);
        if infill { Part::Infill } else { Part::None }
    }

    /// "the sixth of july", "july sixth": a month is near.
    fn dates(&self, at: usize) -> bool {
        let near = |i: usize| self.text.tokens.get(i).is_some_and(|t| t.is(class::MONTH));
        let inside = |i: usize| self.text.tokens.get(i).is_some_and(|t| t.is(class::DATE_INSIDE));
        let ordinal = |i: usize| {
            let token = self.text.tokens.get(i);
            token.is_some_and(|t| {
                matches!(t.numeral, Some(Numeral::Ordinal(_))) || t.written == Some(Written::Ordinal)
            })
        };
        // "the seventh of the eleventh"
        let numbered = inside(at + 1) && (ordinal(at + 2) || inside(at + 2) && ordinal(at + 3))
            || at >= 2 && inside(at - 1) && (ordinal(at - 2) || at >= 3 && inside(at - 2) && ordinal(at - 3));
        numbered
            || near(at + 1)
            || inside(at + 1) && near(at + 2)
            || at >= 1 && near(at - 1)
            || at >= 2 && inside(at - 1) && near(at - 2)
            // "may twenty first", "the twenty first of may"
            || at >= 2 && matches!(self.text.tokens[at - 1].numeral, Some(Numeral::Ten(_))) && near(at - 2)
            || at >= 3 && matches!(self.text.tokens[at - 1].numeral, Some(Numeral::Ten(_))) && near(at - 3)
    }

    /// "one", "oh": a digit beside digits, a pronoun elsewhere.
    fn pronoun_is_digit(&self, at: usize) -> bool {
        let tokens = &self.text.tokens;
        let after = tokens.get(at + 1);
        let before = at.checked_sub(1).map(|i| &tokens[i]);
        let tens = |i: usize| matches!(tokens[i].numeral, Some(Numeral::Ten(_)));
        if at >= 2 && tokens[at - 1].is(class::AND) && tens(at - 2) {
            return true;
        }
        if self.number_follows(at) {
            let pronoun = before.is_some_and(|t| t.is(class::PRONOUN_BEFORE) && t.numeral.is_none());
            // "the one two four …" is no pronoun, "that one 4532" is.
            return !pronoun || after.is_some_and(|t| t.numeral.is_some());
        }
        if !self.number_before(at) {
            return false;
        }
        let listener = before.is_some_and(|t| t.turn != tokens[at].turn);
        !(listener
            && after
                .is_some_and(|t| t.is(class::PRONOUN_AFTER) || t.turn == tokens[at].turn && !t.is_filler()))
    }

    /// "GB29 NWBK 6016": four letters that name a bank between digits.
    fn is_bank(&self, at: usize) -> bool {
        let token = &self.text.tokens[at];
        let word = self.text.words[at].text.trim();
        let coded = |i: Option<usize>| {
            i.and_then(|i| self.text.tokens.get(i))
                .is_some_and(|t| matches!(t.written, Some(Written::Digits | Written::Mixed)))
        };
        word.len() == BANK_LETTERS
            && word.bytes().all(|b| b.is_ascii_alphabetic())
            && (token.word == 0 && token.classes == 0 || word.bytes().all(|b| b.is_ascii_uppercase()))
            && coded(at.checked_sub(1))
            && coded(Some(at + 1))
    }

    /// A letter that is spelled: beside a number or another letter; one that is a word ("a") only between two.
    fn spelled(&self, at: usize) -> bool {
        let code = |i: Option<usize>| {
            i.and_then(|i| self.text.tokens.get(i)).is_some_and(|t| {
                t.letter
                    || t.written.is_some_and(|w| matches!(w, Written::Digits | Written::Mixed))
                    || t.numeral.is_some()
            })
        };
        let (before, after) = (code(at.checked_sub(1)), code(Some(at + 1)));
        let beside = |i: Option<usize>| {
            i.and_then(|i| self.text.tokens.get(i))
                .is_some_and(|t| t.letter || t.written == Some(Written::Digits))
        };
        if self.text.tokens[at].is(class::LETTER_WORD) {
            // "E S nueve uno": a country begins an account's number.
            let begins = self.text.tokens.get(at + 1).is_some_and(|t| t.letter && !t.is(class::LETTER_WORD))
                && code(Some(at + 2));
            return beside(Some(at + 1)) && (begins || beside(at.checked_sub(1)));
        }
        before || after
    }

    fn chunk(&self, first: usize) -> Chunk {
        let mut builder = Builder::new(first);
        let mut infill = 0;
        let mut at = first;
        while at < self.text.len() {
            let token = &self.text.tokens[at];
            if at > first && self.text.pause_s(at) > MAX_PAUSE_S {
                break;
            }
            let part = self.part(at);
            let part = if part == Part::Infill && !builder.takes(self.text, self.marks, at) {
                Part::None
            } else {
                part
            };
            let alone = matches!(
                token.written,
                Some(Written::Price | Written::Time | Written::Percent | Written::Slashed)
            );
            if at > first && part != Part::Infill && (alone || builder.is_alone()) {
                break;
            }
            match part {
                Part::Number | Part::Month | Part::Letter if self.another_says(&builder, at) => break,
                Part::Number => {
                    if builder.is_full_date(self.text, at) {
                        break;
                    }
                    builder.number(self.text, at);
                    infill = 0;
                }
                Part::Month => {
                    if builder.refuses_month() {
                        break;
                    }
                    builder.month(token.value, at);
                    infill = 0;
                }
                Part::Letter => {
                    builder.letter(self.text, at);
                    infill = 0;
                }
                Part::Infill if infill < MAX_INFILL => infill += 1,
                Part::None if builder.month.is_some() && token.is(class::DATE_INSIDE) && infill < 2 => {
                    infill += 1
                }
                // "the" before "first of may", "twenty of the march".
                Part::None
                    if token.is(class::DATE_INSIDE) && infill < 2 && self.month_soon(at)
                        || part == Part::None
                            && token.is(class::DATE_INSIDE)
                            && infill < 2
                            && builder.ordinal
                            && self.ordinal_soon(at) =>
                {
                    infill += 1
                }
                _ => break,
            }
            at += 1;
        }
        builder.done(self.text)
    }

    /// A number that somebody else says is a chunk of its own: a read-back.
    fn another_says(&self, builder: &Builder, at: usize) -> bool {
        at > builder.first && self.text.tokens[at].speaker != self.text.tokens[builder.last].speaker
    }

    fn ordinal_soon(&self, at: usize) -> bool {
        (at + 1..(at + 3).min(self.text.len())).any(|i| {
            matches!(self.text.tokens[i].numeral, Some(Numeral::Ordinal(_)))
                || self.text.tokens[i].written == Some(Written::Ordinal)
        })
    }

    fn month_soon(&self, at: usize) -> bool {
        (at + 1..(at + 3).min(self.text.len())).any(|i| is_month(self.text, i))
    }
}

/// Every chunk in order; those of letters alone have none of the digits.
pub fn chunks(text: &Text, marks: &Marks) -> Vec<Chunk> {
    let reader = Reader { text, marks };
    let mut out: Vec<Chunk> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let token = &text.tokens[at];
        let candidate = token.written.is_some()
            || token.numeral.is_some()
            || token.is(class::MONTH | class::HOMOPHONE)
            || token.letter;
        if candidate && !matches!(reader.part(at), Part::Infill | Part::None) {
            let chunk = reader.chunk(at);
            at = chunk.last + 1;
            out.push(chunk);
        } else {
            at += 1;
        }
    }
    // A month's name alone, a letter alone, are no values.
    out.retain(|c| !c.digits.is_empty() || c.letters >= 3 || c.month.is_some());
    out
}
