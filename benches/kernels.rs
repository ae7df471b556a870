//! The kernels over one hour of narrow-band audio and its words.
#![allow(clippy::unwrap_used, reason = "a bench that cannot run has nothing to report")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use unsaid::call::Word;
use unsaid::detect::{Ruleset, detect};
use unsaid_dsp::container::{locate, wav};
use unsaid_dsp::{Rate, Span, decode, dtmf, mute};

const HOUR_FRAMES: usize = 8_000 * 3_600;

/// An hour of a recording of the demo office, over and over.
fn hour() -> Vec<u8> {
    let call = include_bytes!(
        "../tests/data/office/monitor/2024/05/14/external-201-15557654321-20240514-093012-1715693412.34.wav"
    );
    let mut file = wav::pcm16_header(Rate::NARROW_BAND, 1, (HOUR_FRAMES * 2) as u32).to_vec();
    file.extend(call[44..].iter().cycle().take(HOUR_FRAMES * 2));
    file
}

fn audio(c: &mut Criterion) {
    let file = hour();
    let layout = locate("hour.wav", file.as_slice()).unwrap();
    let samples = decode::decode(file.as_slice(), &layout).unwrap();
    let spans: Vec<Span> = (1..=10).map(|n| Span::new(n * 2_400_000, n * 2_400_000 + 24_000)).collect();
    let mut group = c.benchmark_group("one hour at 8 kHz");
    group.sample_size(10);
    group.bench_function("decode", |b| {
        b.iter(|| decode::decode(black_box(file.as_slice()), &layout).unwrap())
    });
    group.bench_function("dtmf", |b| b.iter(|| dtmf::detect(black_box(&samples.planes[0]), samples.rate)));
    group.bench_function("plan 10 spans", |b| {
        b.iter(|| {
            mute::patches(black_box(file.as_slice()), &layout, &spans, &mute::Options::default()).unwrap()
        })
    });
    group.finish();
}

fn words(c: &mut Criterion) {
    let said = "thank you for calling my card is four five three two one four double eight and it expires 09/27 okay \
                one moment please what is your date of birth march ninth nineteen eighty four thanks so much";
    let words: Vec<Word> = said
        .split_whitespace()
        .cycle()
        .take(100_000)
        .enumerate()
        .map(|(n, w)| Word {
            text: w.to_owned(),
            start_s: n as f64 * 0.4,
            end_s: n as f64 * 0.4 + 0.3,
            speaker: None,
        })
        .collect();
    // Every kind of secret, without speakers: a call is one turn, and most words belong to a value.
    let dense: Vec<Word> = include_str!("../tests/data/spans/en_secrets.txt")
        .lines()
        .filter_map(|line| line.splitn(3, ';').nth(2))
        .flat_map(str::split_whitespace)
        .filter(|w| !w.ends_with(':') && !w.starts_with('['))
        .map(|w| w.trim_matches(['<', '>', ']']))
        .collect::<Vec<_>>()
        .into_iter()
        .cycle()
        .take(words.len())
        .zip(&words)
        .map(|(text, word)| Word { text: text.to_owned(), ..word.clone() })
        .collect();
    let rules = Ruleset::new().unwrap();
    let mut group = c.benchmark_group("words");
    group.throughput(Throughput::Elements(words.len() as u64)).sample_size(10);
    group.bench_function("detect", |b| b.iter(|| detect(black_box(&words), Some("en"), &rules)));
    group.bench_function("detect, secrets alone", |b| {
        b.iter(|| detect(black_box(&dense), Some("en"), &rules))
    });
    group.finish();
}

criterion_group!(benches, audio, words);
criterion_main!(benches);
