//! A card's number that is told in pieces, whatever is said between any two of
//! them: "hold on", a cough, a word to somebody else, a read-back. Nobody need
//! have named a card.

use super::cues::{Marks, What};
use super::numbers::{Chunk, Kind};
use super::text::Text;
use crate::call::Reason;
use std::ops::RangeInclusive;

/// ISO/IEC 7812.
const CARD_DIGITS: RangeInclusive<usize> = 13..=19;
/// With a piece that was said twice.
const WITH_REPEATS: RangeInclusive<usize> = 13..=38;
/// What nearly all cards have.
const LOOSE_DIGITS: RangeInclusive<usize> = 15..=16;
/// Words between two pieces: of a number whose check digit is right or of which
/// a piece is known, of any other, and of one that is said without a break.
const SURE_GAP: u32 = 25;
const LOOSE_GAP: u32 = 8;
const CLOSE_GAP: u32 = 4;
/// Words between all pieces of a number that nothing else tells.
const LOOSE_WORDS: u32 = 12;
/// Seconds between two pieces.
const MAX_PAUSE_S: f64 = 90.0;
/// Digits that hardly follow themselves by chance.
const LEAST_OVERLAP: usize = 4;
/// A longer piece by itself is a telephone number.
const LONGEST_PIECE: usize = 9;

/// What is known of a chunk before its pieces are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    Nothing,
    Secret(Reason),
    /// It stands behind a word such as "line" or "phone", which may have been said aside.
    Doubtful,
    /// It was announced as an order's number.
    Numbered,
}

pub struct Dictation<'a> {
    pub text: &'a Text<'a>,
    pub marks: &'a Marks,
    pub chunks: &'a [Chunk],
    pub known: &'a [Known],
    /// Words of a hold phrase up to each word.
    pub held: &'a [u32],
}

