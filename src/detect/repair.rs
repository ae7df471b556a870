//! Slips of the tongue: what was said before "no, sorry" is told as plainly as
//! what comes after it, so both go.

use super::Detection;
use super::cues::Marks;
use super::lexicon::class;
use super::numbers::{Chunk, Kind};
use super::text::Text;
use crate::call::Reason;

/// Words of a wrong value before its correction, at most.
const WRONG_WORDS: usize = 6;
/// Words between a correction and the right value: "no, sorry, it's".
const LINK_WORDS: usize = 5;
/// Words between a wrong number and its correction.
const NEAR_WORDS: usize = 2;

/// Values beside a correction of what was `found`, wrong ones and right ones.
pub fn find(text: &Text, marks: &Marks, chunks: &[Chunk], found: &[Detection]) -> Vec<Detection> {
    let repairs = Repairs { text, marks, chunks };
    let mut out = Vec::new();
    for (n, d) in found.iter().enumerate() {
        let free_from = n.checked_sub(1).map_or(0, |before| found[before].last + 1);
        let free_to = found.get(n + 1).map_or(text.len(), |after| after.first);
        out.extend(repairs.wrong(d, free_from));
        out.extend(repairs.right(d, free_to));
    }
    out
}

struct Repairs<'a> {
    text: &'a Text<'a>,
    marks: &'a Marks,
    chunks: &'a [Chunk],
}

impl Repairs<'_> {
    /// The value that `right` corrects.
    fn wrong(&self, right: &Detection, free_from: usize) -> Option<Detection> {
        let tokens = &self.text.tokens;
        let turn = tokens[right.first].turn;
        let own = |i: &usize| tokens[*i].turn == turn;
        let link = (free_from.max(right.first.saturating_sub(LINK_WORDS))..right.first).rev().take_while(own);
        let correction = link.filter(|i| self.marks.correction[*i]).last()?;
        let before = free_from.max(correction.saturating_sub(WRONG_WORDS))..correction;
        let last = before.clone().rev().take_while(own).find(|i| !self.is_aside(*i))?;
        let first = match right.reason {
            Reason::Email => self.mail_from(before.start, last, turn)?,
            Reason::Address => {
                let house = before.rev().take_while(own).filter_map(|i| self.number_at(i)).last()?;
                house.first.max(free_from)
            }
            Reason::Password | Reason::Name => return None,
            _ => self.number_at(last).filter(|c| c.first >= free_from)?.first,
        };
        Some(Detection::new(first, last, right.reason, "corrected"))
    }

    /// The number that corrects `wrong`: "22 Elm Street, sorry, 24".
    fn right(&self, wrong: &Detection, free_to: usize) -> Option<Detection> {
        let tokens = &self.text.tokens;
        if matches!(wrong.reason, Reason::Email | Reason::Password | Reason::Name) {
            return None;
        }
        let turn = tokens[wrong.last].turn;
        let own = |i: &usize| tokens[*i].turn == turn;
        let near = (wrong.last + 1..free_to).take(NEAR_WORDS).take_while(own);
        let correction = near.into_iter().find(|i| self.marks.correction[*i])?;
        let link = (correction..free_to).take(LINK_WORDS + 1).take_while(own);
        let chunk = link.into_iter().find_map(|i| self.number_at(i).filter(|c| c.first == i))?;
        let plain = (correction..chunk.first).all(|i| self.is_aside(i));
        plain.then(|| Detection::new(chunk.first, chunk.last, wrong.reason, "corrected"))
    }

    /// Back over the letters and joints of an address that has no shape of its own.
    fn mail_from(&self, from: usize, last: usize, turn: u32) -> Option<usize> {
        let tokens = &self.text.tokens;
        let part = |i: &usize| {
            let t = &tokens[*i];
            t.turn == turn && (t.letter || !t.is(class::MAIL_STOP)) && !self.is_aside(*i)
        };
        let first = (from..=last).rev().take_while(part).last()?;
        let sure = |i: usize| tokens[i].letter || tokens[i].is(class::AT | class::MAIL_JOINT);
        (first..=last).any(sure).then_some(first)
    }

    /// A plain number, no price, time or count.
    fn number_at(&self, at: usize) -> Option<&Chunk> {
        let n = self.chunks.partition_point(|c| c.last < at);
        let chunk = self.chunks.get(n).filter(|c| c.first <= at)?;
        let plain = !matches!(chunk.kind, Kind::Price | Kind::Time) && !chunk.counted;
        plain.then_some(chunk)
    }

    /// Said between two values: "um", "it's", "the".
    fn is_aside(&self, at: usize) -> bool {
        let t = &self.text.tokens[at];
        self.marks.infill[at]
            || self.marks.correction[at]
            || t.is(class::LEAD | class::COPULA) && t.numeral.is_none()
    }
}
