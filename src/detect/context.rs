//! Which secret a chunk of numbers is: every cue that is still open bids for
//! it by how near it is and how well the chunk fits; what else numbers are
//! said for bids too. The best bid has it.

use super::Why;
use super::cues::{Cue, Marks, What};
use super::lexicon::class;
use super::numbers::{Chunk, Kind};
use super::shape::{self, fit};
use super::text::Text;
use crate::call::Reason;

/// A chunk that is a secret.
#[derive(Clone, Debug)]
pub struct Value {
    pub chunk: usize,
    pub reason: Reason,
    pub why: Why,
}

/// A bid below this leaves the chunk as it is.
const LEAST: f32 = 0.3;
/// What a word between a cue and a chunk costs.
const COST: f32 = 0.04;
/// The same for what is harmless: "order number is …" counts only close by.
const HARMLESS_COST: f32 = 0.28;
const HARMLESS: f32 = 2.0;
/// Words over which a value goes on without its keyword.
const GOES_ON_WORDS: u32 = 9;
/// Words after a chunk in which "… is my card number" is looked for.
const AFTER_WORDS: usize = 6;
/// Words between a whole date and the "date of birth" that explains it.
const BORN_WORDS: u32 = 8;
/// Words in which a card is the subject, for expiries and codes.
const CARD_TALK_WORDS: u32 = 60;

/// A value that is being said.
struct Saying {
    reason: Reason,
    digits: usize,
    first: Option<char>,
    last: usize,
    whole: bool,
    /// The digits of its last chunk.
    piece: String,
    keyword: Option<(usize, usize)>,
}

pub struct Context<'a> {
    text: &'a Text<'a>,
    marks: &'a Marks,
    chunks: &'a [Chunk],
    window: u32,
    /// Words of a hold phrase up to each word: they do not count in a window.
    held: Vec<u32>,
    used: Vec<bool>,
    saying: Option<Saying>,
    card_at: Option<u32>,
}

