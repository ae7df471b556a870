//! A transcript as the rules read it: each word looked up once.

use super::foreign::{self, Candidate, Foreign, Said};
use super::lexicon::{Entry, Lexicon, Numeral, class, normalise};
use crate::call::Word;
use std::ops::Range;

/// A listener's words between two letters that are spelled, at most.
const MAX_LISTENING: usize = 3;

/// Words of a turn that are looked at: where no speakers are told apart, a call is one turn.
pub const TURN_WORDS: usize = 60;

/// Words of a noise's name at most.
const NOISE_WORDS: usize = 4;

/// How a word that is written with digits is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// `4532`, `353-453`, `(555)`.
    Digits,
    /// `4th`.
    Ordinal,
    /// `$18.75`, `12.50`, `1,200`.
    Price,
    /// `3:30`, `3pm`.
    Time,
    Percent,
    /// `09/27`, `3/14/1982`.
    Slashed,
    /// Letters and digits: `4b`, `K1A`.
    Mixed,
}

/// One word.
#[derive(Clone, Debug)]
pub struct Token {
    pub word: u32,
    pub stem: u32,
    pub classes: u64,
    pub numeral: Option<Numeral>,
    pub value: u32,
    pub written: Option<Written>,
    /// Its digits, in [`Text::digits`].
    digits: Range<u32>,
    /// The parts of a spoken compound ("forty-five"), in [`Text::parts`].
    parts: Range<u32>,
    /// One letter by itself, or a letter's name.
    pub letter: bool,
    /// "as in boy" after a letter.
    pub nato: bool,
    /// A letter that is spelled for sure: "b as in boy", or its word, "bravo".
    pub spells: bool,
    pub capital: bool,
    /// It ends as "father's" does.
    pub possessive: bool,
    /// Two words or more say it (ends a sentence here: `.`, `?`, `!`).
    pub ends_sentence: bool,
    pub asks: bool,
    pub comma: bool,
    pub currency: bool,
    /// Who says it, numbered; all the same where the engine does not tell.
    pub speaker: u16,
    /// Which turn: consecutive words of one speaker.
    pub turn: u32,
    pub start_s: f64,
    pub end_s: f64,
    /// Words before it that count in a window: no fillers, no numbers.
    pub counted: u32,
}

impl Token {
    pub fn is(&self, classes: u64) -> bool {
        self.classes & classes != 0
    }

    /// A sound that says nothing.
    pub fn is_filler(&self) -> bool {
        self.is(class::FILLER | class::BACKCHANNEL)
    }

    pub fn is_digits(&self) -> bool {
        matches!(self.written, Some(Written::Digits | Written::Slashed))
    }
}

/// All words of a transcript.
pub struct Text<'a> {
    pub words: &'a [Word],
    pub tokens: Vec<Token>,
    digits: String,
    parts: Vec<Numeral>,
    pub speakers: usize,
}

