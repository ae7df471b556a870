//! Which keyed tones go. Keyed digits can be a PIN or a card when no word says so.

use super::Tone;
use crate::audio::{Rate, Span, merge};

/// What is muted of the tones that were found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Policy {
    /// Every tone.
    #[default]
    Every,
    /// Only tones that stand in a row of at least so many, with no pause of
    /// more than ten seconds: one key alone is a menu's choice.
    Runs { least: usize },
    /// From the first tone to so many seconds after the last: what is said
    /// while keying goes too. Tones further apart than that begin anew.
    Blanket { after_s: f64 },
}

/// The longest pause between two keys of one row.
const PAUSE_S: f64 = 10.0;

/// The spans that `policy` mutes of `tones` (in order), in a recording of `frames`.
pub fn spans(tones: &[Tone], policy: Policy, rate: Rate, frames: u64) -> Vec<Span> {
    let seconds = |s: f64| (s.max(0.0) * f64::from(rate.hz())) as u64;
    let spans: Vec<Span> = match policy {
        Policy::Every => tones.iter().map(|t| t.span).collect(),
        Policy::Runs { least } => {
            let long = rows(tones, seconds(PAUSE_S)).into_iter().filter(|row| row.len() >= least);
            long.flatten().map(|t| t.span).collect()
        }
        Policy::Blanket { after_s } => rows(tones, seconds(after_s))
            .into_iter()
            .filter_map(|row| {
                Some(Span::new(row.first()?.span.start, row.last()?.span.end + seconds(after_s)))
            })
            .collect(),
    };
    merge(&spans, frames)
}

/// Tones cut where more than `pause` frames lie between two.
fn rows(tones: &[Tone], pause: u64) -> Vec<&[Tone]> {
    tones.chunk_by(|a, b| b.span.start <= a.span.end + pause).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtmf::Digit;

    fn keyed(at_s: &[f64]) -> Vec<Tone> {
        let digit = Digit { row: 1, column: 1 };
        at_s.iter()
            .map(|s| Tone { digit, span: Span::from_seconds(*s, s + 0.1, Rate::NARROW_BAND) })
            .collect()
    }

    fn muted(at_s: &[f64], policy: Policy) -> Vec<(u64, u64)> {
        let spans = spans(&keyed(at_s), policy, Rate::NARROW_BAND, 480_000);
        spans.iter().map(|s| (s.start / 800, s.end / 800)).collect()
    }

    #[test]
    fn every_tone_goes_unless_told_otherwise() {
        assert_eq!(muted(&[1.0, 30.0], Policy::default()), [(10, 11), (300, 301)]);
    }

    #[test]
    fn a_menu_s_single_key_stays_where_only_rows_go() {
        assert_eq!(
            muted(&[1.0, 30.0, 30.5, 31.0], Policy::Runs { least: 3 }),
            [(300, 301), (305, 306), (310, 311)]
        );
        assert!(muted(&[1.0, 1.5, 30.0], Policy::Runs { least: 3 }).is_empty());
    }

    #[test]
    fn a_blanket_reaches_from_the_first_tone_to_seconds_after_the_last_and_ends_with_the_file() {
        assert_eq!(
            muted(&[1.0, 4.0, 30.0, 58.0], Policy::Blanket { after_s: 5.0 }),
            [(10, 91), (300, 351), (580, 600)]
        );
    }
}
