//! A language's file as it is written: lists of words and phrases.

use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) language: String,
    pub(super) version: String,
    pub(super) votes: Vec<String>,
    pub(super) cues: BTreeMap<String, CueFile>,
    pub(super) not: NotFile,
    pub(super) spoken: Spoken,
    pub(super) numbers: Numbers,
    pub(super) dates: Dates,
    pub(super) email: Email,
    pub(super) address: Address,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CueFile {
    pub(super) strong: Vec<String>,
    pub(super) weak: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotFile {
    pub(super) phrases: Vec<String>,
    /// Before a code that nobody may choose: "it can't be".
    #[serde(default)]
    pub(super) forbids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spoken {
    pub(super) as_in: Vec<String>,
    #[serde(default)]
    pub(super) spelling: Vec<String>,
    #[serde(default)]
    pub(super) symbols: Vec<String>,
    #[serde(default)]
    pub(super) articles: Vec<String>,
    pub(super) lead: Vec<String>,
    pub(super) question: Vec<String>,
    pub(super) close: Vec<String>,
    pub(super) refuse: Vec<String>,
    #[serde(default)]
    pub(super) forgot: Vec<String>,
    pub(super) copula: Vec<String>,
    pub(super) request: Vec<String>,
    pub(super) purpose: Vec<String>,
    pub(super) possessive: String,
    #[serde(default)]
    pub(super) elisions: Vec<String>,
    pub(super) hold: Vec<String>,
    pub(super) filler: Vec<String>,
    pub(super) backchannel: Vec<String>,
    pub(super) backchannels: Vec<String>,
    pub(super) pieces: Vec<String>,
    pub(super) correction: Vec<String>,
    pub(super) corrections: Vec<String>,
    pub(super) service: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Numbers {
    pub(super) units: BTreeMap<String, u32>,
    pub(super) teens: BTreeMap<String, u32>,
    pub(super) tens: BTreeMap<String, u32>,
    #[serde(default)]
    pub(super) hundreds: BTreeMap<String, u32>,
    pub(super) scales: BTreeMap<String, u32>,
    pub(super) repeats: BTreeMap<String, u32>,
    pub(super) ordinals: BTreeMap<String, u32>,
    pub(super) ordinal_endings: Vec<String>,
    pub(super) and: Vec<String>,
    pub(super) homophones: BTreeMap<String, u32>,
    pub(super) common: Vec<String>,
    pub(super) letter_words: Vec<String>,
    pub(super) joints: Vec<String>,
    pub(super) keypad: Vec<String>,
    pub(super) pronoun_before: Vec<String>,
    pub(super) pronoun_after: Vec<String>,
    pub(super) pronouns: Vec<String>,
    pub(super) units_after: Vec<String>,
    pub(super) prices: Vec<String>,
    pub(super) before_quantity: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dates {
    pub(super) months: BTreeMap<String, u32>,
    pub(super) ambiguous: Vec<String>,
    pub(super) weekdays: Vec<String>,
    pub(super) inside: Vec<String>,
    #[serde(default)]
    pub(super) parts: Vec<String>,
    pub(super) edges: Vec<String>,
    pub(super) clock_endings: Vec<String>,
    pub(super) cards: Vec<String>,
    pub(super) expires: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Email {
    pub(super) at: Vec<String>,
    /// An "at" behind the letter "a": "a commercial".
    #[serde(default)]
    pub(super) at_behind_a: Vec<String>,
    pub(super) dot: Vec<String>,
    pub(super) joints: Vec<String>,
    pub(super) domains: Vec<String>,
    pub(super) providers: Vec<String>,
    pub(super) stop: Vec<String>,
    pub(super) keep_one: Vec<String>,
    #[serde(default)]
    pub(super) describe: Vec<String>,
    #[serde(default)]
    pub(super) asides: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Address {
    pub(super) streets: Vec<String>,
    pub(super) streets_weak: Vec<String>,
    pub(super) streets_first: Vec<String>,
    pub(super) units: Vec<String>,
    pub(super) boxes: Vec<String>,
    #[serde(default)]
    pub(super) ours: Vec<String>,
    #[serde(default)]
    pub(super) invites: Vec<String>,
    /// Who tells where a firm is.
    #[serde(default)]
    pub(super) we: Vec<String>,
    /// What is said of a firm's hours.
    #[serde(default)]
    pub(super) hours: Vec<String>,
    pub(super) regions: Vec<String>,
    pub(super) stop: Vec<String>,
    pub(super) named: Vec<String>,
    pub(super) parts: Vec<String>,
    pub(super) post_codes: Vec<String>,
    pub(super) numbered_roads: Vec<String>,
    pub(super) house_suffixes: Vec<String>,
    pub(super) place_in: Vec<String>,
    pub(super) region_links: Vec<String>,
    pub(super) links: Vec<String>,
    /// The house number may follow the street: "calle Mayor 15".
    pub(super) number_after: bool,
}
