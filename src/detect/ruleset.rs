//! What counts as a secret, and how much silence goes around it.

use super::entities::Entities;
use super::foreign::Foreign;
use super::lexicon::{Lexicon, LexiconError};
use super::own::{Own, OwnError};
use crate::call::{Reason, TenantId};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use unsaid_dsp::dtmf::Policy;

/// What an operator can choose; see `[redact]` in unsaid.default.toml.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Which reasons are silenced.
    pub categories: Vec<Reason>,
    /// ISO 639-1, for transcripts that do not say theirs.
    pub language: Option<String>,
    /// Phrases after which numbers go, by reason.
    pub keywords: BTreeMap<Reason, Vec<String>>,
    /// Regular expressions over the words, lower case, joined by spaces.
    pub patterns: BTreeMap<Reason, Vec<String>>,
    /// Regular expressions of what stays.
    pub allow: Vec<String>,
    /// The last four digits of a card, where they are called so, stay.
    pub keep_last_four: bool,
    /// `[REDACTED:card_number]` for `[REDACTED]`.
    pub label: bool,
    /// Whether the network that is compiled in reads the words beside the rules.
    pub network: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            categories: Reason::ALL
                .into_iter()
                .filter(|r| !matches!(r, Reason::Phone | Reason::Name))
                .collect(),
            language: None,
            keywords: BTreeMap::new(),
            patterns: BTreeMap::new(),
            allow: Vec::new(),
            keep_last_four: false,
            label: false,
            network: true,
        }
    }
}