/// ISO/IEC 7812-1 annex B: the check digit is right.
fn has_check_digit(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let sum: u32 = digits
        .rev()
        .enumerate()
        .map(|(n, b)| {
            let digit = u32::from(b - b'0');
            let twice = 2 * digit;
            if n % 2 == 0 { digit } else { twice / 10 + twice % 10 }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// A payment card's number beyond doubt: its length, its issuer's first digit, its check digit.
pub fn is_card(digits: &str) -> bool {
    let issuer = match digits.len() {
        14 => ["30", "36", "38", "39"].iter().any(|i| digits.starts_with(i)),
        15 => ["34", "37"].iter().any(|i| digits.starts_with(i)),
        16 => ["22", "23", "24", "25", "26", "27", "35", "4", "5", "6"].iter().any(|i| digits.starts_with(i)),
        _ => false,
    };
    issuer && has_check_digit(digits.bytes())
}

/// Digits at the beginning of `piece` that were the last of `said`: a piece that
/// is said again adds nothing.
fn repeated(said: &str, piece: &str) -> usize {
    if piece.len() >= 2 && said.ends_with(piece) {
        return piece.len();
    }
    let most = said.len().min(piece.len());
    (LEAST_OVERLAP..most).rev().find(|n| said.ends_with(&piece[..*n])).unwrap_or(0)
}

impl Dictation<'_> {
    /// The chunks that are pieces of a card's number and are not known yet.
    pub fn find(&self) -> Vec<usize> {
        let mut piece = vec![false; self.chunks.len()];
        for run in self.runs() {
            self.close_runs(&run, &mut piece);
            for from in 0..run.len() {
                if let Some(to) = self.card_from(&run[from..]) {
                    run[from..from + to].iter().for_each(|n| piece[*n] = true);
                }
            }
        }
        self.echoes(&mut piece);
        (0..piece.len()).filter(|n| piece[*n] && !matches!(self.known[*n], Known::Secret(_))).collect()
    }

    /// Pieces of one speaker's number, one after another.
    fn runs(&self) -> Vec<Vec<usize>> {
        let mut runs: Vec<Vec<usize>> = Vec::new();
        let mut run: Vec<usize> = Vec::new();
        for n in 0..self.chunks.len() {
            match self.known[n] {
                Known::Nothing | Known::Doubtful if !self.is_piece(n) || self.another_says(&run, n) => {
                    continue;
                }
                // What somebody else said before is no piece of it.
                Known::Secret(Reason::CardNumber) if self.another_says(&run, n) => {
                    if run.iter().all(|m| self.known[*m] == Known::Nothing) {
                        runs.push(std::mem::take(&mut run));
                    }
                }
                Known::Nothing | Known::Doubtful | Known::Secret(Reason::CardNumber) => {}
                _ => {
                    runs.push(std::mem::take(&mut run));
                    continue;
                }
            }
            if run.last().is_some_and(|last| !self.follows(*last, n, SURE_GAP)) {
                runs.push(std::mem::take(&mut run));
            }
            run.push(n);
        }
        runs.push(run);
        runs.retain(|r| r.len() > 1);
        runs
    }

    fn is_piece(&self, n: usize) -> bool {
        let c = &self.chunks[n];
        c.kind != Kind::Date && c.letters == 0 && !c.counted && !c.is_empty() && !c.scale && !c.ordinal
    }

    /// A number that the listener says is a read-back, or another thing.
    fn another_says(&self, run: &[usize], n: usize) -> bool {
        let speaker = |n: usize| self.text.tokens[self.chunks[n].first].speaker;
        run.last().is_some_and(|last| speaker(*last) != speaker(n))
    }

    fn gap(&self, a: usize, b: usize) -> u32 {
        let (a, b) = (self.chunks[a].last, self.chunks[b].first);
        self.text.words_between(a, b).saturating_sub(self.held[b] - self.held[a])
    }

    fn follows(&self, a: usize, b: usize, most: u32) -> bool {
        let (end, start) = (self.chunks[a].last, self.chunks[b].first);
        let pause = self.text.tokens[start].start_s - self.text.tokens[end].end_s;
        let from = self.marks.cues.partition_point(|c| c.first <= end);
        let asked = self.marks.cues[from..].iter().take_while(|c| c.first < start).any(|c| match c.what {
            What::Secret { reason, strong, .. } => strong && c.asks && reason != Reason::CardNumber,
            What::Harmless => c.names_number,
        });
        self.gap(a, b) <= most && (pause.is_nan() || pause <= MAX_PAUSE_S) && !asked
    }

    /// Three pieces or more close by each other, some perhaps said twice.
    fn close_runs(&self, run: &[usize], piece: &mut [bool]) {
        let plain = |n: &&usize| self.known[**n] == Known::Nothing && self.chunks[**n].code_like() >= 0.5;
        let run: Vec<usize> = run.iter().filter(plain).copied().collect();
        let mut from = 0;
        for to in 1..=run.len() {
            if to < run.len() && self.follows(run[to - 1], run[to], CLOSE_GAP) {
                continue;
            }
            let close = &run[from..to];
            let digits = close.iter().map(|n| self.chunks[*n].len()).sum::<usize>();
            if close.len() >= 3 && WITH_REPEATS.contains(&digits) {
                close.iter().for_each(|n| piece[*n] = true);
            }
            from = to;
        }
    }

    /// How many chunks from the first of `run` on make a card's number.
    fn card_from(&self, run: &[usize]) -> Option<usize> {
        let first = *run.first()?;
        let (mut said, mut whole) = (String::new(), String::new());
        let (mut told, mut doubt) = (false, false);
        let (mut words, mut widest) = (0, 0);
        let (mut best, mut sure) = (None, None);
        for (k, n) in run.iter().enumerate() {
            let chunk = &self.chunks[*n];
            if k > 0 {
                let gap = self.gap(run[k - 1], *n);
                words += gap;
                widest = widest.max(gap);
            }
            whole.push_str(&chunk.digits);
            said.push_str(&chunk.digits[repeated(&said, &chunk.digits)..]);
            told |= matches!(self.known[*n], Known::Secret(_));
            doubt |= self.known[*n] == Known::Doubtful || chunk.kind != Kind::Number;
            if said.len() > *CARD_DIGITS.end() {
                break;
            }
            if k == 0 || whole.len() < *CARD_DIGITS.start() {
                continue;
            }
            if is_card(&said) || is_card(&whole) {
                sure = Some(k + 1);
            }
            let pieces = k + 1;
            let longest = run[..pieces].iter().map(|n| self.chunks[*n].len()).max().unwrap_or(0);
            let loose = LOOSE_DIGITS.contains(&said.len())
                && widest <= LOOSE_GAP
                && words <= LOOSE_WORDS
                && said.len() >= 2 * pieces
                && longest <= LONGEST_PIECE
                && self.chunks[first].code_like() >= 0.5
                && said.starts_with(['2', '3', '4', '5', '6']);
            if (told && CARD_DIGITS.contains(&said.len()) || loose) && !doubt {
                best = Some(pieces);
            }
        }
        sure.or(best)
    }

    /// Read-backs between the pieces of a number.
    fn echoes(&self, piece: &mut [bool]) {
        let hidden =
            |n: usize, piece: &[bool]| piece[n] || self.known[n] == Known::Secret(Reason::CardNumber);
        for n in 1..self.chunks.len() {
            let (before, chunk) = (&self.chunks[n - 1], &self.chunks[n]);
            let other = self.text.tokens[before.last].speaker != self.text.tokens[chunk.first].speaker;
            let echo = chunk.len() >= 2 && before.digits.ends_with(&chunk.digits);
            if !piece[n] && other && echo && hidden(n - 1, piece) && self.gap(n - 1, n) <= CLOSE_GAP {
                piece[n] = self.is_piece(n);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_known_by_its_check_digit_length_and_issuer() {
        // The card schemes' published test numbers.
        for card in ["4111111111111111", "5105105105105100", "378282246310005", "30569309025904"] {
            assert!(is_card(card), "{card}");
        }
        for other in ["4111111111111112", "9111111111111111", "411111111111111", ""] {
            assert!(!is_card(other), "{other}");
        }
    }
}
