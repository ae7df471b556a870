//! The receiver against the kit: what the standards ask and what a redactor
//! needs beyond them. `examples/kit.rs` prints the same as a table.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod kit;

use kit::score::Score;
use kit::{Case, cases, negatives};
use std::collections::BTreeMap;
use unsaid_dsp::{Rate, dtmf};

fn scores(cases: &[Case]) -> BTreeMap<&'static str, Score> {
    let mut scores: BTreeMap<&'static str, Score> = BTreeMap::new();
    for case in cases {
        scores.entry(case.category).or_default().add(case, &kit::detect(case));
    }
    scores
}

#[test]
fn keys_are_found_whole_and_to_the_millisecond() {
    for (category, score) in scores(&cases::all()) {
        // At the tones' own level and 3 dB below it, a voice hides an edge of one in fifty.
        let (recall, cover) = match category {
            "over a talker" | "over babble" => (0.995, 0.985),
            "codecs" => (0.995, 0.955),
            "noise" => (0.995, 0.985),
            _ => (0.995, 0.99),
        };
        let edge_ms = if category == "codecs" { 4.0 } else { 3.0 };
        assert!(score.must > 0, "{category} holds no key");
        assert!(score.recall() >= recall, "{category}: recall {} {:?}", score.recall(), score.missed);
        assert!(
            score.covered_share() >= cover,
            "{category}: {} covered {:?}",
            score.covered_share(),
            score.bare
        );
        let p95 = Score::percentile(&score.edges_ms, 0.95);
        assert!(p95 <= edge_ms, "{category}: edges {p95} ms off");
    }
}

/// An echo of a key is the key, heard again: it goes too.
#[test]
fn no_span_is_more_than_12_ms_too_wide_but_for_echoes() {
    for (category, score) in scores(&cases::all()) {
        let wide: usize = score.wide.iter().filter(|(c, _)| !c.contains("echo")).map(|(_, n)| n).sum();
        assert!(wide * 100 <= score.must, "{category}: {:?}", score.wide);
    }
}

#[test]
fn a_key_is_found_at_every_rate_and_on_either_channel() {
    for case in cases::all().iter().filter(|c| c.category == "clean") {
        let silent = vec![0f32; case.plane.len()];
        for planes in [[case.plane.clone(), silent.clone()], [silent.clone(), case.plane.clone()]] {
            let rate = Rate::new(case.rate).expect("a rate");
            let found: usize = planes.iter().map(|p| dtmf::detect(p, rate).len()).sum();
            assert_eq!(found, case.truths.len(), "{}", case.condition);
        }
    }
}

#[test]
fn audio_in_pieces_gives_what_it_gives_in_one() {
    let case = &cases::all()[4];
    let rate = Rate::new(case.rate).expect("a rate");
    // Past the eight seconds that are looked at together.
    let long: Vec<f32> = case.plane.iter().cycle().take(case.plane.len() * 5).copied().collect();
    let whole = dtmf::detect(&long, rate);
    assert!(whole.len() >= 4 * case.truths.len());
    for piece in [1usize, 7, 160, 4_096, 100_000] {
        let mut detector = dtmf::Detector::new(rate);
        long.chunks(piece).for_each(|p| detector.push(p));
        assert!(detector.finish() == whole, "in pieces of {piece}");
    }
}

#[test]
fn no_voice_and_no_music_is_a_key() {
    let mut all = negatives::music();
    for language in
        ["en_US_f_Allison", "es_MX_f_Allison", "fr_CA_f_June", "it_IT_m_Carlo", "ru_RU_f_IvrvoiceRU"]
    {
        let prompts = negatives::prompts(language);
        assert!(!prompts.is_empty(), "the prompts in {language} are missing: scripts/setup.sh test");
        all.extend(prompts);
    }
    all.extend(negatives::mixed(40));
    for (category, score) in scores(&all) {
        assert_eq!(score.falses, 0, "{category}, {:.1} h", score.seconds / 3600.0);
    }
}

/// spandsp takes 64 of these vowels and 138 of these tones for keys.
#[test]
fn few_sung_vowels_and_signals_of_the_network_are_keys() {
    let mut vowels = negatives::vowels();
    vowels.extend(negatives::vowels_on_the_tones());
    for (kind, cases) in [("vowels", vowels), ("tones", negatives::tones())] {
        let falses: usize = scores(&cases).values().map(|s| s.falses).sum();
        assert!(falses <= 6, "{falses} {kind}");
    }
}

/// R1's seven is 700 and 1500 Hz; a key of a telephone that is 0.4 and 1.6 % off is the same signal.
#[test]
fn what_could_be_r1_s_seven_is_a_key_in_the_company_of_keys() {
    let mut dice = kit::signal::Dice::new(1);
    let mut plane = vec![0f32; 16_000];
    let three = kit::signal::Key {
        row_off: 700.0 / 697.0 - 1.0,
        column_off: 1_500.0 / 1_477.0 - 1.0,
        ..kit::signal::Key::plain(2, 0.08, -12.0)
    };
    kit::signal::add_key(&mut plane, 8e3, 0.5, &three, &mut dice);
    assert!(dtmf::detect(&plane, Rate::NARROW_BAND).is_empty());
    kit::signal::add_key(&mut plane, 8e3, 0.8, &kit::signal::Key::plain(5, 0.08, -12.0), &mut dice);
    let digits: String = dtmf::detect(&plane, Rate::NARROW_BAND).iter().map(|t| t.digit.symbol()).collect();
    assert_eq!(digits, "35");
}
