//! Which secret a chunk of numbers is: every cue that is still open bids for
//! it by how near it is and how well the chunk fits; what else numbers are
//! said for bids too. The best bid has it.

use super::Why;
use super::cues::{Cue, Marks, What};
use super::dictation::{self, Dictation, Known};
use super::lexicon::class;
use super::numbers::{Chunk, Kind};
use super::question::Questions;
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
/// Words before a part that is said again, and what that bids.
const ECHO_WORDS: u32 = 4;
const ECHO: f32 = 1.2;
/// Words between a card and what it was used for.
const CHARGED_WORDS: usize = 3;
/// Words of a question that names nothing else.
const BARE_QUESTION_WORDS: usize = 6;
/// Words between "tracking number" and its number, and between two pieces of it.
const NUMBERED_WORDS: u32 = 7;
const NUMBERED_GAP: u32 = 3;
/// Words in which a card is the subject, for expiries and codes.
const CARD_TALK_WORDS: u32 = 60;

/// A value that is being said.
struct Saying {
    reason: Reason,
    digits: usize,
    first: Option<char>,
    last: usize,
    whole: bool,
    /// The digits of its last chunk, and of the one before.
    piece: String,
    before: String,
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
            used: vec![false; marks.cues.len()],
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
            let Some((reason, why, cue)) = self.best(n, from, next) else { continue };
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
                self.used[cue] = true;
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

    /// The best bid for chunk `n` among the cues `from..next` before it.
    fn best(&mut self, n: usize, from: usize, next: usize) -> Option<(Option<Reason>, Why, Option<usize>)> {
        let chunk = &self.chunks[n];
        if self.is_numbered(chunk, next) {
            self.stays = Some(chunk.last);
            return Some((None, Why::default(), None));
        }
        if let Some(reason) = self.by_shape(chunk) {
            // A keyword close by may know better what it is.
            let named = (from..next).rev().find_map(|i| {
                let What::Secret { reason, strong: true, .. } = self.marks.cues[i].what else { return None };
                let near = self.distance(&self.marks.cues[i], chunk.first) <= self.window;
                (near && fit(reason, chunk) >= 0.5).then_some((reason, i))
            });
            return Some(match named {
                Some((reason, i)) => (Some(reason), self.why("keyword", i, chunk, 1.0), Some(i)),
                None => (Some(reason), Why { rule: "shape", ..Why::default() }, None),
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
        if let Some((score, reason, i)) = self.questions.bid(chunk, self.text, self.marks)
            && !self.used[i]
            && (reason != Reason::Expiry || self.is_cards_expiry(i, chunk))
        {
            bid(score, Some(reason), self.why("late answer", i, chunk, score), Some(i));
        }
        if let Some((score, reason, i)) = self.born_later(chunk, next) {
            bid(score, Some(reason), self.why("keyword after", i, chunk, score), None);
        }
        if let Some((score, reason, i)) = self.named_after(chunk, next) {
            bid(score, Some(reason), self.why("keyword after", i, chunk, score), None);
        }
        let (score, reason, why, cue) = best?;
        (score >= LEAST).then_some((reason, why, cue))
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
            if code < 0.5 || chunk.counted && code < 0.9 || self.is_about_else(i) {
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

    /// "your card was charged …": a weak keyword, and then what the turn is about.
    fn is_about_else(&self, i: usize) -> bool {
        let turn = |c: &Cue| self.text.tokens[c.last].turn;
        let cue = &self.marks.cues[i];
        let next = self.marks.cues.get(i + 1);
        self.text.speakers > 1
            && next.is_some_and(|c| {
                c.what == What::Harmless && turn(c) == turn(cue) && c.first - cue.last <= CHARGED_WORDS
            })
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
        let bare = words.take(BARE_QUESTION_WORDS + 1).count() <= BARE_QUESTION_WORDS;
        let answered = bare && asked && self.text.speakers > 1 && shape::is_expiry(chunk);
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

    /// A long number that was announced as an order's or a parcel's, and what goes on from it.
    fn is_numbered(&self, chunk: &Chunk, next: usize) -> bool {
        if dictation::is_card(&chunk.digits) || chunk.kind != Kind::Number {
            return false;
        }
        let last = self.marks.cues[..next].last();
        let announced = last.is_some_and(|cue| {
            let distance = self.distance(cue, chunk.first);
            let answer = self.text.tokens[chunk.first].turn - self.text.tokens[cue.last].turn;
            cue.names_number && distance <= NUMBERED_WORDS && answer <= u32::from(cue.asks)
        });
        announced
            || self.stays.is_some_and(|from| {
                last.is_none_or(|c| c.first <= from)
                    && self.text.words_between(from, chunk.first) <= NUMBERED_GAP
            })
    }

    fn harmless(&self, cue: &Cue, chunk: &Chunk, distance: u32) -> Option<f32> {
        let apart = self.text.tokens[cue.last].turn != self.text.tokens[chunk.first].turn && !cue.asks;
        let ended =
            (cue.last..chunk.first).any(|i| self.text.tokens[i].ends_sentence && !self.text.tokens[i].asks);
        // "hold it up to the light, one second": what was said meanwhile is another thing.
        let meanwhile = !cue.names_number && self.held[chunk.first] > self.held[cue.last + 1];
        if apart || ended || meanwhile || distance > 5 {
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
    fn is_echo(&self, saying: &Saying, chunk: &Chunk, words: u32) -> bool {
        let again = |piece: &str| piece.len() > chunk.len() && piece.ends_with(&chunk.digits);
        let (last, first) = (&self.text.tokens[saying.last], &self.text.tokens[chunk.first]);
        last.speaker != first.speaker
            && chunk.len() >= 2
            && !chunk.counted
            && words <= ECHO_WORDS
            && (again(&saying.piece) || again(&saying.before) || saying.piece == chunk.digits)
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