impl<'a> Text<'a> {
    pub fn new(words: &'a [Word], lexicon: &Lexicon, foreign: &Foreign) -> Text<'a> {
        let mut text = Text {
            words,
            tokens: Vec::with_capacity(words.len()),
            digits: String::new(),
            parts: Vec::new(),
            speakers: 0,
        };
        let mut names: Vec<&str> = Vec::new();
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut turn = 0;
        for word in words {
            let name = word.speaker.as_deref().unwrap_or("");
            let speaker = names.iter().position(|n| *n == name).unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            }) as u16;
            if text.tokens.last().is_some_and(|t| t.speaker != speaker) {
                turn += 1;
            }
            let mut token = text.token(word, lexicon, foreign);
            (token.speaker, token.turn) = (speaker, turn);
            candidates.extend(text.candidate(word, &token, foreign));
            text.tokens.push(token);
        }
        text.speakers = names.len();
        text.mark_noises();
        text.mark_at();
        text.take_foreign(&candidates);
        text.count();
        text.mark_nato();
        text.mark_spelling();
        text
    }

    /// "[cough]", "(background noise)", "*laughs*": what an engine heard beside the words.
    fn mark_noises(&mut self) {
        let mut at = 0;
        while at < self.words.len() {
            let text = self.words[at].text.trim();
            let close = match text.chars().next() {
                Some('[') => ']',
                Some('(') => ')',
                Some('*') => '*',
                Some('<') => '>',
                _ => {
                    at += 1;
                    continue;
                }
            };
            let worded = |i: usize| self.words[i].text.chars().all(|c| !c.is_ascii_digit());
            let reach = at..self.words.len().min(at + NOISE_WORDS);
            let ends = |i: &usize| {
                let word = self.words[*i].text.trim().trim_end_matches(['.', ',']);
                word.ends_with(close) && (*i > at || word.chars().count() > 1)
            };
            let last = reach.clone().take_while(|i| worded(*i)).find(ends);
            if let Some(last) = last {
                for token in &mut self.tokens[at..=last] {
                    *token = Token {
                        classes: class::FILLER,
                        word: 0,
                        stem: 0,
                        numeral: None,
                        letter: false,
                        ..token.clone()
                    };
                }
            }
            at = last.unwrap_or(at) + 1;
        }
    }

    /// "a commercial": the sign of an e-mail address in two words.
    fn mark_at(&mut self) {
        for i in 1..self.tokens.len() {
            let (a, sign) = (&self.tokens[i - 1], &self.tokens[i]);
            if sign.is(class::AT_BEHIND_A) && a.letter && a.is(class::LETTER_WORD) && a.turn == sign.turn {
                self.tokens[i].classes |= class::AT;
                self.tokens[i - 1].classes = class::FILLER;
                self.tokens[i - 1].letter = false;
            }
        }
    }

    /// A number, or a word that may be one in another language.
    fn candidate(&self, word: &Word, token: &Token, foreign: &Foreign) -> Option<Candidate> {
        let at = self.tokens.len();
        let number = |n: Option<Numeral>| n.is_some_and(|n| !matches!(n, Numeral::Ordinal(_)));
        if token.written.is_some() || number(token.numeral) {
            return Some(Candidate { at, said: None, known: true });
        }
        if token.is(class::AND | class::NUMBER_JOINT) || token.numeral.is_some() {
            return None;
        }
        let said = Some(foreign.said(&normalise(word.text.trim()))?);
        Some(Candidate { at, said, known: token.classes & !class::STARTS_PHRASE != 0 || token.word != 0 })
    }

    /// Numbers of another language become numbers.
    fn take_foreign(&mut self, candidates: &[Candidate]) {
        let taken = foreign::accepted(
            candidates,
            |at| {
                let token = &self.tokens[at];
                // "J one H comme hotel four K": a postcode's letters part no numbers.
                let letter = token.letter && !token.is(class::LETTER_WORD);
                letter
                    || token.is_filler()
                    || token.is(class::NUMBER_JOINT | class::AND | class::SPELLING | class::AS_IN)
            },
            |at| self.tokens[at].speaker,
        );
        for candidate in taken {
            let token = &mut self.tokens[candidate.at];
            token.letter = false;
            match candidate.said.map(|s| s.said) {
                Some(Said::Number(numeral)) => {
                    token.numeral = Some(numeral);
                    token.classes &= !(class::MONTH
                        | class::PRONOUN
                        | class::UNIT_AFTER
                        | class::FILLER
                        | class::BACKCHANNEL);
                }
                Some(Said::Month(month)) => {
                    token.classes |= class::MONTH;
                    token.value = month;
                }
                Some(Said::And) => token.classes |= class::AND,
                Some(Said::Joint) => token.classes |= class::NUMBER_JOINT | class::DATE_INSIDE,
                None => {}
            }
        }
    }

    /// How many words before each count in a window.
    fn count(&mut self) {
        let mut counted = 0;
        for token in &mut self.tokens {
            token.counted = counted;
            let silent = token.is_filler() || token.written.is_some() || token.numeral.is_some();
            counted += u32::from(!silent);
        }
    }

    fn token(&mut self, word: &Word, lexicon: &Lexicon, foreign: &Foreign) -> Token {
        let raw = word.text.trim();
        let plain = normalise(raw);
        let plain = plain.as_ref();
        // "card's", "l'iban": in no phrase by itself, as the word without is.
        let stripped = || lexicon.without_possessive(plain).or_else(|| lexicon.without_elision(plain));
        let mut entry = lexicon.entry_of(plain).copied().unwrap_or_default();
        if entry.id == 0
            && let Some(bare) = stripped().and_then(|word| lexicon.entry_of(word))
        {
            let classes = if entry.classes == 0 { bare.classes } else { entry.classes };
            let starts = bare.classes & class::STARTS_PHRASE;
            entry = Entry { id: bare.id, classes: classes | starts, ..*bare };
        }
        let tail = raw.trim_end_matches(['"', '\'', ')', '”']);
        let (from, parts_from) = (self.digits.len() as u32, self.parts.len() as u32);
        let (mut written, mut numeral) = (None, entry.numeral);
        if plain.bytes().any(|b| b.is_ascii_digit()) {
            written = written_as(plain, lexicon);
            self.digits.extend(plain.chars().filter(char::is_ascii_digit));
        } else if numeral.is_none() && plain.contains('-') {
            numeral = self.compound(plain, lexicon, foreign);
        }
        let mut letters = plain.chars();
        let single = letters.next().is_some_and(char::is_alphabetic)
            && letters.next().is_none_or(|c| c == '.' && letters.next().is_none());
        Token {
            word: entry.id,
            stem: lexicon.phrases.stem_of(plain),
            classes: entry.classes,
            numeral,
            value: entry.value,
            written,
            digits: from..self.digits.len() as u32,
            parts: parts_from..self.parts.len() as u32,
            letter: single,
            nato: false,
            spells: false,
            possessive: lexicon.without_possessive(plain).is_some(),
            capital: raw.chars().find(|c| c.is_alphanumeric()).is_some_and(char::is_uppercase),
            ends_sentence: tail.ends_with(['.', '?', '!']),
            asks: tail.ends_with('?'),
            comma: tail.ends_with(','),
            currency: raw.starts_with(['$', '€', '£']) || raw.ends_with(['€', '$', '£']),
            speaker: 0,
            turn: 0,
            start_s: word.start_s,
            end_s: word.end_s,
            counted: 0,
        }
    }

    /// "forty-five", "twenty-first", "quatre-vingt-dix": all its parts say numbers.
    fn compound(&mut self, plain: &str, lexicon: &Lexicon, foreign: &Foreign) -> Option<Numeral> {
        let from = self.parts.len();
        for part in plain.split('-') {
            let own = lexicon.entry_of(part).and_then(|e| e.numeral).map(Said::Number);
            match own.or_else(|| foreign.said(part).map(|s| s.said)) {
                Some(Said::Number(numeral)) => self.parts.push(numeral),
                Some(Said::And) => {}
                _ => {
                    self.parts.truncate(from);
                    return None;
                }
            }
        }
        self.parts.get(from).copied()
    }

    /// "b as in boy", "m for mother": the words after the letter spell it again.
    fn mark_nato(&mut self) {
        for i in 0..self.tokens.len().saturating_sub(2) {
            if !self.tokens[i].letter || !self.tokens[i + 1].is(class::AS_IN) {
                continue;
            }
            let two = self.tokens[i + 2].is(class::AS_IN);
            let word = if two { i + 3 } else { i + 2 };
            if word >= self.tokens.len() || self.tokens[word].turn != self.tokens[i].turn {
                continue;
            }
            let same = self.plain(word).chars().next() == self.plain(i).chars().next();
            if two || same {
                // "I like ice" spells nothing, "t, i like ice" does.
                let beside = |k: usize| self.tokens.get(k).is_some_and(|t| t.letter || t.nato);
                let sure = two
                    || !self.tokens[i].is(class::LETTER_WORD)
                    || i > 0 && beside(i - 1)
                    || beside(word + 1);
                self.tokens[i].spells = sure;
                self.tokens[i + 1..=word].iter_mut().for_each(|t| t.nato = true);
            }
        }
    }

    /// "sierra hotel alpha": words that stand for letters, two side by side, or
    /// one beside a letter. A listener's word between them parts nothing.
    fn mark_spelling(&mut self) {
        let mut before: Option<usize> = None;
        for i in 0..self.tokens.len() {
            let token = &self.tokens[i];
            let word = token.is(class::SPELLING) && !token.nato;
            if word || token.letter && !token.is(class::LETTER_WORD) {
                if let Some(b) = before.filter(|b| i - b <= MAX_LISTENING + 1) {
                    for k in [b, i] {
                        if self.tokens[k].is(class::SPELLING) {
                            (self.tokens[k].letter, self.tokens[k].spells) = (true, true);
                        }
                    }
                }
                before = Some(i);
            } else if !(token.is_filler() || token.nato) {
                before = None;
            }
        }
    }

    /// The digits that are written in a word.
    pub fn digits(&self, at: usize) -> &str {
        let range = &self.tokens[at].digits;
        &self.digits[range.start as usize..range.end as usize]
    }

    /// What a word says as numbers: itself, or the parts of a compound.
    pub fn numerals(&self, at: usize) -> impl Iterator<Item = Numeral> + '_ {
        let token = &self.tokens[at];
        let parts = &self.parts[token.parts.start as usize..token.parts.end as usize];
        let own = token.numeral.filter(|_| parts.is_empty());
        parts.iter().copied().chain(own)
    }

    pub fn plain(&self, at: usize) -> std::borrow::Cow<'a, str> {
        normalise(self.words[at].text.trim())
    }

    /// Words in it.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Words from `a` on and before `b` that count in a window; 0 when `b` comes first.
    pub fn words_between(&self, a: usize, b: usize) -> u32 {
        self.tokens[b].counted.saturating_sub(self.tokens[a].counted)
    }

    /// Seconds of silence before a word; 0 where times are absurd.
    pub fn pause_s(&self, at: usize) -> f64 {
        let Some(before) = at.checked_sub(1) else { return 0.0 };
        let pause = self.tokens[at].start_s - self.tokens[before].end_s;
        if pause.is_finite() { pause.max(0.0) } else { 0.0 }
    }
}

