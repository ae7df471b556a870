//! A language as data: `lexicon/*.toml`, compiled into one table of words and
//! one tree of phrases. A fourth language is a file: named in the settings, or
//! compiled in by a line in [`FILES`].

mod file;

use super::phrases::Phrases;
use crate::call::Reason;
use file::{Address, Dates, Email, File, Numbers, Spoken};
use foldhash::fast::RandomState;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Every language that is compiled in: its ISO 639-1 code and its file.
pub const FILES: &[(&str, &str)] = &[
    ("en", include_str!("lexicon/en.toml")),
    ("es", include_str!("lexicon/es.toml")),
    ("fr", include_str!("lexicon/fr.toml")),
];

/// A lexicon file that does not parse, or a phrase in the settings that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum LexiconError {
    #[error("the lexicon is broken: {0}")]
    File(#[from] Box<toml::de::Error>),
    #[error("there is no lexicon for {language:?}; there are: {known}")]
    Language { language: String, known: String },
    #[error("{0:?} is no phrase: words, (a|b) for one of several, a trailing * for any ending")]
    Phrase(String),
}

/// What a word can be: one bit each.
pub mod class {
    macro_rules! classes {
        ($($name:ident)*) => { classes!(@ 0u32; $($name)*); };
        (@ $n:expr; $name:ident $($rest:ident)*) => {
            pub const $name: u64 = 1 << ($n);
            classes!(@ $n + 1; $($rest)*);
        };
        (@ $n:expr;) => {};
    }
    classes! {
        KEYPAD AS_IN QUESTION LEAD CLOSE REFUSE COPULA REQUEST FILLER BACKCHANNEL CORRECTION SERVICE
        AND HOMOPHONE NUMBER_JOINT PRONOUN_BEFORE PRONOUN_AFTER PRONOUN UNIT_AFTER PRICE BEFORE_QUANTITY
        MONTH MONTH_AMBIGUOUS WEEKDAY DATE_INSIDE
        AT DOT MAIL_JOINT DOMAIN PROVIDER MAIL_STOP MAIL_KEEP
        STREET STREET_WEAK STREET_FIRST UNIT REGION ADDRESS_STOP NAMED
        PLACE_PART POST_CODE NUMBERED_ROAD HOUSE_SUFFIX PLACE_IN WE REGION_LINK PLACE_LINK
        PURPOSE LETTER_WORD CARD EXPIRES SPELLING SYMBOL DATE_PART MAIL_WORD ARTICLE FORGOT MAIL_ASIDE
        AT_BEHIND_A DATE_EDGE COMMON VOTE STARTS_PHRASE KNOWN
    }
}

/// A word that says a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numeral {
    Unit(u32),
    Teen(u32),
    Ten(u32),
    Hundred(u32),
    Scale(u32),
    /// The next digit this many times.
    Repeat(u32),
    Ordinal(u32),
}

/// What the lexicon knows of a word.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entry {
    /// 0 for a word that is in no phrase.
    pub id: u32,
    pub classes: u64,
    pub numeral: Option<Numeral>,
    /// The digit that a homophone stands for; the number of a month.
    pub value: u32,
}

/// What a phrase means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Announces a secret; `strong` for any number that fits, else for what reads like a code.
    Cue {
        reason: Reason,
        strong: bool,
        /// "card ending in": what may be kept by a setting.
        last_four: bool,
        /// The answer to a security question, which counts only where it is asked.
        worded: bool,
    },
    /// Numbers after it are none.
    Stay,
    /// The same, and a long number may be it: "tracking number".
    Numbered,
    /// A cue inside it is none.
    Not,
    Hold,
    Backchannel,
    Correction,
    /// "next four": a piece of a card number is asked for.
    Piece,
    /// "our office": whose address follows; "come in anytime": whose went before.
    Ours,
    Invites,
    /// "are you open": a firm's hours.
    Hours,
    /// "it can't be": a code that nobody may choose follows.
    Forbids,
    /// A post office box, a region of two words.
    PostBox,
    Region,
}

/// A language's words and phrases.
#[derive(Clone, Debug)]
pub struct Lexicon {
    pub language: String,
    pub version: String,
    words: HashMap<Box<str>, Entry, RandomState>,
    pub phrases: Phrases,
    pub ordinal_endings: Vec<String>,
    /// Behind the digits of a time: "3pm".
    pub clock_endings: Vec<String>,
    /// Behind a word that is in the lexicon without it: "card's". May be empty.
    pub possessive: String,
    /// Before a word that begins with a vowel: "l'iban". May be empty.
    pub elisions: Vec<String>,
    pub number_after: bool,
}

impl Lexicon {
    /// Every language that is compiled in.
    ///
    /// # Errors
    /// When a file of ours is broken; a test holds that none is.
    pub fn compiled_in() -> Result<Vec<Lexicon>, LexiconError> {
        FILES.iter().map(|(_, text)| Self::parse(text)).collect()
    }

