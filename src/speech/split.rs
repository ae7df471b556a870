//! Long audio in pieces: cut at silences, with overlap, and joined so that no
//! word is lost and none is doubled.

use crate::call::{RawTranscript, Word};
use std::ops::Range;
use unsaid_dsp::silence::Silence;

/// 16 kHz, what every piece is in.
const RATE: usize = 16_000;
/// Both pieces hear this much around a cut: a word at the cut is whole in one of them.
const OVERLAP_S: f64 = 2.0;
/// How far before the limit a silence is looked for.
const SEARCH_S: f64 = 30.0;
/// The stretch whose energy decides where it is quietest.
const QUIET_S: f64 = 0.3;

/// A piece of the plane and the part of the time line that is its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// Samples that the engine hears.
    pub heard: Range<usize>,
    /// Seconds whose words are taken from this piece.
    pub own_s: Range<f64>,
}

impl Piece {
    /// The same piece of a longer plane that begins `samples` earlier.
    fn later(self, samples: usize) -> Piece {
        let later_s = samples as f64 / RATE as f64;
        Piece {
            heard: self.heard.start + samples..self.heard.end + samples,
            own_s: self.own_s.start + later_s..self.own_s.end + later_s,
        }
    }
}

/// A pause that is not sent, and how much of it is on either side.
const LONG_PAUSE_S: f64 = 6.0;
const MARGIN_S: f64 = 1.0;

/// What is said, in pieces of at most `most` samples each: an engine hears no
/// long pauses. Every request costs and starts without context, so short ones stay.
pub fn spoken(plane: &[f32], silence: &Silence, most: usize) -> Vec<Piece> {
    let frame = |s: f64| ((s * RATE as f64) as usize).min(plane.len());
    let islands = silence.islands(LONG_PAUSE_S, MARGIN_S).into_iter().map(|(a, b)| frame(a)..frame(b));
    islands.flat_map(|i| pieces(&plane[i.clone()], most).into_iter().map(move |p| p.later(i.start))).collect()
}

/// Pieces of at most `most` samples each, overlap included.
pub fn pieces(plane: &[f32], most: usize) -> Vec<Piece> {
    let overlap = (OVERLAP_S * RATE as f64) as usize;
    let most = most.max(4 * overlap);
    let mut out = Vec::new();
    let mut cut = 0;
    while cut < plane.len() || out.is_empty() {
        let from = cut.saturating_sub(overlap);
        let next = if from + most >= plane.len() {
            plane.len()
        } else {
            quietest(plane, cut, from + most - overlap)
        };
        let heard = from..(next + overlap).min(plane.len());
        let end_s = if next == plane.len() { f64::INFINITY } else { next as f64 / RATE as f64 };
        out.push(Piece { heard, own_s: cut as f64 / RATE as f64..end_s });
        cut = next;
        if next == plane.len() {
            break;
        }
    }
    out
}

/// The middle of the quietest stretch before `limit`, looked for in the last
/// quarter of the piece so that pieces stay long; the latest of several.
fn quietest(plane: &[f32], from: usize, limit: usize) -> usize {
    let width = (QUIET_S * RATE as f64) as usize;
    let search = ((SEARCH_S * RATE as f64) as usize).min((limit - from) / 4);
    (limit - search..limit.saturating_sub(width))
        .step_by(width / 4)
        .rev()
        .min_by(|a, b| energy(plane, *a, width).total_cmp(&energy(plane, *b, width)))
        .map_or(limit, |at| at + width / 2)
}

fn energy(plane: &[f32], at: usize, width: usize) -> f32 {
    plane[at..at + width].iter().map(|s| s * s).sum()
}

/// Seconds around a cut in which both pieces' words are taken: times drift, and
/// each piece may put a word on the other's side.
const DRIFT_S: f64 = 0.5;

/// Adds the words of a piece, in the recording's time: those that are its own by
/// their middle, those near its edges, and those that are somewhere in a stretch
/// of which a part is its own. Better twice than not.
pub fn join(all: &mut RawTranscript, piece: &Piece, heard: RawTranscript) {
    let offset_s = piece.heard.start as f64 / RATE as f64;
    let own = piece.own_s.start - DRIFT_S..piece.own_s.end + DRIFT_S;
    // A piece without a word says nothing of the engine.
    all.word_times &= heard.word_times || heard.words.is_empty();
    if all.language.is_none() {
        all.language = heard.language;
    }
    all.decoded_s += heard.decoded_s;
    let (before, mut unplaced) = (all.words.len(), heard.unplaced.into_iter().peekable());
    for (n, mut word) in heard.words.into_iter().enumerate() {
        let in_stretch = unplaced.next_if_eq(&n).is_some();
        word.start_s += offset_s;
        word.end_s += offset_s;
        let middle = (word.start_s + word.end_s) / 2.0;
        let reaches = word.start_s < own.end && word.end_s > own.start;
        let keep = if in_stretch { reaches } else { own.contains(&middle) };
        if !keep || !in_stretch && is_again(&all.words[..before], &word) {
            continue;
        }
        if in_stretch {
            all.unplaced.push(all.words.len());
        }
        all.words.push(word);
    }
}

