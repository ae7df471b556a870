//! A silenced stretch of a recording and why: what may be stored and shown.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a stretch is silent: the names in `redacted_segments`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    CardNumber,
    Cvv,
    Expiry,
    Dob,
    Ssn,
    Email,
    Address,
    Password,
    /// Also routing numbers, IBANs and sort codes.
    BankAccount,
    Phone,
    Name,
    /// Passport, licence, medical record, member id.
    IdNumber,
    /// By the operator's own keywords and patterns.
    Other,
    /// A keyed tone.
    Dtmf,
}

impl Reason {
    pub const ALL: [Reason; 14] = [
        Reason::CardNumber,
        Reason::Cvv,
        Reason::Expiry,
        Reason::Dob,
        Reason::Ssn,
        Reason::Email,
        Reason::Address,
        Reason::Password,
        Reason::BankAccount,
        Reason::Phone,
        Reason::Name,
        Reason::IdNumber,
        Reason::Other,
        Reason::Dtmf,
    ];

    /// The reason of this name.
    pub fn parse(name: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|r| r.as_str() == name)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Reason::CardNumber => "card_number",
            Reason::Cvv => "cvv",
            Reason::Expiry => "expiry",
            Reason::Dob => "dob",
            Reason::Ssn => "ssn",
            Reason::Email => "email",
            Reason::Address => "address",
            Reason::Password => "password",
            Reason::BankAccount => "bank_account",
            Reason::Phone => "phone",
            Reason::Name => "name",
            Reason::IdNumber => "id_number",
            Reason::Other => "other",
            Reason::Dtmf => "dtmf",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detector {
    Words,
    Tones,
}

impl Detector {
    pub fn as_str(self) -> &'static str {
        match self {
            Detector::Words => "words",
            Detector::Tones => "tones",
        }
    }
}

/// One entry of `redacted_segments`, in seconds of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    pub start: f64,
    pub end: f64,
    pub reason: Reason,
    pub detector: Detector,
}
