//! The kit's score as a table, or the kit as files for other receivers:
//! `cargo run --release --example kit -- score|write FOLDER`.
#![allow(clippy::expect_used, reason = "a kit that cannot be made has nothing to report")]

#[path = "../tests/kit/mod.rs"]
mod kit;

use kit::score::{Found, Score};
use kit::{Case, cases, negatives, songs};
use std::collections::BTreeMap;
use unsaid_dsp::{Rate, dtmf};

fn all(which: &str) -> Vec<Case> {
    let mut out = Vec::new();
    if which != "negative" {
        out.extend(cases::all());
    }
    if which != "positive" {
        for language in
            ["en_US_f_Allison", "es_MX_f_Allison", "fr_CA_f_June", "it_IT_m_Carlo", "ru_RU_f_IvrvoiceRU"]
        {
            out.extend(negatives::prompts(language));
        }
        out.extend(negatives::music());
        out.extend(negatives::mixed(180));
        out.extend(negatives::tones());
        out.extend(negatives::vowels());
        out.extend(negatives::vowels_on_the_tones());
        out.extend(songs::sung(30));
        out.extend(songs::sung_on_the_tones(15));
        out.extend(songs::chords(12));
        out.extend(songs::modems(12));
        out.extend(negatives::synthetic());
        out.extend(negatives::coded());
    }
    out
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(series) = arguments.get(3) {
        kit::signal::SERIES.store(series.parse().expect("a number"), std::sync::atomic::Ordering::Relaxed);
    }
    let which = arguments.get(2).map_or("", String::as_str);
    match arguments.get(1).map(String::as_str) {
        Some("score") => score(which),
        Some("write") => write(which),
        Some("judge") => judge(which),
        Some("order") => order(which),
        Some("evidence") => evidence(which),
        _ => eprintln!(
            "kit score|evidence [all|positive|negative] [SERIES] | kit write FOLDER | kit judge|order TSV"
        ),
    }
}

fn score(which: &str) {
    report(&all(which), |_, case| kit::detect(case));
}

/// What another receiver found, as lines of FILE, DIGIT, START_S, END_S in the files that `write` made.
fn judge(tsv: &str) {
    let mut found: BTreeMap<usize, Vec<(char, f64, f64)>> = BTreeMap::new();
    for line in std::fs::read_to_string(tsv).expect("the receiver's lines").lines() {
        let f: Vec<&str> = line.split('\t').collect();
        let number = |n: usize| f[n].parse::<f64>().expect("seconds");
        let digit = f[1].chars().next().expect("a digit");
        found.entry(f[0][..5].parse().expect("a file's number")).or_default().push((
            digit,
            number(2),
            number(3),
        ));
    }
    let none = Vec::new();
    report(&all(""), |n, case| {
        let rate = f64::from(case.rate);
        let of = |&(digit, a, b): &(char, f64, f64)| Found {
            digit,
            start: (a * rate) as usize,
            end: (b * rate) as usize,
        };
        found.get(&n).unwrap_or(&none).iter().map(of).collect()
    });
}

/// A receiver that tells digits but no times (FILE, DIGIT): how many of each
/// file's keys it names in their order, and how many digits it names besides.
fn order(tsv: &str) {
    let mut found: BTreeMap<usize, Vec<char>> = BTreeMap::new();
    for line in std::fs::read_to_string(tsv).expect("the receiver's lines").lines() {
        let (file, digit) = line.split_once('\t').expect("two fields");
        found.entry(file[..5].parse().expect("a file's number")).or_default().extend(digit.chars().next());
    }
    let mut rows: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    for (n, case) in all("").iter().enumerate() {
        let said = found.remove(&n).unwrap_or_default();
        let must: Vec<char> = case.truths.iter().filter(|t| t.must).map(|t| t.digit).collect();
        let named = common(&must, &said);
        let row = rows.entry(case.category).or_default();
        let may = case.truths.len() - must.len();
        *row = (row.0 + must.len(), row.1 + named, row.2 + (said.len() - named).saturating_sub(may));
    }
    println!("category        recall   false");
    for (category, (must, named, falses)) in rows {
        let recall = if must == 0 { 100.0 } else { 100.0 * named as f64 / must as f64 };
        println!("{category:14} {recall:6.2}% {falses:6}");
    }
}

/// The length of the longest common subsequence.
fn common(a: &[char], b: &[char]) -> usize {
    let mut row = vec![0usize; b.len() + 1];
    for x in a {
        let mut diagonal = 0;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = if x == y { diagonal + 1 } else { above.max(row[j]) };
            diagonal = above;
        }
    }
    row[b.len()]
}

