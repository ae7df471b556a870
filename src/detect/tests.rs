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

/// Words of `A:` and `B:`: those in `[]` must go, those in `<>` may.
pub(super) fn said(text: &str) -> (Vec<Word>, Vec<Option<bool>>) {
    let (mut words, mut inside, mut speaker, mut open) = (Vec::new(), Vec::new(), None, false);
    for token in text.split_whitespace() {
        if let Some(name) = token.strip_suffix(':').filter(|n| n.len() == 1) {
            speaker = Some(name.to_owned());
            continue;
        }
        open |= token.starts_with('[');
        inside.push(if token.starts_with('<') { None } else { Some(open) });
        open &= !token.ends_with(']');
        let start_s = words.len() as f64 * 0.4;
        let text = token.trim_matches(['[', ']', '<', '>']).to_owned();
        words.push(Word { text, start_s, end_s: start_s + 0.35, speaker: speaker.clone() });
    }
    (words, inside)
}

pub(super) fn found_in(words: &[Word], language: &str) -> Vec<Detection> {
    detect(words, Some(language), rules())
}

/// Compiled once.
fn rules() -> &'static Ruleset {
    static RULES: LazyLock<Ruleset> = LazyLock::new(|| Ruleset::alone().expect("the lexicons"));
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

fn with(settings: Settings) -> Ruleset {
    Ruleset::with(settings).expect("rules")
}

fn redacted(text: &str, language: Option<&str>, rules: &Ruleset) -> String {
    let words = words(text);
    let found = detect(&words, language, rules);
    sanitize(&transcript(&words), &found, rules.label).text().as_str().to_owned()
}

#[test]
fn an_operators_keywords_patterns_and_allow_list_are_heeded() {
    let rules = with(Settings {
        keywords: [(Reason::Other, vec!["loyalty (number|code)".to_owned()])].into(),
        patterns: [(Reason::IdNumber, vec![r"\bmrn [a-z]\d+".to_owned()])].into(),
        allow: vec!["account number 000".to_owned()],
        ..Settings::default()
    });
    let text = "your loyalty code is 4471 and MRN Q88120 thanks account number 000";
    assert_eq!(
        redacted(text, None, &rules),
        "your loyalty code is [REDACTED] and [REDACTED] thanks account number 000"
    );
    assert_ne!(rules.version(), with(Settings::default()).version());
    for broken in ["(", "x{1000000}", "a*"] {
        let settings = Settings { allow: vec![broken.to_owned()], ..Settings::default() };
        assert!(Ruleset::with(settings).is_err(), "{broken}");
    }
    for (phrase, language) in [("(open", None), ("card", Some("xx"))] {
        let keywords = [(Reason::Other, vec![phrase.to_owned()])].into();
        let settings = Settings { keywords, language: language.map(str::to_owned), ..Settings::default() };
        assert!(Ruleset::with(settings).is_err(), "{phrase} {language:?}");
    }
}

#[test]
fn categories_labels_and_last_four_are_settings() {
    let text = "my phone number is 415 555 0199 and the card ending in 4242 cvv 123";
    let all = with(Settings { categories: Reason::ALL.to_vec(), label: true, ..Settings::default() });
    assert_eq!(
        redacted(text, None, &all),
        "my phone number is [REDACTED:phone] and the card ending in [REDACTED:card_number] cvv [REDACTED:cvv]"
    );
    let kept =
        with(Settings { keep_last_four: true, categories: vec![Reason::CardNumber], ..Settings::default() });
    assert_eq!(redacted(text, None, &kept), text);
    assert_eq!(redacted("card ending in 4111 1111 1111 4242", None, &kept), "card ending in [REDACTED]");
}

#[test]
fn the_language_is_declared_or_told_by_the_words_and_calls_may_be_mixed() {
    let spanish = "buenas tardes mi tarjeta es cuatro cinco tres dos uno cuatro ocho ocho gracias";
    let clean = "buenas tardes mi tarjeta es [REDACTED] gracias";
    assert_eq!(redacted(spanish, Some("es"), rules()), clean);
    assert_eq!(redacted(spanish, None, rules()), clean);
    let mixed = format!(
        "thank you for calling this is the front desk how can i help you with your order today please \
         hold on i have a colleague for you {spanish} por favor digame el numero que tiene la tarjeta"
    );
    let got = redacted(&mixed, Some("en"), rules());
    assert!(got.contains("tarjeta es [REDACTED] gracias"), "{got}");
}

#[test]
fn padding_ends_at_the_neighbours_where_times_are_trusted() {
    let words = words("the cvv is 123 thanks bye");
    let mut trusted = transcript(&words);
    trusted.trusted_times = true;
    let found = detect(&words, None, rules());
    let place = |t: &RawTranscript| merge::place(t, &found, rules(), long(10.0))[0];
    // Words are 0.35 s long and begin every 0.4 s.
    let close = place(&trusted);
    assert!((close.start - 1.15).abs() < 1e-9 && (close.end - 1.6).abs() < 1e-9, "{close:?}");
    let wide = place(&transcript(&words));
    assert!((wide.start - 0.7).abs() < 1e-9 && (wide.end - 2.05).abs() < 1e-9, "{wide:?}");
}

#[test]
fn an_edge_that_falls_into_sound_moves_to_the_pause_beside_it() {
    use unsaid_dsp::Rate;
    use unsaid_dsp::silence::Silence;
    let words = words("the cvv is 123 thanks bye");
    // Sound from 0.5 s to 2.2 s: both padded edges (0.7 and 2.05) lie in it.
    let plane: Vec<f32> = (0..80_000)
        .map(|k| if (4_000..17_600).contains(&k) { (k as f32).sin() * 0.2 } else { 0.0 })
        .collect();
    let silence = Silence::of(&plane, Rate::NARROW_BAND);
    let found = detect(&words, None, rules());
    let recording = Recording { duration_s: 10.0, silence: Some(&silence) };
    let placed = merge::place(&transcript(&words), &found, rules(), recording)[0];
    assert!((placed.start - 0.5).abs() < 0.03 && (placed.end - 2.2).abs() < 0.03, "{placed:?}");
}

#[test]
fn tones_after_a_request_get_its_reason() {
    use crate::call::{Detector, Segment};
    let tone =
        |start: f64| Segment { start, end: start + 0.2, reason: Reason::Dtmf, detector: Detector::Tones };
    let words = words("please enter your pin now");
    let mut tones = [tone(3.0), tone(60.0)];
    merge::name_tones(&mut tones, &words, None, rules());
    assert_eq!(tones.map(|t| t.reason), [Password, Reason::Dtmf]);
}

#[test]
fn a_shape_tells_nothing_of_the_value() {
    let words = words("card 4532-1488 forty a@b.c");
    let detection = Detection::new(1, 3, CardNumber, "shape");
    assert_eq!(explain::shape(&words, &detection), "dddd-dddd a a@a");
}

proptest! {
    #[test]
    fn any_words_are_detected_in_any_language(
        picks in prop::collection::vec("[a-z0-9@.,/$-]{1,8}|card|cvv|at|dot|com|one|tarjeta|carte|street|@|is", 0..60),
        language in prop::sample::select(vec![None, Some("en"), Some("es"), Some("fr")]),
    ) {
        let words = words(&picks.join(" "));
        let found = detect(&words, language, rules());
        prop_assert!(found.iter().all(|d| d.first <= d.last && d.last < words.len()));
        prop_assert!(found.windows(2).all(|w| w[0].last < w[1].first));
    }

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
