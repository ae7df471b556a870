//! How well a chunk fits a reason: a score, above 0 where it may be one.

use super::numbers::{Chunk, Kind};
use crate::call::Reason;

/// ISO/IEC 7812: a card number has 12 to 19 digits; 13 in a row need no keyword.
/// A longer run holds one, with what was said before and after without a break.
pub const CARD_RUN: std::ops::RangeInclusive<usize> = 13..=64;

/// A month by its number: `09`, `9`, `12`.
fn is_month(digits: &str) -> bool {
    digits.len() <= 2 && digits.parse::<u32>().is_ok_and(|m| (1..=12).contains(&m))
}

fn is_year(digits: &str) -> bool {
    match digits.len() {
        2 => true,
        4 => digits.starts_with("19") || digits.starts_with("20"),
        _ => false,
    }
}

/// Month and year, no day: `0927`, `927`, `09 2027`, "september twenty seven".
pub fn is_expiry(chunk: &Chunk) -> bool {
    let d = chunk.digits.as_str();
    if chunk.kind == Kind::Date {
        return !chunk.ordinal && is_year(d) && chunk.groups.len() <= 2;
    }
    match d.len() {
        // "zéro quatre", "vingt-neuf" is heard as "zéro quatre-vingt-neuf".
        3 => (is_month(&d[..1]) || d.starts_with("08")) && chunk.groups.len() >= 2,
        4 => is_month(&d[..2]) || is_month(&d[..1]) && chunk.groups.len() >= 2,
        5 => is_month(&d[..1]) && d[1..].starts_with("20"),
        6 => is_month(&d[..2]) && d[2..].starts_with("20"),
        _ => false,
    }
}

/// A whole date by its numbers: `03 14 1982`, `3/14/82`, `19820314`.
fn is_date(chunk: &Chunk) -> bool {
    let d = chunk.digits.as_str();
    if chunk.kind == Kind::Date {
        return true;
    }
    match d.len() {
        8 => {
            d[4..].starts_with("19") || d[4..].starts_with("20") || d.starts_with("19") || d.starts_with("20")
        }
        6 | 7 => {
            chunk.groups.len() >= 2 && (is_month(&d[..1]) || is_month(&d[..2]))
                || d[d.len() - 4..].starts_with("19")
        }
        5 => chunk.groups.len() >= 3,
        4 => chunk.groups.len() >= 3,
        _ => false,
    }
}

/// `078-05-1120`, "078 05 1120".
pub fn is_ssn(chunk: &Chunk) -> bool {
    chunk.groups == [3, 2, 4]
}

/// How well `chunk` fits `reason`; negative where it does not.
pub fn fit(reason: Reason, chunk: &Chunk) -> f32 {
    let n = chunk.len();
    let date = chunk.kind == Kind::Date || chunk.kind == Kind::Slashed;
    match reason {
        Reason::CardNumber => match n {
            _ if date => -2.0,
            12..=19 => 3.0,
            20.. => 2.0,
            8..=11 => 1.2,
            4..=7 => 1.0,
            3 => 0.7,
            2 => 0.5,
            _ => 0.1,
        },
        Reason::Cvv => match n {
            _ if date => -3.0,
            3 => 2.0,
            4 => 1.0,
            2 => 0.2,
            1 => 0.1,
            5..=8 => 0.3,
            _ => -0.6,
        },
        Reason::Expiry => match () {
            () if is_expiry(chunk) => 2.4,
            () if chunk.kind == Kind::Date && chunk.ordinal => -1.0,
            () if date && n == 0 => 0.5,
            () if date => 0.6,
            () if n <= 2 && chunk.numbers == 1 => 0.3,
            () if n <= 8 => 0.2,
            () => -0.6,
        },
        Reason::Dob => match () {
            () if chunk.kind == Kind::Date && n > 0 => 2.6,
            () if chunk.kind == Kind::Date => 0.5,
            () if is_date(chunk) => 2.4,
            () if date => 1.5,
            () if n == 4 && is_year(&chunk.digits) => 1.2,
            () if n <= 3 => 0.0,
            () if n <= 8 => 0.4,
            () => -1.0,
        },
        Reason::Ssn => match n {
            _ if chunk.kind == Kind::Date => -2.0,
            9 => 3.0,
            4 => 1.2,
            2..=8 => 0.8,
            // A French NIR has 13 digits and a key of two.
            10..=15 => 0.8,
            1 => 0.0,
            _ => -1.0,
        },
        Reason::Password => match n {
            _ if chunk.kind == Kind::Date => 0.1,
            4 => 1.6,
            3..=10 => 1.3,
            2 => 0.8,
            1 => 0.2,
            _ => 0.3,
        },
        Reason::Phone => match n {
            _ if date => -2.0,
            10 | 11 => 2.6,
            7 => 2.0,
            8 | 9 | 12 => 1.5,
            3..=6 => 0.8,
            _ => -0.2,
        },
        Reason::BankAccount => match n {
            _ if date => -2.0,
            9 => 2.2,
            6..=17 => 1.6,
            3..=5 => 0.8,
            18..=34 => 1.0,
            _ => 0.1,
        },
        Reason::IdNumber => match n {
            _ if date => -1.5,
            _ if chunk.letters > 0 => 2.0,
            5..=12 => 1.5,
            3 | 4 => 0.8,
            13..=20 => 0.5,
            _ => 0.0,
        },
        Reason::Address => match n {
            _ if date => -2.0,
            5 | 9 => 1.8,
            _ if chunk.letters > 0 && n <= 4 => 1.2,
            1..=6 => 0.8,
            _ => -1.0,
        },
        Reason::Other => 0.5,
        Reason::Email | Reason::Name | Reason::Dtmf => -3.0,
    }
}

/// Digits after which a value of this reason is whole.
pub fn is_whole(reason: Reason, chunk: &Chunk, digits: usize, first: Option<char>) -> bool {
    match reason {
        Reason::CardNumber => digits >= if first == Some('3') { 15 } else { 16 },
        Reason::Cvv => digits >= 3,
        Reason::Expiry => {
            digits >= 3 || chunk.kind == Kind::Date && digits > 0 || chunk.kind == Kind::Slashed
        }
        Reason::Dob => chunk.kind == Kind::Date && digits >= 3 || digits >= 6 || chunk.kind == Kind::Slashed,
        Reason::Ssn => digits >= 9,
        Reason::Phone => digits >= 10,
        Reason::BankAccount => digits >= 17,
        Reason::Password | Reason::IdNumber => digits >= 12,
        _ => digits >= 5,
    }
}
