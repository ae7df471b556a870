//! A value that is being said: how it goes on, what is said again, and what
//! comes after a card in order.

use super::Context;
use crate::call::Reason;
use crate::detect::numbers::{Chunk, Kind};
use crate::detect::shape::{self, fit};

/// Words over which a value goes on without its keyword.
const GOES_ON_WORDS: u32 = 9;
/// Words before a part that is said again, and what that bids.
const ECHO_WORDS: u32 = 4;
const ECHO: f32 = 1.2;

/// A value that is being said.
pub(super) struct Saying {
    pub(super) reason: Reason,
    pub(super) digits: usize,
    pub(super) first: Option<char>,
    pub(super) last: usize,
    pub(super) whole: bool,
    /// The digits of its last chunk, and of the one before.
    pub(super) piece: String,
    pub(super) before: String,
    pub(super) keyword: Option<(usize, usize)>,
}

impl Context<'_> {
    /// The value that was being said goes on after a word or two.
    pub(super) fn goes_on(&self, chunk: &Chunk) -> Option<(f32, &Saying)> {
        let saying = self.saying.as_ref()?;
        let words = self.text.words_between(saying.last, chunk.first);
        let corrects = (saying.last + 1..chunk.first).any(|i| self.marks.correction[i]);
        if self.is_plainly_else(chunk, saying.reason) || chunk.counted && chunk.code_like() < 0.9 {
            return None;
        }
        if self.is_echo(saying, chunk, words) {
            return Some((ECHO, saying));
        }
        if saying.whole && !(corrects && words <= 6) {
            return None;
        }
        let open_ended = matches!(saying.reason, Reason::Password | Reason::IdNumber | Reason::BankAccount);
        if open_ended && words > 2 && chunk.code_like() < 0.5 {
            return None;
        }
        let fits = match saying.reason {
            Reason::CardNumber if saying.digits + chunk.len() > 19 && !corrects => return None,
            Reason::Dob | Reason::Expiry if chunk.len() <= 4 && words <= 4 => 0.9,
            Reason::Address | Reason::Dob | Reason::Expiry => fit(saying.reason, chunk) * 0.5,
            reason => {
                fit(reason, chunk).max(if chunk.numbers > 1 || chunk.len() > 1 { 0.8 } else { 0.55 }).min(1.6)
            }
        };
        (words <= GOES_ON_WORDS).then_some((fits + 0.3 - 0.12 * words as f32, saying))
    }

    /// "six twenty eight" – "six twenty six?" – "twenty eight": a part is said again.
    pub(super) fn is_echo(&self, saying: &Saying, chunk: &Chunk, words: u32) -> bool {
        let again = |piece: &str| piece.len() > chunk.len() && piece.ends_with(&chunk.digits);
        let (last, first) = (&self.text.tokens[saying.last], &self.text.tokens[chunk.first]);
        last.speaker != first.speaker
            && chunk.len() >= 2
            && !chunk.counted
            && words <= ECHO_WORDS
            && (again(&saying.piece) || again(&saying.before) || saying.piece == chunk.digits)
    }

    /// Card number, expiry, code: said in this order without a word between.
    pub(super) fn in_order(&self, chunk: &Chunk) -> Option<(f32, Reason)> {
        let saying = self.saying.as_ref().filter(|s| s.whole)?;
        let words = self.text.words_between(saying.last, chunk.first);
        let plain = chunk.kind == Kind::Number
            || chunk.kind == Kind::Slashed
            || chunk.kind == Kind::Date && !chunk.ordinal;
        if words > 3
            || chunk.counted
            || !plain
            || self.text.tokens[chunk.first].speaker != self.text.tokens[saying.last].speaker
        {
            return None;
        }
        let score = 1.3 - 0.15 * words as f32;
        match saying.reason {
            Reason::CardNumber if shape::is_expiry(chunk) => Some((score, Reason::Expiry)),
            Reason::Expiry | Reason::CardNumber
                if self.card_at.is_some() && (3..=4).contains(&chunk.len()) =>
            {
                Some((score, Reason::Cvv))
            }
            _ => None,
        }
    }

    pub(super) fn say(&mut self, chunk: &Chunk, reason: Reason, keyword: Option<(usize, usize)>) {
        let earlier = self.saying.take();
        let before = earlier.as_ref().filter(|s| s.reason == reason).map(|s| s.piece.clone());
        let same = earlier.filter(|s| s.reason == reason && !s.whole);
        let begins = same.is_none();
        let mut saying = same.unwrap_or(Saying {
            reason,
            digits: 0,
            first: chunk.digits.chars().next(),
            last: chunk.last,
            whole: false,
            piece: before.unwrap_or_default(),
            before: String::new(),
            keyword,
        });
        // A read-back of what was just said adds nothing.
        if begins || chunk.digits != saying.piece {
            saying.digits += chunk.len();
        }
        saying.before = std::mem::replace(&mut saying.piece, chunk.digits.clone());
        saying.last = chunk.last;
        saying.whole = shape::is_whole(reason, chunk, saying.digits, saying.first);
        if reason == Reason::CardNumber {
            self.card_at = Some(self.text.tokens[chunk.last].counted);
        }
        self.saying = Some(saying);
    }
}
