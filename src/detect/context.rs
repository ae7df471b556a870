//! Which secret a chunk of numbers is: every cue that is still open bids for
//! it by how near it is and how well the chunk fits; what else numbers are
//! said for bids too. The best bid has it.

mod goes_on;
mod harmless;

use super::Why;
use super::cues::{Cue, Marks, What};
use super::dictation::{Dictation, Known};
use super::lexicon::class;
use super::numbers::{Chunk, Kind};
use super::question::Questions;
use super::shape::{self, fit};
use super::text::Text;
use crate::call::Reason;
use goes_on::Saying;

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
/// Words after a chunk in which "… is my card number" is looked for.
const AFTER_WORDS: usize = 6;
/// Words between a whole date and the "date of birth" that explains it.
const BORN_WORDS: u32 = 8;
/// What it costs a number that the asker says, not the one who was asked.
const ASKERS_OWN: f32 = 0.5;
/// Words of a question that names nothing else.
const BARE_QUESTION_WORDS: usize = 6;
/// Digits of a day and a year.
const WHOLE_DATE_DIGITS: usize = 3;
/// Words before an account's name in which an amount is announced.
const BALANCE_WORDS: u32 = 12;
/// Words in which a card is the subject, for expiries and codes.
const CARD_TALK_WORDS: u32 = 60;

/// What somebody bids for a chunk; no reason for what is harmless.
struct Bid {
    score: f32,
    reason: Option<Reason>,
    why: Why,
    /// The cue that is answered by it.
    cue: Option<usize>,
}