/// The piece before put the same word at the same time.
fn is_again(before: &[Word], word: &Word) -> bool {
    let near = before.iter().rev().take_while(|b| b.start_s > word.start_s - 2.0 * OVERLAP_S);
    near.into_iter().any(|b| {
        b.text.eq_ignore_ascii_case(&word.text)
            && (b.start_s + b.end_s - word.start_s - word.end_s).abs() / 2.0 < DRIFT_S
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn every_moment_belongs_to_one_piece_and_is_heard_there(
            seconds in 0usize..90, most_s in 10usize..40, seed in any::<u32>(),
        ) {
            let plane: Vec<f32> = (0..seconds * RATE)
                .map(|k| ((k as u32 ^ seed).wrapping_mul(2_654_435_761) >> 8) as f32 / 1e8)
                .collect();
            let pieces = pieces(&plane, most_s * RATE);
            prop_assert_eq!(pieces[0].own_s.start, 0.0);
            for p in &pieces {
                prop_assert!(p.heard.len() <= most_s * RATE + 1);
                prop_assert!(p.heard.start as f64 <= p.own_s.start * RATE as f64);
            }
            for pair in pieces.windows(2) {
                prop_assert_eq!(pair[0].own_s.end, pair[1].own_s.start);
                prop_assert!(pair[0].heard.end as f64 >= pair[0].own_s.end * RATE as f64);
            }
            prop_assert_eq!(pieces.last().map(|p| p.heard.end), Some(plane.len()));
        }
    }

    #[test]
    fn a_cut_lies_in_the_silence() {
        let mut plane = vec![0.5f32; 60 * RATE];
        plane[31 * RATE..32 * RATE].fill(0.0);
        let cut_s = pieces(&plane, 40 * RATE)[0].own_s.end;
        assert!((31.0..32.0).contains(&cut_s), "{cut_s}");
    }

    fn heard(words: &[(&str, f64)], unplaced: &[usize]) -> RawTranscript {
        let word = |&(text, start_s): &(&str, f64)| Word {
            text: text.into(),
            start_s,
            end_s: start_s + 0.4,
            speaker: None,
        };
        RawTranscript {
            words: words.iter().map(word).collect(),
            word_times: true,
            unplaced: unplaced.to_vec(),
            ..RawTranscript::default()
        }
    }

    fn two_pieces(first: RawTranscript, second: RawTranscript) -> RawTranscript {
        let mut all = RawTranscript { word_times: true, ..RawTranscript::default() };
        join(&mut all, &Piece { heard: 0..32 * RATE, own_s: 0.0..30.0 }, first);
        join(&mut all, &Piece { heard: 28 * RATE..60 * RATE, own_s: 30.0..f64::INFINITY }, second);
        all
    }

    #[test]
    fn a_word_in_the_overlap_is_taken_once() {
        let all = two_pieces(
            heard(&[("a", 5.0), ("b", 29.5), ("c", 30.9)], &[]),
            heard(&[("b", 1.55), ("c", 2.9), ("d", 9.0)], &[]),
        );
        let starts: Vec<f64> = all.words.iter().map(|w| w.start_s).collect();
        assert_eq!(starts, [5.0, 29.5, 30.9, 37.0]);
    }

    #[test]
    fn a_word_that_each_piece_puts_on_the_others_side_is_not_lost() {
        let all = two_pieces(heard(&[("four", 29.95)], &[]), heard(&[("four", 1.7)], &[]));
        assert_eq!(all.words.len(), 1);
    }

    #[test]
    fn a_word_without_a_time_of_its_own_is_kept_wherever_its_stretch_reaches() {
        let mut second = heard(&[("5", 0.0), ("bye", 9.0)], &[0]);
        second.words[0].end_s = 8.0;
        let mut first = heard(&[("4", 27.0), ("x", 31.0)], &[0]);
        first.words[0].end_s = 31.9;
        let all = two_pieces(first, second);
        let said: Vec<&str> = all.words.iter().map(|w| w.text.as_str()).collect();
        assert_eq!((said, all.unplaced), (vec!["4", "5", "bye"], vec![0, 1]));
    }
}