/// A setting of the rules that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error(transparent)]
    Lexicon(#[from] LexiconError),
    #[error(transparent)]
    Own(#[from] OwnError),
}

/// Every tenant's rules: its own, or those of all.
#[derive(Clone, Debug)]
pub struct Rulesets {
    pub of_all: Arc<Ruleset>,
    pub own: HashMap<TenantId, Arc<Ruleset>>,
}

impl Rulesets {
    pub fn of(&self, tenant: &TenantId) -> &Arc<Ruleset> {
        self.own.get(tenant).unwrap_or(&self.of_all)
    }
}

/// The rules of one tenant, compiled.
#[derive(Clone, Debug)]
pub struct Ruleset {
    pub lexicons: Vec<Lexicon>,
    /// The numbers of all of them, for a call that mixes them.
    pub(super) foreign: Foreign,
    pub language: Option<String>,
    categories: Vec<Reason>,
    /// Words after a keyword in which a number is its value.
    pub window_words: usize,
    pub padding_s: f64,
    /// Where it differs from `padding_s`.
    pub padding_of: BTreeMap<Reason, f64>,
    /// Which keyed tones go.
    pub tones: Policy,
    pub own: Own,
    /// A second detector; see [`super::detect_with_model`].
    pub entities: Option<Arc<dyn Entities>>,
    pub keep_last_four: bool,
    pub label: bool,
    pub(super) network: bool,
    /// Reasons for which the operator has phrases.
    own_phrases: Vec<Reason>,
    /// A hash of the operator's own phrases and patterns, for the version.
    own_hash: Option<String>,
}

impl Ruleset {
    /// The documents' defaults: 0.5 s around a value, 0.15 s around a date of birth.
    ///
    /// # Errors
    /// When a lexicon that is compiled in is broken; a test holds that none is.
    pub fn new() -> Result<Ruleset, SettingsError> {
        Self::with(Settings::default())
    }

    /// The defaults without the network.
    #[cfg(test)]
    pub(super) fn alone() -> Result<Ruleset, SettingsError> {
        Self::with(Settings { network: false, ..Settings::default() })
    }

    /// The rules that `settings` ask for, in the languages that are compiled in.
    ///
    /// # Errors
    /// As [`Ruleset::speaking`].
    pub fn with(settings: Settings) -> Result<Ruleset, SettingsError> {
        Self::speaking(Vec::new(), settings)
    }

    /// The rules that `settings` ask for. Each of `more` is a language besides
    /// those that are compiled in, or instead of one of them.
    ///
    /// # Errors
    /// [`SettingsError`] for a language without a lexicon, a phrase that is
    /// none, a pattern that does not compile or is too large.
    pub fn speaking(more: Vec<Lexicon>, settings: Settings) -> Result<Ruleset, SettingsError> {
        let mut lexicons = Lexicon::compiled_in()?;
        for lexicon in more {
            lexicons.retain(|l| l.language != lexicon.language);
            lexicons.push(lexicon);
        }
        if let Some(language) = &settings.language
            && !lexicons.iter().any(|l| l.language == *language)
        {
            let known: Vec<&str> = lexicons.iter().map(|l| l.language.as_str()).collect();
            let known = known.join(", ");
            return Err(LexiconError::Language { language: language.clone(), known }.into());
        }
        for (reason, phrases) in &settings.keywords {
            for phrase in phrases {
                for lexicon in &mut lexicons {
                    lexicon.add_keyword(phrase, *reason)?;
                }
            }
        }
        let own = Own::new(&settings.patterns, &settings.allow)?;
        let changed =
            !settings.keywords.is_empty() || !settings.patterns.is_empty() || !settings.allow.is_empty();
        let own_hash = changed.then(|| {
            let all = format!("{:?}{:?}{:?}", settings.keywords, settings.patterns, settings.allow);
            hex::encode(&Sha256::digest(all.as_bytes())[..4])
        });
        Ok(Ruleset {
            foreign: Foreign::of(&lexicons),
            lexicons,
            language: settings.language,
            categories: settings.categories,
            window_words: 15,
            padding_s: 0.5,
            padding_of: BTreeMap::from([(Reason::Dob, 0.15)]),
            tones: Policy::Every,
            own,
            entities: None,
            keep_last_four: settings.keep_last_four,
            label: settings.label,
            network: settings.network,
            own_phrases: settings.keywords.keys().copied().collect(),
            own_hash,
        })
    }

    /// Is this reason silenced?
    pub fn has(&self, reason: Reason) -> bool {
        self.categories.contains(&reason)
    }

    /// Has the operator phrases of their own for this reason?
    pub fn has_own_phrases(&self, reason: Reason) -> bool {
        self.own_phrases.contains(&reason)
    }

    /// Seconds of silence before and after a value.
    pub fn padding_s(&self, reason: Reason) -> f64 {
        self.padding_of.get(&reason).copied().unwrap_or(self.padding_s)
    }

    /// What is stored with every outcome: code, lexicons and settings.
    pub fn version(&self) -> String {
        use std::fmt::Write;
        let lexicons: Vec<&str> = self.lexicons.iter().map(|l| l.version.as_str()).collect();
        let mut out = format!("{}+{}", env!("CARGO_PKG_VERSION"), lexicons.join("+"));
        let _ = write!(out, "+w{}+p{:.0}", self.window_words, self.padding_s * 1e3);
        for (reason, seconds) in &self.padding_of {
            let _ = write!(out, ",{reason}:{:.0}", seconds * 1e3);
        }
        let off: Vec<&str> = Reason::ALL.into_iter().filter(|r| !self.has(*r)).map(Reason::as_str).collect();
        if !off.is_empty() {
            let _ = write!(out, "+without:{}", off.join(","));
        }
        match self.tones {
            Policy::Every => {}
            Policy::Runs { least } => out.push_str(&format!("+runs{least}")),
            Policy::Blanket { after_s } => out.push_str(&format!("+blanket{after_s:.0}")),
        }
        if self.keep_last_four {
            out.push_str("+last4");
        }
        if self.network {
            let _ = write!(out, "+network:{}", *super::learned::VERSION);
        }
        if let Some(hash) = &self.own_hash {
            let _ = write!(out, "+own:{hash}");
        }
        if let Some(model) = &self.entities {
            let _ = write!(out, "+{}", model.version());
        }
        out
    }
}
