//! How a call ended, over all its legs.

use super::cdr::CdrRow;
use serde::{Deserialize, Serialize};

/// A disposition as Asterisk's `cdr.c` writes it, normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    Answered,
    NoAnswer,
    Busy,
    Failed,
    Congestion,
    Unknown,
}

impl Disposition {
    /// Accepts `NO ANSWER` and `NOANSWER`, any case.
    pub fn parse(text: &str) -> Disposition {
        let plain: String =
            text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
        match plain.as_str() {
            "ANSWERED" => Disposition::Answered,
            "NOANSWER" => Disposition::NoAnswer,
            "BUSY" => Disposition::Busy,
            "FAILED" => Disposition::Failed,
            "CONGESTION" => Disposition::Congestion,
            _ => Disposition::Unknown,
        }
    }

    /// The name in the store and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Disposition::Answered => "answered",
            Disposition::NoAnswer => "no_answer",
            Disposition::Busy => "busy",
            Disposition::Failed => "failed",
            Disposition::Congestion => "congestion",
            Disposition::Unknown => "unknown",
        }
    }

    /// The call's disposition from its legs in order. `ANSWERED` on a row
    /// without a destination only says that the PBX itself picked up: a queue
    /// that was abandoned and a voicemail after ringing are not answered calls.
    pub fn of_call(legs: &[&CdrRow]) -> Disposition {
        let of = |leg: &CdrRow| Disposition::parse(&leg.disposition);
        let met_someone = |leg: &CdrRow| !leg.dstchannel.is_empty() && leg.billsec > 0;
        if legs.iter().any(|l| of(l) == Disposition::Answered && met_someone(l)) {
            return Disposition::Answered;
        }
        let refused = legs.iter().rev().map(|l| of(l)).find(|d| *d != Disposition::Answered);
        let abandoned = legs.iter().any(|l| l.lastapp.eq_ignore_ascii_case("Queue"));
        match refused {
            Some(d) => d,
            None if abandoned || legs.is_empty() => Disposition::NoAnswer,
            None => Disposition::Answered,
        }
    }
}