fn report(cases: &[Case], mut receiver: impl FnMut(usize, &Case) -> Vec<Found>) {
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    let mut falses: BTreeMap<String, usize> = BTreeMap::new();
    for (n, case) in cases.iter().enumerate() {
        let found = receiver(n, case);
        let score = scores.entry(case.category).or_default();
        let before = score.falses;
        score.add(case, &found);
        if score.falses > before {
            *falses.entry(format!("{}: {}", case.category, case.condition)).or_default() +=
                score.falses - before;
        }
    }
    println!(
        "category        recall      may   false  hours  edge p50/p95/max ms  covered  excess p99  uncovered p99"
    );
    for (category, s) in &scores {
        println!(
            "{category:14} {:6.2}% {:4}/{:<4} {:5} {:6.2} {:6.2} {:6.2} {:6.2} {:10.2}% {:8.2} {:8.2}",
            s.recall() * 100.0,
            s.may_hit,
            s.may,
            s.falses,
            s.seconds / 3600.0,
            Score::percentile(&s.edges_ms, 0.5),
            Score::percentile(&s.edges_ms, 0.95),
            Score::percentile(&s.edges_ms, 1.0),
            s.covered_share() * 100.0,
            Score::percentile(&s.excess_ms, 0.99),
            Score::percentile(&s.uncovered_ms, 0.99),
        );
        let wide: Vec<_> = s.wide.iter().filter(|b| *b.1 > 0).collect();
        if !wide.is_empty() {
            println!("    more than 12 ms too much {wide:?}");
        }
        let bare: Vec<_> = s.bare.iter().filter(|b| *b.1 > 0).collect();
        if !bare.is_empty() {
            println!("    not wholly covered {bare:?}");
        }
        if !s.missed.is_empty() {
            println!("    missed {:?}", s.missed);
        }
    }
    let sum = |of: fn(&Score) -> usize| scores.values().map(of).sum::<usize>();
    println!(
        "all: {} of {} found, {} wholly covered; falses {falses:?}",
        sum(|s| s.hit),
        sum(|s| s.must),
        sum(|s| s.covered)
    );
}

/// Files with a `truth.tsv`: name, category, condition, digit, start_s, end_s, must.
fn write(folder: &str) {
    use std::fmt::Write;
    let mut truth = String::new();
    for (n, case) in all("").iter().enumerate() {
        let name = format!("{n:05}.wav");
        kit::codecs::write_wav(&std::path::Path::new(folder).join(&name), case.rate, &case.plane);
        let rate = f64::from(case.rate);
        let _ = writeln!(truth, "{name}\t{}\t{}\t\t\t\t", case.category, case.condition);
        for t in &case.truths {
            let (start, end) = (t.start as f64 / rate, t.end as f64 / rate);
            let _ = writeln!(
                truth,
                "{name}\t{}\t{}\t{}\t{start:.6}\t{end:.6}\t{}",
                case.category, case.condition, t.digit, t.must
            );
        }
    }
    std::fs::write(std::path::Path::new(folder).join("truth.tsv"), truth).expect("the truth written");
}

/// Every candidate's evidence as a line of numbers, for tuning the judge.
fn evidence(which: &str) {
    println!(
        "case\tcategory\tcondition\ttrue\tmust\thits\tlen_s\tdev_row\tdev_column\tdrift\tshare\tband_share\trival\ttwist\tunsteady\toutside\tamplitude\tstart_ms\tend_ms\ttruth\tweight"
    );
    for (n, case) in all(which).iter().enumerate() {
        if case.rate != 8_000 {
            continue;
        }
        for e in dtmf::examine(&case.plane, Rate::NARROW_BAND) {
            let (start, end) = (e.span.start as usize, e.span.end as usize);
            let digit = e.digit.symbol();
            let truth = case.truths.iter().find(|t| t.digit == digit && t.start < end && start < t.end);
            let off = |a: usize, b: usize| (a as f64 - b as f64) / 8.0;
            println!(
                "{n}\t{}\t{}\t{}\t{}\t{}\t{:.4}\t{:.4}\t{:.4}\t{:.4}\t{:.3}\t{:.3}\t{:.4}\t{:.1}\t{:.2}\t{:.3}\t{:.5}\t{:.2}\t{:.2}\t{}\t{:.3}",
                case.category,
                case.condition,
                u8::from(truth.is_some()),
                u8::from(truth.is_some_and(|t| t.must)),
                e.hits,
                e.len_s,
                e.deviation[0],
                e.deviation[1],
                e.drift,
                e.share,
                e.band_share,
                e.rival,
                e.twist_db,
                e.unsteady,
                e.outside,
                e.amplitude,
                truth.map_or(0.0, |t| off(start, t.start)),
                truth.map_or(0.0, |t| off(end, t.end)),
                truth.map_or(0, |t| t.start),
                e.weight,
            );
        }
    }
}