    /// A language's file; its format is that of `lexicon/en.toml`.
    ///
    /// # Errors
    /// When a list is missing or unknown, or a phrase is none.
    pub fn parse(text: &str) -> Result<Lexicon, LexiconError> {
        let file: File = toml::from_str(text).map_err(Box::new)?;
        let mut lexicon = Lexicon {
            language: file.language,
            version: file.version,
            words: HashMap::default(),
            phrases: Phrases::default(),
            ordinal_endings: file.numbers.ordinal_endings.clone(),
            clock_endings: file.dates.clock_endings.clone(),
            possessive: file.spoken.possessive.clone(),
            elisions: file.spoken.elisions.clone(),
            number_after: file.address.number_after,
        };
        lexicon.classes(&file.votes, &file.spoken, &file.numbers, &file.dates, &file.email, &file.address);
        lexicon.numerals(&file.numbers, &file.dates);
        for (name, cues) in &file.cues {
            for (phrases, strong) in [(&cues.strong, true), (&cues.weak, false)] {
                let mark = match (Reason::parse(name), name.as_str()) {
                    (Some(reason), _) => Mark::Cue { reason, strong, last_four: false, worded: false },
                    (None, "last_four") => {
                        Mark::Cue { reason: Reason::CardNumber, strong, last_four: true, worded: false }
                    }
                    (None, "security") => {
                        Mark::Cue { reason: Reason::Password, strong, last_four: false, worded: true }
                    }
                    (None, "numbered") => Mark::Numbered,
                    (None, _) => Mark::Stay,
                };
                lexicon.phrases(phrases, mark)?;
            }
        }
        for (phrases, mark) in [
            (&file.not.phrases, Mark::Not),
            (&file.spoken.hold, Mark::Hold),
            (&file.spoken.pieces, Mark::Piece),
            (&file.spoken.backchannels, Mark::Backchannel),
            (&file.spoken.corrections, Mark::Correction),
            (&file.address.boxes, Mark::PostBox),
            (&file.address.ours, Mark::Ours),
            (&file.address.invites, Mark::Invites),
            (&file.address.hours, Mark::Hours),
            (&file.not.forbids, Mark::Forbids),
        ] {
            lexicon.phrases(phrases, mark)?;
        }
        let regions: Vec<String> = file.address.regions.into_iter().filter(|r| r.contains(' ')).collect();
        lexicon.phrases(&regions, Mark::Region)?;
        Ok(lexicon)
    }

    fn classes(
        &mut self,
        votes: &[String],
        spoken: &Spoken,
        numbers: &Numbers,
        dates: &Dates,
        email: &Email,
        address: &Address,
    ) {
        use class::*;
        let lists: &[(&[String], u64)] = &[
            (votes, VOTE),
            (&spoken.as_in, AS_IN),
            (&spoken.spelling, SPELLING),
            (&spoken.symbols, SYMBOL),
            (&spoken.articles, ARTICLE),
            (&spoken.question, QUESTION),
            (&spoken.lead, LEAD),
            (&spoken.close, CLOSE),
            (&spoken.refuse, REFUSE),
            (&spoken.forgot, FORGOT),
            (&spoken.copula, COPULA),
            (&spoken.request, REQUEST),
            (&spoken.purpose, PURPOSE),
            (&spoken.filler, FILLER),
            (&spoken.backchannel, BACKCHANNEL),
            (&spoken.correction, CORRECTION),
            (&spoken.service, SERVICE),
            (&numbers.and, AND),
            (&numbers.joints, NUMBER_JOINT),
            (&numbers.keypad, KEYPAD),
            (&numbers.common, COMMON),
            (&numbers.letter_words, LETTER_WORD),
            (&numbers.pronoun_before, PRONOUN_BEFORE),
            (&numbers.pronoun_after, PRONOUN_AFTER),
            (&numbers.pronouns, PRONOUN),
            (&numbers.units_after, UNIT_AFTER),
            (&numbers.prices, PRICE),
            (&numbers.before_quantity, BEFORE_QUANTITY),
            (&dates.ambiguous, MONTH_AMBIGUOUS),
            (&dates.weekdays, WEEKDAY),
            (&dates.inside, DATE_INSIDE),
            (&dates.parts, DATE_PART),
            (&dates.edges, DATE_EDGE),
            (&dates.cards, CARD),
            (&dates.expires, EXPIRES),
            (&email.at, AT),
            (&email.at_behind_a, AT_BEHIND_A),
            (&email.dot, DOT),
            (&email.joints, MAIL_JOINT),
            (&email.domains, DOMAIN),
            (&email.providers, PROVIDER),
            (&email.stop, MAIL_STOP),
            (&email.keep_one, MAIL_KEEP),
            (&email.describe, MAIL_WORD),
            (&email.asides, MAIL_ASIDE),
            (&address.streets, STREET),
            (&address.streets_weak, STREET_WEAK),
            (&address.streets_first, STREET_FIRST),
            (&address.units, UNIT),
            (&address.regions, REGION),
            (&address.stop, ADDRESS_STOP),
            (&address.named, NAMED),
            (&address.parts, PLACE_PART),
            (&address.post_codes, POST_CODE),
            (&address.numbered_roads, NUMBERED_ROAD),
            (&address.house_suffixes, HOUSE_SUFFIX),
            (&address.place_in, PLACE_IN),
            (&address.we, WE),
            (&address.region_links, REGION_LINK),
            (&address.links, PLACE_LINK),
        ];
        for (list, class) in lists {
            for word in list.iter().filter(|w| !w.contains(' ')) {
                self.entry(word).classes |= class;
            }
        }
    }

