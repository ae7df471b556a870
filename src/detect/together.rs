//! The recordings of one call, read as one: a question at the end of the first
//! is answered in the second, a value that one names is known in all, and the
//! same speech in two files is found in both.

use super::{Detection, Ruleset, detect, merge};
use crate::call::Word;

/// Between two recordings: longer than any pause inside a value.
const GAP_S: f64 = 5.0;

/// What is found in `parts[own]`, by its own indexes, when all parts are read
/// one after the other.
pub fn detect_together(
    parts: &[&[Word]],
    own: usize,
    language: Option<&str>,
    rules: &Ruleset,
) -> Vec<Detection> {
    let Some(part) = parts.get(own) else { return Vec::new() };
    let first = parts[..own].iter().map(|p| p.len()).sum::<usize>();
    let (from, to) = (first, first + part.len());
    let inside = |at: usize| (from..to).contains(&at).then(|| at - from);
    detect(&joined(parts), language, rules)
        .into_iter()
        .filter(|d| d.first < to && d.last >= from)
        .map(|mut d| {
            (d.first, d.last) = (d.first.max(from) - from, d.last.min(to - 1) - from);
            // A keyword of another recording has no place in this one.
            d.why.keyword = d.why.keyword.and_then(|(a, b)| Some((inside(a)?, inside(b)?)));
            d
        })
        .collect()
}

/// What is found in one recording by itself, and what the others add.
pub fn with_others(
    alone: Vec<Detection>,
    parts: &[&[Word]],
    own: usize,
    language: Option<&str>,
    rules: &Ruleset,
) -> Vec<Detection> {
    if parts.len() < 2 {
        return alone;
    }
    let mut all = alone;
    all.extend(detect_together(parts, own, language, rules));
    merge::disjoint(all)
}

/// All words on one clock that never runs back from one part to the next.
fn joined(parts: &[&[Word]]) -> Vec<Word> {
    let mut words = Vec::with_capacity(parts.iter().map(|p| p.len()).sum());
    let mut clock = 0.0;
    for part in parts {
        let finite = |t: f64| if t.is_finite() { t } else { 0.0 };
        let end = part.iter().map(|w| finite(w.end_s)).fold(0.0, f64::max);
        words.extend(part.iter().map(|w| Word {
            start_s: w.start_s + clock,
            end_s: w.end_s + clock,
            ..w.clone()
        }));
        clock += end + GAP_S;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Reason;

    fn words(text: &str) -> Vec<Word> {
        let word = |(n, text): (usize, &str)| Word {
            text: text.to_owned(),
            start_s: n as f64 * 0.4,
            end_s: n as f64 * 0.4 + 0.3,
            speaker: None,
        };
        text.split_whitespace().enumerate().map(word).collect()
    }

    #[test]
    fn a_question_in_one_recording_is_answered_in_the_next() {
        let rules = Ruleset::alone().expect("rules");
        let (asked, answered) =
            (words("sure I can help could you tell me your pin"), words("eight three oh two thanks"));
        assert!(detect(&answered, Some("en"), &rules).is_empty(), "by itself it is a number");
        let found = detect_together(&[&asked, &answered], 1, Some("en"), &rules);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].first, found[0].last, found[0].reason), (0, 3, Reason::Password));
        assert_eq!(found[0].why.keyword, None);
        assert!(detect_together(&[&asked, &answered], 0, Some("en"), &rules).is_empty());
    }

    #[test]
    fn a_value_that_one_recording_names_is_found_in_the_other_on_either_side() {
        let rules = Ruleset::alone().expect("rules");
        let named = words("my member password is 8 3 0 2 7 1 yes");
        let bare = words("right so that was 8 3 0 2 7 1 then");
        for (parts, own) in [([&named, &bare], 1), ([&bare, &named], 0)] {
            let parts = parts.map(Vec::as_slice);
            let alone = detect(parts[own], Some("en"), &rules);
            let found = with_others(alone.clone(), &parts, own, Some("en"), &rules);
            assert!(alone.is_empty() && found.len() == 1, "{alone:?} {found:?}");
            assert_eq!((found[0].first, found[0].last), (4, 9));
        }
    }
}