fn written_as(plain: &str, lexicon: &Lexicon) -> Option<Written> {
    let body = plain.trim_start_matches(['$', '€', '£', '#', '+']);
    let body = NUMBER_SIGNS.iter().find_map(|s| body.strip_prefix(s)).unwrap_or(body);
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if body.len() < plain.len() && plain.starts_with(['$', '€', '£']) || plain.ends_with(['€', '£', '$'])
    {
        return Some(Written::Price);
    }
    if plain.ends_with('%') {
        return Some(Written::Percent);
    }
    if digits(body) {
        return Some(Written::Digits);
    }
    if lexicon.ordinal_endings.iter().any(|e| body.strip_suffix(e.as_str()).is_some_and(digits)) {
        return Some(Written::Ordinal);
    }
    if is_time(body, lexicon) {
        return Some(Written::Time);
    }
    if let Some(written) = parted(body) {
        return Some(written);
    }
    let joined = |c: char| c.is_ascii_digit() || "-./()+*x:'".contains(c);
    if body.chars().all(joined) {
        return Some(Written::Digits);
    }
    Some(Written::Mixed)
}

/// Before a number that is called one: "№4532".
const NUMBER_SIGNS: [&str; 3] = ["no.", "no", "n°"];

/// `3:30`, `12h28`, `3pm`: an hour and a minute that can be.
fn is_time(body: &str, lexicon: &Lexicon) -> bool {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let clock = lexicon.clock_endings.iter().find_map(|e| body.strip_suffix(e.as_str()));
    if clock.is_some_and(digits) {
        return true;
    }
    let Some((hour, rest)) = body.split_once([':', 'h']) else { return false };
    let (minute, rest) = rest.split_at(rest.bytes().take(2).take_while(u8::is_ascii_digit).count());
    let below = |s: &str, limit: u32| s.len() <= 2 && s.parse::<u32>().is_ok_and(|n| n < limit);
    below(hour, 25)
        && below(minute, 60)
        && minute.len() == 2
        && !rest.starts_with(|c: char| c.is_ascii_digit())
}