    fn numerals(&mut self, numbers: &Numbers, dates: &Dates) {
        type Kind<'a> = (&'a BTreeMap<String, u32>, fn(u32) -> Numeral);
        let kinds: [Kind; 7] = [
            (&numbers.units, Numeral::Unit),
            (&numbers.teens, Numeral::Teen),
            (&numbers.tens, Numeral::Ten),
            (&numbers.hundreds, Numeral::Hundred),
            (&numbers.scales, Numeral::Scale),
            (&numbers.repeats, Numeral::Repeat),
            (&numbers.ordinals, Numeral::Ordinal),
        ];
        for (list, kind) in kinds {
            for (word, value) in list {
                self.entry(word).numeral = Some(kind(*value));
            }
        }
        for (word, value) in &numbers.homophones {
            let entry = self.entry(word);
            entry.classes |= class::HOMOPHONE;
            entry.value = *value;
        }
        for (word, value) in &dates.months {
            let entry = self.entry(word);
            entry.classes |= class::MONTH;
            entry.value = *value;
        }
    }

    fn phrases(&mut self, phrases: &[String], mark: Mark) -> Result<(), LexiconError> {
        phrases.iter().try_for_each(|phrase| self.add_phrase(phrase, mark))
    }

    /// Adds a phrase: words in order, `(a|b)` for one of several, `(a|)` for
    /// one or none, a trailing `*` for any ending, `*` alone for any word.
    ///
    /// # Errors
    /// [`LexiconError::Phrase`] when it has no words or an open bracket.
    pub fn add_phrase(&mut self, phrase: &str, mark: Mark) -> Result<(), LexiconError> {
        let ways = Phrases::ways(phrase).ok_or_else(|| LexiconError::Phrase(phrase.to_owned()))?;
        for way in ways {
            let mut steps = Vec::with_capacity(way.len());
            for word in &way {
                steps.push(match word.as_str() {
                    "*" => Phrases::ANY,
                    stem if stem.ends_with('*') => self.phrases.stem(&fold(stem.trim_end_matches('*'))),
                    whole => self.id(whole),
                });
            }
            if let Some(whole) = way.first().filter(|w| !w.ends_with('*')) {
                self.entry(&whole.clone()).classes |= class::STARTS_PHRASE;
            }
            self.phrases.add(&steps, mark);
        }
        Ok(())
    }

    /// A keyword of the operator's own.
    ///
    /// # Errors
    /// As [`Lexicon::add_phrase`].
    pub fn add_keyword(&mut self, phrase: &str, reason: Reason) -> Result<(), LexiconError> {
        self.add_phrase(phrase, Mark::Cue { reason, strong: true, last_four: false, worded: false })
    }

    fn entry(&mut self, word: &str) -> &mut Entry {
        self.words.entry(fold(word).into()).or_default()
    }

    fn id(&mut self, word: &str) -> u32 {
        let next = self.phrases.next_id();
        let entry = self.entry(word);
        if entry.id == 0 {
            entry.id = next;
            self.phrases.took(next);
        }
        self.entry(word).id
    }

    /// Every word that is known, and what of it.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.words.iter().map(|(word, entry)| (&**word, entry))
    }

    /// What is known of a word that [`normalise`] made.
    pub fn entry_of(&self, plain: &str) -> Option<&Entry> {
        self.words.get(plain)
    }

    /// The word behind an elided article: "iban" of "l'iban".
    pub fn without_elision<'w>(&self, plain: &'w str) -> Option<&'w str> {
        self.elisions.iter().find_map(|e| plain.strip_prefix(e.as_str())).filter(|rest| !rest.is_empty())
    }

    /// The word before a possessive ending, where it has one.
    pub fn without_possessive<'w>(&self, plain: &'w str) -> Option<&'w str> {
        plain.strip_suffix(self.possessive.as_str()).filter(|rest| rest.len() < plain.len())
    }
}

/// A word as the lexicon has it: lower case, without accents and without
/// punctuation around it.
pub fn normalise(word: &str) -> Cow<'_, str> {
    let trimmed =
        word.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '@' | '$' | '#' | '€' | '£' | '%'));
    let plain = |b: u8| b.is_ascii() && !b.is_ascii_uppercase();
    if trimmed.bytes().all(plain) { Cow::Borrowed(trimmed) } else { Cow::Owned(fold(trimmed)) }
}

/// Lower case without accents: engines write them as they please.
fn fold(word: &str) -> String {
    let plain = |c: char| match c {
        '’' | '‘' => '\'',
        '‑' | '‐' | '–' | '—' => '-',
        '⁄' | '∕' => '/',
        other => other,
    };
    let letters = word.nfkd().filter(|c| !is_combining_mark(*c));
    letters.flat_map(char::to_lowercase).map(plain).collect()
}
