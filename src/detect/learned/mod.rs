//! A second pair of eyes: a small network that learned from marked-up calls how
//! secrets are asked for and said, and finds those whose words no rule lists.
//!
//! It reads words alone, in any language it has seen, and is compiled in. The
//! folder `learn/` holds what made it.

mod features;
mod net;
mod vectors;

use super::Detection;
use crate::call::{Reason, Word};
use net::{Net, OUTPUTS};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;
use vectors::Vectors;

/// What the network tells apart, in the order of its outputs behind "nothing".
pub const REASONS: [Reason; 9] = [
    Reason::CardNumber,
    Reason::Cvv,
    Reason::Expiry,
    Reason::Dob,
    Reason::Ssn,
    Reason::Email,
    Reason::Address,
    Reason::Password,
    Reason::BankAccount,
];

/// One of a value's words must be as likely a secret as this.
const SURE: f32 = 0.6;
/// Words beside it belong to it that are as likely as this.
const LIKELY: f32 = 0.2;
/// A word at the edge of what the rules found stays unless it is less likely than this.
const DOUBT: f32 = 0.02;
/// The languages (ISO 639-1) of the calls that it learned from.
const TAUGHT: [&str; 3] = ["en", "es", "fr"];

static NET: LazyLock<Option<Net>> = LazyLock::new(|| Net::parse(WEIGHTS, Vectors::parse(vectors::FILE)?));
static WEIGHTS: &[u8] = include_bytes!("weights.bin");

/// A word that is nothing.
const NOTHING: [f32; OUTPUTS] = {
    let mut likely = [0.0; OUTPUTS];
    likely[0] = 1.0;
    likely
};

/// The first bytes of the hash of weights and vectors, for the version of the rules.
pub static VERSION: LazyLock<String> = LazyLock::new(|| {
    hex::encode(&Sha256::new_with_prefix(WEIGHTS).chain_update(vectors::FILE).finalize()[..4])
});

/// Did it learn from calls in this language (ISO 639-1)?
pub fn is_taught(language: &str) -> bool {
    TAUGHT.contains(&language)
}

/// What the network made of a call's words, beside the rules.
pub struct Reading(Vec<[f32; OUTPUTS]>);

impl Reading {
    /// Reads `words`, of which the rules found `found`. Nothing where the weights are
    /// not whole; a test holds that they are.
    pub fn of(words: &[Word], found: &[Detection]) -> Option<Reading> {
        let mut rules = vec![0; words.len()];
        for d in found {
            let number = REASONS.iter().position(|reason| *reason == d.reason).map_or(0, |at| at + 1);
            rules[d.first..=d.last].fill(number);
        }
        let mut reading = Reading(NET.as_ref()?.read(words, &rules));
        for phone in found.iter().filter(|d| d.reason == Reason::Phone) {
            // A telephone number that says so is none of a card's digits before it.
            reading.0[phone.first..=phone.last].fill(NOTHING);
        }
        Some(reading)
    }

    /// Nothing where every word of `found` is out of the question; else `found` without such words at
    /// its edges, but for numbers: no piece of a number stays where another goes. Of reasons that it
    /// does not know it says nothing.
    pub fn narrowed(&self, found: Detection, is_number: impl Fn(usize) -> bool) -> Option<Detection> {
        if !REASONS.contains(&found.reason) {
            return Some(found);
        }
        let is_likely = |at: &usize| secret(&self.0[*at]) >= DOUBT;
        (found.first..=found.last).find(is_likely)?;
        let stays = |at: &usize| is_likely(at) || is_number(*at);
        let first = (found.first..=found.last).find(stays)?;
        let last = (first..=found.last).rfind(stays)?;
        Some(Detection { first, last, ..found })
    }

    /// The values that it is sure of.
    pub fn values(&self) -> Vec<Detection> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.0.len() {
            let end = at + self.0[at..].iter().take_while(|likely| secret(likely) >= LIKELY).count();
            if self.0[at..end].iter().any(|likely| secret(likely) >= SURE) {
                found.extend(values(&self.0[at..end], at));
            }
            at = end + 1;
        }
        found
    }
}

fn secret(likely: &[f32; OUTPUTS]) -> f32 {
    1.0 - likely[0]
}

/// A run of secret words, parted where the reason changes.
fn values(run: &[[f32; OUTPUTS]], first: usize) -> Vec<Detection> {
    let mut found: Vec<Detection> = Vec::new();
    for (at, likely) in run.iter().enumerate() {
        let (best, _) = REASONS
            .iter()
            .zip(&likely[1..])
            .fold((REASONS[0], 0.0_f32), |best, (reason, p)| if *p > best.1 { (*reason, *p) } else { best });
        match found.last_mut() {
            Some(last) if last.reason == best => {
                last.last = first + at;
                last.why.confidence = last.why.confidence.max(secret(likely));
            }
            _ => {
                let mut one = Detection::new(first + at, first + at, best, "learned");
                one.why.confidence = secret(likely);
                found.push(one);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