/// Digits in parts: money, counts, fractions and dates, or digits after all.
fn parted(body: &str) -> Option<Written> {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    // 12.50, 12,50: money or a measure; 1,200 and 1'200 a count.
    if let Some((a, b)) = body.split_once(['.', ',', '\''])
        && digits(a)
        && digits(b)
        && (b.len() <= 2 || body.contains([',', '\'']) && b.len() == 3 && a.len() <= 3)
    {
        return Some(Written::Price);
    }
    // 3,412.09 and 3.412,09: money.
    if let Some((whole, cents)) = body.rsplit_once(['.', ','])
        && digits(cents)
        && cents.len() <= 2
        && let Some((first, rest)) = whole.split_once([',', '.', '\''])
        && digits(first)
        && rest.split([',', '.', '\'']).all(|g| digits(g) && g.len() == 3)
    {
        return Some(Written::Price);
    }
    if body.strip_suffix('°').is_some_and(digits) {
        return Some(Written::Price);
    }
    if body.contains('/') && body.split('/').all(digits) {
        // "4532/0151/1283" is no date.
        let long = body.split('/').any(|g| g.len() == 3 || g.len() > 4);
        let many = body.split('/').count() > 3 || body.split('/').filter(|g| g.len() == 4).count() > 1;
        return Some(if long || many { Written::Digits } else { Written::Slashed });
    }
    // "4,1,1,7,…": digits with commas; "1,200,000" is a count.
    if body.matches(',').count() >= 2 && body.split(',').all(digits) {
        let counts = body.split(',').skip(1).all(|g| g.len() == 3);
        return Some(if counts { Written::Price } else { Written::Digits });
    }
    None
}