impl<'a> Context<'a> {
    pub fn new(text: &'a Text<'a>, marks: &'a Marks, chunks: &'a [Chunk], window: usize) -> Context<'a> {
        let mut held = Vec::with_capacity(text.len() + 1);
        let mut sum = 0;
        for hold in &marks.hold {
            held.push(sum);
            sum += u32::from(*hold);
        }
        held.push(sum);
        Context {
            text,
            marks,
            chunks,
            window: window as u32,
            held,
            used: vec![false; marks.cues.len()],
            saying: None,
            card_at: None,
        }
    }

    /// Every chunk that is a secret, in order.
    pub fn values(mut self) -> Vec<Value> {
        let mut out = Vec::new();
        let (mut next, mut from) = (0, 0);
        for (n, chunk) in self.chunks.iter().enumerate() {
            while next < self.marks.cues.len() && self.marks.cues[next].last < chunk.first {
                self.see(next);
                next += 1;
            }
            while from < next && self.distance(&self.marks.cues[from], chunk.first) > 2 * self.window + 20 {
                from += 1;
            }
            let Some((reason, why, cue)) = self.best(n, from, next) else { continue };
            self.say(chunk, reason, why.keyword);
            if let Some(cue) = cue
                && self.saying.as_ref().is_some_and(|s| s.whole)
                && !matches!(reason, Reason::Address | Reason::Password)
            {
                self.used[cue] = true;
            }
            out.push(Value { chunk: n, reason, why });
        }
        self.dictations(&mut out);
        out
    }

    /// Digits that one person dictates in pieces, with somebody else's short
    /// words between, and that make a card's number together.
    fn dictations(&self, out: &mut Vec<Value>) {
        let known: Vec<usize> = out.iter().map(|v| v.chunk).collect();
        let plain = |n: &usize| {
            let c = &self.chunks[*n];
            c.kind == Kind::Number
                && c.letters == 0
                && c.code_like() >= 0.5
                && !c.counted
                && known.binary_search(n).is_err()
        };
        let mut run: Vec<usize> = Vec::new();
        for n in (0..self.chunks.len()).filter(plain).chain([usize::MAX]) {
            let follows = n != usize::MAX && run.last().is_none_or(|last| self.follows(*last, n));
            if follows {
                run.push(n);
                continue;
            }
            let digits: usize = run.iter().map(|c| self.chunks[*c].len()).sum();
            if run.len() >= 3 && (13..=38).contains(&digits) {
                let why = Why { rule: "dictation", confidence: 1.0, ..Why::default() };
                out.extend(run.iter().map(|chunk| Value { chunk: *chunk, reason: Reason::CardNumber, why }));
            }
            run = if n == usize::MAX { Vec::new() } else { vec![n] };
        }
        out.sort_by_key(|v| v.chunk);
    }

    /// Chunk `b` comes after `a` with few words between.
    fn follows(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.chunks[a], &self.chunks[b]);
        let words = self.text.words_between(a.last, b.first);
        let from = self.marks.cues.partition_point(|c| c.first <= a.last);
        let between = self.marks.cues[from..].iter().take_while(|c| c.first < b.first);
        let harmless = between.into_iter().any(|c| c.what == What::Harmless);
        words <= 4 && !harmless
    }

    /// A card is talked about, or another value begins.
    fn see(&mut self, cue: usize) {
        let cue = &self.marks.cues[cue];
        let card = matches!(
            cue.what,
            What::Secret { reason: Reason::CardNumber, .. }
                | What::Secret { reason: Reason::Cvv, strong: true, .. }
        );
        if card {
            self.card_at = Some(self.text.tokens[cue.first].counted);
        }
    }

    /// Words between a cue and a chunk that count. The words of a question
    /// after its keyword count little: the answer is in the next turn.
    fn distance(&self, cue: &Cue, at: usize) -> u32 {
        let tokens = &self.text.tokens;
        let counted = tokens[at].counted.saturating_sub(tokens[cue.last].counted + 1);
        let held = self.held[at] - self.held[cue.last + 1];
        let counted = counted.saturating_sub(held);
        if cue.asks && tokens[at].turn == tokens[cue.last].turn + 1 {
            let turn = tokens[at].turn;
            let begins = (cue.last..=at).rev().take_while(|i| tokens[*i].turn == turn).last().unwrap_or(at);
            let own = self.text.words_between(begins, at);
            let own = own.saturating_sub(self.held[at] - self.held[begins]);
            return counted.min(own + 1);
        }
        counted
    }

    /// The best bid for chunk `n` among the cues `from..next` before it.
    fn best(&self, n: usize, from: usize, next: usize) -> Option<(Reason, Why, Option<usize>)> {
        let chunk = &self.chunks[n];
        if let Some(reason) = self.by_shape(chunk) {
            // A keyword close by may know better what it is.
            let named = (from..next).rev().find_map(|i| {
                let What::Secret { reason, strong: true, .. } = self.marks.cues[i].what else { return None };
                let near = self.distance(&self.marks.cues[i], chunk.first) <= self.window;
                (near && fit(reason, chunk) >= 0.5).then_some((reason, i))
            });
            return Some(match named {
                Some((reason, i)) => (reason, self.why("keyword", i, chunk, 1.0), Some(i)),
                None => (reason, Why { rule: "shape", ..Why::default() }, None),
            });
        }
        let mut best: Option<(f32, Option<Reason>, Why, Option<usize>)> = None;
        let mut bid = |score: f32, reason: Option<Reason>, why: Why, cue: Option<usize>| {
            if best.as_ref().is_none_or(|b| score > b.0) {
                best = Some((score, reason, why, cue));
            }
        };
        for i in from..next {
            let cue = &self.marks.cues[i];
            let distance = self.distance(cue, chunk.first);
            match cue.what {
                What::Secret { reason, strong, .. } => {
                    // "the code is …": a card's, or else a door's.
                    let reason = if reason == Reason::Cvv && !strong && self.card_at.is_none() {
                        Reason::Password
                    } else {
                        reason
                    };
                    if let Some(score) = self.secret(i, reason, strong, chunk, distance) {
                        bid(score, Some(reason), self.why("keyword", i, chunk, score), Some(i));
                    }
                }
                What::Harmless => {
                    if let Some(score) = self.harmless(cue, chunk, distance) {
                        bid(score, None, Why::default(), Some(i));
                    }
                }
            }
        }
        if let Some((score, saying)) = self.goes_on(chunk) {
            let why = Why { rule: "goes on", keyword: saying.keyword, confidence: score, ..Why::default() };
            bid(score, Some(saying.reason), why, None);
        }
        if let Some((score, reason)) = self.in_order(chunk) {
            let why = Why { rule: "after a card", confidence: score, ..Why::default() };
            bid(score, Some(reason), why, None);
        }
        if let Some((score, reason, i)) = self.born_later(chunk, next) {
            bid(score, Some(reason), self.why("keyword after", i, chunk, score), None);
        }
        if let Some((score, reason, i)) = self.named_after(chunk, next) {
            bid(score, Some(reason), self.why("keyword after", i, chunk, score), None);
        }
        let (score, reason, why, cue) = best?;
        (score >= LEAST).then_some((reason?, why, cue))
    }

    fn why(&self, rule: &'static str, cue: usize, chunk: &Chunk, score: f32) -> Why {
        let cue = &self.marks.cues[cue];
        let distance = if cue.last < chunk.first { self.distance(cue, chunk.first) as usize } else { 0 };
        Why { rule, keyword: Some((cue.first, cue.last)), distance, confidence: score }
    }

    /// What a chunk is whatever was said before it.
    fn by_shape(&self, chunk: &Chunk) -> Option<Reason> {
        if shape::CARD_RUN.contains(&chunk.len())
            && chunk.letters == 0
            && chunk.kind == Kind::Number
            && (!chunk.scale || chunk.numbers > 4)
        {
            return Some(Reason::CardNumber);
        }
        (shape::is_ssn(chunk) && chunk.kind == Kind::Number).then_some(Reason::Ssn)
    }

    /// What a cue bids.
    fn secret(&self, i: usize, reason: Reason, strong: bool, chunk: &Chunk, distance: u32) -> Option<f32> {
        let cue = &self.marks.cues[i];
        if matches!(cue.what, What::Secret { worded: true, .. }) && !cue.asks {
            return None;
        }
        if distance >= self.window || self.is_plainly_else(chunk, reason) {
            return None;
        }
        let code = chunk.code_like();
        // A month by itself is an answer, or nothing.
        if chunk.kind == Kind::Date && chunk.digits.is_empty() && distance > 2 {
            return None;
        }
        let direct = cue.asks || self.says_it(cue, chunk);
        if chunk.like_price && !direct {
            return None;
        }
        let mut fits = fit(reason, chunk);
        if strong && direct && code >= 0.9 && chunk.kind == Kind::Number {
            // Asked for and said: an odd length is no reason to leave it.
            fits = fits.max(0.2);
        }
        let mut score = fits - COST * distance as f32;
        if self.used[i] {
            score -= 1.2;
        }
        if strong {
            score += if direct { 0.7 } else { 0.2 };
            // A bare quantity far from its keyword is another thing.
            if code < 0.3 && chunk.kind == Kind::Number && distance > 3 {
                score -= 0.9;
            }
            if chunk.counted && code < 0.5 {
                score -= 1.5;
            }
        } else {
            if code < 0.5 || chunk.counted && code < 0.9 {
                return None;
            }
            score -= 0.1;
            if chunk.len() < 4 && !direct {
                score -= 0.6;
            }
        }
        if reason == Reason::Expiry && !self.is_cards_expiry(i, chunk) {
            return None;
        }
        let unit = (cue.first..=cue.last).any(|w| self.text.tokens[w].is(class::UNIT));
        if reason == Reason::Address && chunk.len() < 3 && !(cue.asks && (chunk.letters == 0 || unit)) {
            return None;
        }
        Some(score)
    }

    /// An expiry needs a card to be talked about, or month and year right after it.
    fn is_cards_expiry(&self, i: usize, chunk: &Chunk) -> bool {
        let at = self.text.tokens[chunk.first].counted;
        let card = self.card_at.is_some_and(|c| at.saturating_sub(c) < CARD_TALK_WORDS);
        let card = card
            || self.marks.cues[i..]
                .iter()
                .any(|c| matches!(c.what, What::Secret { reason: Reason::CardNumber | Reason::Cvv, .. }));
        let month_and_year = shape::is_expiry(chunk) && chunk.kind != Kind::Date;
        // "when is it due?" asks of bills too: only the noun is a card's by itself.
        let noun = !self.text.tokens[self.marks.cues[i].last].is(class::EXPIRES);
        let asked = self.marks.cues[i].asks && chunk.len() <= 8 && !chunk.ordinal;
        let cue = &self.marks.cues[i];
        let named = (cue.first..=cue.last).any(|w| self.text.tokens[w].is(class::CARD));
        if card || named {
            !chunk.ordinal || noun
        } else {
            month_and_year || noun && (asked || shape::is_expiry(chunk))
        }
    }

    /// Prices, times and counts are what they say they are.
    fn is_plainly_else(&self, chunk: &Chunk, reason: Reason) -> bool {
        if chunk.year && !matches!(reason, Reason::Dob | Reason::Password) {
            return true;
        }
        match chunk.kind {
            Kind::Price => chunk.len() < 9,
            Kind::Time => true,
            Kind::Date => !matches!(reason, Reason::Dob | Reason::Expiry | Reason::Password),
            _ => {
                chunk.digits.is_empty()
                    && !matches!(reason, Reason::Password | Reason::IdNumber | Reason::BankAccount)
            }
        }
    }

    /// "the pin is 4421", "visa 4111…": nothing but links between them.
    fn says_it(&self, cue: &Cue, chunk: &Chunk) -> bool {
        (cue.last + 1..chunk.first).all(|i| {
            let t = &self.text.tokens[i];
            t.is(class::COPULA | class::LEAD | class::FILLER) || self.marks.hold[i] || self.marks.infill[i]
        })
    }

    fn harmless(&self, cue: &Cue, chunk: &Chunk, distance: u32) -> Option<f32> {
        let apart = self.text.tokens[cue.last].turn != self.text.tokens[chunk.first].turn && !cue.asks;
        let ended =
            (cue.last..chunk.first).any(|i| self.text.tokens[i].ends_sentence && !self.text.tokens[i].asks);
        if apart || ended || distance > 5 {
            return None;
        }
        Some(HARMLESS - HARMLESS_COST * distance as f32)
    }

    /// The value that was being said goes on after a word or two.
    fn goes_on(&self, chunk: &Chunk) -> Option<(f32, &Saying)> {
        let saying = self.saying.as_ref()?;
        let words = self.text.words_between(saying.last, chunk.first);
        let corrects = (saying.last + 1..chunk.first).any(|i| self.marks.correction[i]);
        if self.is_plainly_else(chunk, saying.reason) || chunk.counted && chunk.code_like() < 0.9 {
            return None;
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

    /// Card number, expiry, code: said in this order without a word between.
    fn in_order(&self, chunk: &Chunk) -> Option<(f32, Reason)> {
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

    /// "Tom Baker, 5/2/80" – "thank you, the date of birth matches".
    fn born_later(&self, chunk: &Chunk, next: usize) -> Option<(f32, Reason, usize)> {
        let whole = chunk.groups.len() >= 3 && chunk.kind == Kind::Slashed
            || chunk.kind == Kind::Date && chunk.len() >= 5;
        let cues = self.marks.cues[next..].iter().enumerate().take(4);
        let near = |c: &Cue| self.text.words_between(chunk.last, c.first) <= BORN_WORDS;
        cues.take_while(|(_, c)| near(c))
            .find(|(_, c)| matches!(c.what, What::Secret { reason: Reason::Dob, .. }))
            .filter(|_| whole && !chunk.counted)
            .map(|(k, _)| (0.9, Reason::Dob, next + k))
    }

    /// "4532 … is my card number", "078 05 1120 that's my social".
    fn named_after(&self, chunk: &Chunk, next: usize) -> Option<(f32, Reason, usize)> {
        let cues = self.marks.cues[next..].iter().enumerate().take(3);
        let reach = chunk.last + AFTER_WORDS;
        cues.take_while(|(_, c)| c.first <= reach).find_map(|(k, cue)| {
            let What::Secret { reason, strong: true, .. } = cue.what else { return None };
            let between = chunk.last + 1..cue.first;
            let turn = self.text.tokens[chunk.last].turn;
            let linked = between.clone().any(|i| self.text.tokens[i].is(class::COPULA));
            let plain = between.clone().all(|i| {
                let t = &self.text.tokens[i];
                t.turn == turn && (t.is(class::COPULA | class::LEAD) || t.is_filler())
            });
            if !linked
                || !plain
                || cue.asks && self.text.tokens[cue.first].turn != turn
                || self.is_plainly_else(chunk, reason)
            {
                return None;
            }
            if chunk.counted || chunk.code_like() < 0.3 && !matches!(chunk.kind, Kind::Date | Kind::Slashed) {
                return None;
            }
            Some((fit(reason, chunk), reason, next + k))
        })
    }

    fn say(&mut self, chunk: &Chunk, reason: Reason, keyword: Option<(usize, usize)>) {
        let same = self.saying.take().filter(|s| s.reason == reason && !s.whole);
        let mut saying = same.unwrap_or(Saying {
            reason,
            digits: 0,
            first: chunk.digits.chars().next(),
            last: chunk.last,
            whole: false,
            piece: String::new(),
            keyword,
        });
        // A read-back of what was just said adds nothing.
        if chunk.digits != saying.piece {
            saying.digits += chunk.len();
        }
        saying.piece.clone_from(&chunk.digits);
        saying.last = chunk.last;
        saying.whole = shape::is_whole(reason, chunk, saying.digits, saying.first);
        if reason == Reason::CardNumber {
            self.card_at = Some(self.text.tokens[chunk.last].counted);
        }
        self.saying = Some(saying);
    }
}
