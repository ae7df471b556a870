//! A language as data: `lexicon/*.toml`.

use crate::call::Reason;
use serde::Deserialize;
use std::collections::{BTreeMap, HashSet};

/// The lexicon file that is compiled in does not parse.
#[derive(Debug, thiserror::Error)]
#[error("the lexicon is broken: {0}")]
pub struct LexiconError(#[from] toml::de::Error);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "language")]
    _language: String,
    version: String,
    keywords: BTreeMap<Reason, Vec<String>>,
    not: Not,
    numbers: Numbers,
    words: Words,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Not {
    phrases: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Numbers {
    pub units: HashSet<String>,
    pub teens: HashSet<String>,
    pub tens: HashSet<String>,
    pub scales: HashSet<String>,
    pub repeats: HashSet<String>,
    pub ordinals: HashSet<String>,
    pub homophones: HashSet<String>,
    pub pronouns: HashSet<String>,
    pub units_after: HashSet<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    pub months: HashSet<String>,
    pub fillers: HashSet<String>,
    pub links: HashSet<String>,
    pub streets: HashSet<String>,
    pub domains: HashSet<String>,
    pub at: HashSet<String>,
    pub dot: HashSet<String>,
    pub mail_parts: HashSet<String>,
}

/// One word of a phrase.
#[derive(Clone, Debug)]
pub enum Pattern {
    Exact(String),
    Prefix(String),
}

impl Pattern {
    pub fn matches(&self, word: &str) -> bool {
        match self {
            Pattern::Exact(p) => p == word,
            Pattern::Prefix(p) => word.starts_with(p.as_str()),
        }
    }
}

/// A language's phrases and word classes.
#[derive(Clone, Debug)]
pub struct Lexicon {
    pub version: String,
    pub keywords: Vec<(Reason, Vec<Pattern>)>,
    pub not: Vec<Vec<Pattern>>,
    pub numbers: Numbers,
    pub words: Words,
}

impl Lexicon {
    /// English.
    ///
    /// # Errors
    /// When the compiled-in file is broken.
    pub fn english() -> Result<Lexicon, LexiconError> {
        Self::parse(include_str!("lexicon/en.toml"))
    }

    fn parse(text: &str) -> Result<Lexicon, LexiconError> {
        let file: File = toml::from_str(text)?;
        let mut keywords: Vec<(Reason, Vec<Pattern>)> = file
            .keywords
            .into_iter()
            .flat_map(|(reason, phrases)| phrases.into_iter().map(move |p| (reason, patterns(&p))))
            .collect();
        // Longest first: "exp date" before "exp".
        keywords.sort_by_key(|(_, p)| std::cmp::Reverse(p.len()));
        Ok(Lexicon {
            version: file.version,
            keywords,
            not: file.not.phrases.iter().map(|p| patterns(p)).collect(),
            numbers: file.numbers,
            words: file.words,
        })
    }

    /// Said between the parts of a value, or while listening; not counted in a window.
    pub fn is_filler(&self, plain: &str) -> bool {
        self.words.fillers.contains(plain)
    }
}

fn patterns(phrase: &str) -> Vec<Pattern> {
    let one = |w: &str| match w.strip_suffix('*') {
        Some(prefix) => Pattern::Prefix(prefix.to_owned()),
        None => Pattern::Exact(w.to_owned()),
    };
    phrase.split_whitespace().map(one).collect()
}

/// A word as the lexicon has it: lower case, without punctuation around it.
pub fn normalise(word: &str) -> String {
    let trimmed = word.trim().trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '@' | '$'));
    trimmed.replace('’', "'").to_lowercase()
}
