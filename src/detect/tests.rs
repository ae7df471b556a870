//! What must go and what must stay, as people say it.

use super::merge::Recording;
use super::*;
use crate::call::RawTranscript;
use proptest::prelude::*;
use std::sync::LazyLock;

fn words(text: &str) -> Vec<Word> {
    text.split_whitespace()
        .enumerate()
        .map(|(i, w)| Word {
            text: w.to_owned(),
            start_s: i as f64 * 0.4,
            end_s: i as f64 * 0.4 + 0.35,
            speaker: None,
        })
        .collect()
}

/// Compiled once.
fn rules() -> &'static Ruleset {
    static RULES: LazyLock<Ruleset> = LazyLock::new(|| Ruleset::new().expect("the lexicons"));
    &RULES
}

fn transcript(words: &[Word]) -> RawTranscript {
    RawTranscript { words: words.to_vec(), word_times: true, ..RawTranscript::default() }
}

fn long(duration_s: f64) -> Recording<'static> {
    Recording { duration_s, silence: None }
}

fn found(text: &str) -> Vec<(Reason, String)> {
    let words = words(text);
    let rules = rules();
    let said =
        |d: &Detection| words[d.first..=d.last].iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" ");
    detect(&words, None, rules).iter().map(|d| (d.reason, said(d))).collect()
}

#[track_caller]
fn finds(text: &str, want: &[(Reason, &str)]) {
    let got = found(text);
    let got: Vec<(Reason, &str)> = got.iter().map(|(r, s)| (*r, s.as_str())).collect();
    assert_eq!(got, want, "in: {text}");
}

use Reason::{Address, CardNumber, Cvv, Dob, Email, Expiry, Password, Ssn};

#[test]
fn the_example_of_the_users_guide() {
    finds(
        "Hello, my credit card number is 4532 1488 0343 6467 and the CVV is 123.",
        &[(CardNumber, "4532 1488 0343 6467"), (Cvv, "123.")],
    );
    finds("my credit card number is 353-453 thanks", &[(CardNumber, "353-453")]);
}

#[test]
fn numbers_spoken_as_words() {
    finds(
        "the card is four five three two one four double eight",
        &[(CardNumber, "four five three two one four double eight")],
    );
    finds(
        "it's forty-five thirty-two um fourteen eighty-eight oh three four three sixty-four sixty-seven",
        &[(
            CardNumber,
            "forty-five thirty-two um fourteen eighty-eight oh three four three sixty-four sixty-seven",
        )],
    );
    finds("visa four one to one for five one one", &[(CardNumber, "four one to one for five one one")]);
}

#[test]
fn a_card_shaped_run_needs_no_keyword() {
    finds("sure 4111 1111 1111 1111 okay", &[(CardNumber, "4111 1111 1111 1111")]);
}

#[test]
fn each_category_by_its_keyword() {
    finds("expiration date is zero nine twenty seven", &[(Expiry, "zero nine twenty seven")]);
    finds("it expires 09/27", &[(Expiry, "09/27")]);
    finds(
        "my date of birth is january fifteenth nineteen eighty",
        &[(Dob, "january fifteenth nineteen eighty")],
    );
    finds("my social is 078-05-1120", &[(Ssn, "078-05-1120")]);
    finds(
        "social security number one two three four five six seven eight nine",
        &[(Ssn, "one two three four five six seven eight nine")],
    );
    finds("my pin is four four two one", &[(Password, "four four two one")]);
    finds("the password is blue monkey", &[(Password, "blue monkey")]);
    finds("street address is 42 Elm Street thanks", &[(Address, "42 Elm Street")]);
    finds("the security code is 99 8", &[(Cvv, "99 8")]);
}

#[test]
fn emails_written_and_spoken() {
    finds("write to john@example.com please", &[(Email, "john@example.com")]);
    finds("it is j o h n dot smith at gmail dot com okay", &[(Email, "j o h n dot smith at gmail dot com")]);
    finds("my email is jane at example.org", &[(Email, "jane at example.org")]);
}

#[test]
fn the_listeners_one_moment_is_no_digit() {
    let mut words =
        words("four one one one one one one one one one one one one one one one one moment please");
    words[16..].iter_mut().for_each(|w| w.speaker = Some("agent".to_owned()));
    let found = detect(&words, None, rules());
    let found: Vec<_> = found.iter().map(|d| (d.first, d.last, d.reason)).collect();
    assert_eq!(found, [(0, 15, CardNumber)]);
}

#[test]
fn what_looks_alike_stays() {
    for text in [
        "the gift card costs 20 dollars",
        "we have 3 cards in stock at 15 dollars",
        "your payment of $45.20 went through",
        "call me at nine am tomorrow",
        "i bought one for my birthday card",
        "your order number is 4 4 2 1",
        "press one for sales or two for support",
        "that password is not valid please try again",
        "pin the location at 5 main",
    ] {
        finds(text, &[]);
    }
}

#[test]
fn the_window_is_fifteen_words_without_fillers() {
    let near = format!("card {} 4421", "word ".repeat(14));
    assert_eq!(found(&near).len(), 1);
    let far = format!("card {} 4421", "word ".repeat(16));
    assert_eq!(found(&far).len(), 0);
    let fillers = format!("card {} um okay uh 4421", "word ".repeat(14));
    assert_eq!(found(&fillers).len(), 1);
}

#[test]
fn a_sanitized_transcript_holds_nothing_of_the_value() {
    let words = words("card 4532 1488 0343 6467 cvv 123 thanks");
    let rules = rules();
    let detections = detect(&words, None, rules);
    let transcript = RawTranscript { words, ..RawTranscript::default() };
    let clean = sanitize(&transcript, &detections, false);
    assert_eq!(clean.text().as_str(), "card [REDACTED] cvv [REDACTED] thanks");
    assert_eq!(clean.words()[1].end, 4.0 * 0.4 + 0.35);
}

#[test]
fn absurd_word_times_widen_the_span() {
    let mut words = words("card 4532 1488 thanks bye");
    words[1].start_s = f64::NAN;
    words[2].end_s = -1.0;
    let rules = rules();
    let segments = merge::place(&transcript(&words), &detect(&words, None, rules), rules, long(10.0));
    assert_eq!(segments.len(), 1);
    assert!(segments[0].start <= 0.35 && segments[0].end >= 3.0 * 0.4, "{segments:?}");
}

proptest! {
    #[test]
    fn detections_are_in_order_disjoint_and_inside(
        picks in prop::collection::vec(0usize..14, 0..60),
    ) {
        let vocabulary = ["card", "4532", "one", "two", "um", "at", "gmail", "dot", "com", "password",
                          "is", "january", "street", "123-45-6789"];
        let text: Vec<&str> = picks.iter().map(|p| vocabulary[*p]).collect();
        let words = words(&text.join(" "));
        let rules = rules();
        let detections = detect(&words, None, rules);
        prop_assert!(detections.iter().all(|d| d.first <= d.last && d.last < words.len()));
        prop_assert!(detections.windows(2).all(|w| w[0].last < w[1].first));
        let segments = merge::place(&transcript(&words), &detections, rules, long(100.0));
        for d in &detections {
            let word = &words[d.first];
            prop_assert!(segments.iter().any(|s| s.start <= word.start_s && s.end >= word.end_s));
        }
    }
}