pub struct Context<'a> {
    text: &'a Text<'a>,
    marks: &'a Marks,
    chunks: &'a [Chunk],
    window: u32,
    /// Words of a hold phrase up to each word: they do not count in a window.
    held: Vec<u32>,
    /// The chunk that each keyword announced.
    used: Vec<Option<usize>>,
    saying: Option<Saying>,
    /// The last word of an order's number or the like, which may go on.
    stays: Option<usize>,
    card_at: Option<u32>,
    questions: Questions,
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
            used: vec![None; marks.cues.len()],
            saying: None,
            stays: None,
            questions: Questions::default(),
            card_at: None,
        }
    }

    /// Every chunk that is a secret, in order.
    pub fn values(mut self) -> Vec<Value> {
        let mut out = Vec::new();
        let mut known = vec![Known::Nothing; self.chunks.len()];
        let (mut next, mut from) = (0, 0);
        for (n, chunk) in self.chunks.iter().enumerate() {
            while next < self.marks.cues.len() && self.marks.cues[next].last < chunk.first {
                self.see(next);
                next += 1;
            }
            while from < next && self.distance(&self.marks.cues[from], chunk.first) > 2 * self.window + 20 {
                from += 1;
            }
            let Some(Bid { reason, why, cue, .. }) = self.best(n, from, next) else { continue };
            let Some(reason) = reason else {
                known[n] = if self.stays == Some(chunk.last) { Known::Numbered } else { Known::Doubtful };
                continue;
            };
            known[n] = if reason == Reason::Phone { Known::Doubtful } else { Known::Secret(reason) };
            self.say(chunk, reason, why.keyword);
            if let Some(cue) = cue
                && self.saying.as_ref().is_some_and(|s| s.whole)
                && !matches!(reason, Reason::Address | Reason::Password)
            {
                self.used[cue] = Some(n);
                self.questions.answered(cue);
            }
            out.push(Value { chunk: n, reason, why });
        }
        let (text, marks, chunks) = (self.text, self.marks, self.chunks);
        let dictation = Dictation { text, marks, chunks, known: &known, held: &self.held };
        let why = Why { rule: "dictation", confidence: 1.0, ..Why::default() };
        let pieces = dictation.find();
        out.retain(|v| pieces.binary_search(&v.chunk).is_err());
        let pieces = pieces.into_iter();
        out.extend(pieces.map(|chunk| Value { chunk, reason: Reason::CardNumber, why }));
        out.sort_by_key(|v| v.chunk);
        out
    }

    /// A card is talked about, or another value begins.
    fn see(&mut self, cue: usize) {
        self.questions.hear(cue, self.text, self.marks);
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

    /// The best bid for chunk `n` among the cues `from..next` before it and what else tells.
    fn best(&mut self, n: usize, from: usize, next: usize) -> Option<Bid> {
        let chunk = &self.chunks[n];
        if self.is_numbered(chunk, next) {
            self.stays = Some(chunk.last);
            return Some(Bid { score: 0.0, reason: None, why: Why::default(), cue: None });
        }
        if let Some(bid) = self.shaped(chunk, from, next) {
            return Some(bid);
        }
        let cues = (from..next).filter_map(|i| self.announced(i, chunk));
        let others = [
            self.continued(chunk),
            self.ordered(chunk),
            self.answered_late(chunk),
            self.explained(chunk, self.born_later(chunk, next)),
            self.explained(chunk, self.named_after(chunk, next)),
        ];
        let best =
            cues.chain(others.into_iter().flatten()).reduce(|a, b| if b.score > a.score { b } else { a });
        best.filter(|b| b.score >= LEAST)
    }

    /// What the chunk's shape says, unless a keyword close by knows better.
    fn shaped(&self, chunk: &Chunk, from: usize, next: usize) -> Option<Bid> {
        let reason = self.by_shape(chunk)?;
        let named = (from..next).rev().find_map(|i| {
            let What::Secret { reason, strong: true, .. } = self.marks.cues[i].what else { return None };
            let near = self.distance(&self.marks.cues[i], chunk.first) <= self.window;
            (near && fit(reason, chunk) >= 0.5).then_some((reason, i))
        });
        Some(match named {
            Some((reason, i)) => self.bid("keyword", 1.0, reason, i, chunk),
            None => {
                let why = Why { rule: "shape", ..Why::default() };
                Bid { score: 1.0, reason: Some(reason), why, cue: None }
            }
        })
    }

    /// What the cue `i` before the chunk bids.
    fn announced(&self, i: usize, chunk: &Chunk) -> Option<Bid> {
        let cue = &self.marks.cues[i];
        let distance = self.distance(cue, chunk.first);
        match cue.what {
            What::Secret { reason, strong, .. } => {
                // "the code is …": a card's, or else a door's.
                let doors = reason == Reason::Cvv && !strong && self.card_at.is_none();
                let reason = if doors { Reason::Password } else { reason };
                let score = self.secret(i, reason, strong, chunk, distance)?;
                Some(self.bid("keyword", score, reason, i, chunk))
            }
            What::Harmless => {
                let score = self.harmless(cue, chunk, distance)?;
                Some(Bid { score, reason: None, why: Why::default(), cue: Some(i) })
            }
        }
    }

    fn continued(&self, chunk: &Chunk) -> Option<Bid> {
        let (score, saying) = self.goes_on(chunk)?;
        let why = Why { rule: "goes on", keyword: saying.keyword, confidence: score, ..Why::default() };
        Some(Bid { score, reason: Some(saying.reason), why, cue: None })
    }

    fn ordered(&self, chunk: &Chunk) -> Option<Bid> {
        let (score, reason) = self.in_order(chunk)?;
        let why = Why { rule: "after a card", confidence: score, ..Why::default() };
        Some(Bid { score, reason: Some(reason), why, cue: None })
    }

    fn answered_late(&self, chunk: &Chunk) -> Option<Bid> {
        let (score, reason, i) = self.questions.bid(chunk, self.text, self.marks)?;
        let cards = reason != Reason::Expiry || self.is_cards_expiry(i, chunk);
        let balance = reason == Reason::BankAccount && self.is_balance(&self.marks.cues[i], chunk);
        (cards && !balance && self.used[i].is_none())
            .then(|| self.bid("late answer", score, reason, i, chunk))
    }

    /// A keyword that comes behind the chunk.
    fn explained(&self, chunk: &Chunk, after: Option<(f32, Reason, usize)>) -> Option<Bid> {
        let (score, reason, i) = after?;
        Some(Bid { cue: None, ..self.bid("keyword after", score, reason, i, chunk) })
    }

    fn bid(&self, rule: &'static str, score: f32, reason: Reason, i: usize, chunk: &Chunk) -> Bid {
        Bid { score, reason: Some(reason), why: self.why(rule, i, chunk, score), cue: Some(i) }
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
        if let Some(said) = self.used[i].map(|n| &self.chunks[n]) {
            score -= 1.2;
            if reason == Reason::Dob && self.is_another_day(said, chunk) {
                return None;
            }
        }
        // "what's the code?" – "I don't have it." – "We open at 9 30."
        let (asker, teller) = (&self.text.tokens[cue.last], &self.text.tokens[chunk.first]);
        let told = self.saying.as_ref().is_some_and(|s| s.reason == reason && s.last > cue.last);
        if self.text.speakers > 1 && asker.speaker == teller.speaker && asker.turn < teller.turn && !told {
            score -= ASKERS_OWN;
            if self.is_quantity(chunk) {
                return None;
            }
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
            if code < 0.5 || chunk.counted && code < 0.9 || self.is_about_else(i) || chunk.is_money() {
                return None;
            }
            score -= 0.1;
            if chunk.len() < 4 && !direct {
                score -= 0.6;
            }
        }
        // "on my card and twelve stamps", "your checking account has $13,408.35"
        let money =
            reason == Reason::BankAccount && (chunk.is_money() && !direct || self.is_balance(cue, chunk));
        if money || reason == Reason::CardNumber && !direct && chunk.len() < 3 && code < 0.4 {
            return None;
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

    /// A day and month, without a year, that come in a later turn than a whole birth date: a visit's.
    fn is_another_day(&self, birth: &Chunk, chunk: &Chunk) -> bool {
        let turn = |c: &Chunk| self.text.tokens[c.first].turn;
        let whole = birth.month.is_some() && birth.len() >= WHOLE_DATE_DIGITS;
        whole && chunk.month.is_some() && chunk.len() < WHOLE_DATE_DIGITS && turn(chunk) > turn(birth)
    }

    /// "The balance of your checking account is $3,766.53": an amount of cents and all, or one whose
    /// sentence names a balance, is no account's number.
    fn is_balance(&self, cue: &Cue, chunk: &Chunk) -> bool {
        let tokens = &self.text.tokens;
        if !tokens[chunk.first..=chunk.last].iter().any(|t| t.currency) {
            return false;
        }
        let written = self.text.words[chunk.last].text.trim_end_matches(['.', ',', '?', '!']);
        let cents = written.rsplit_once('.').is_some_and(|(_, cents)| cents.len() == 2);
        let near = self.marks.cues[..self.marks.cues.partition_point(|c| c.last < chunk.first)].iter().rev();
        let named = near
            .take_while(|c| tokens[c.last].counted + BALANCE_WORDS >= tokens[cue.first].counted)
            .any(|c| matches!(c.what, What::Harmless));
        cents || named
    }

    /// "at 9 30", "comes to 312": a word before says that it is a quantity.
    fn is_quantity(&self, chunk: &Chunk) -> bool {
        let before = chunk.first.checked_sub(1).map(|i| &self.text.tokens[i]);
        before.is_some_and(|t| t.is(class::BEFORE_QUANTITY | class::HOMOPHONE))
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
        // "when does it expire?" and no more, answered with a month and a year.
        let turn = self.text.tokens[self.marks.cues[i].last].turn;
        let begins = self.text.tokens.partition_point(|t| t.turn < turn);
        let words = self.text.tokens[begins..].iter().take_while(|t| t.turn == turn);
        let bare = words.clone().take(BARE_QUESTION_WORDS + 1).count() <= BARE_QUESTION_WORDS;
        // "what month does it expire": of a bill nobody asks so.
        let parted = asked && words.clone().take(BARE_QUESTION_WORDS).any(|t| t.is(class::DATE_PART));
        let answered = parted || bare && asked && self.text.speakers > 1 && shape::is_expiry(chunk);
        let cue = &self.marks.cues[i];
        let named = (cue.first..=cue.last).any(|w| self.text.tokens[w].is(class::CARD));
        if card || named {
            !chunk.ordinal || noun
        } else {
            month_and_year || answered || noun && (asked || shape::is_expiry(chunk))
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
}
