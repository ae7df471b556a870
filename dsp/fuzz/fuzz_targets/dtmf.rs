//! Any samples at any rate give tones inside the audio, in order, in pieces as in one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unsaid_dsp::Rate;
use unsaid_dsp::dtmf::{Detector, detect};

fuzz_target!(|data: &[u8]| {
    let Some((head, samples)) = data.split_first_chunk::<4>() else { return };
    let Some(rate) = Rate::new(u32::from(u16::from_le_bytes([head[0], head[1]])) * 4) else { return };
    let plane: Vec<f32> = match head[2] & 1 {
        0 => samples.as_chunks::<2>().0.iter().map(|b| f32::from(i16::from_le_bytes(*b)) / 32_768.0).collect(),
        _ => samples.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
    };
    let tones = detect(&plane, rate);
    assert!(tones.iter().all(|t| t.span.start <= t.span.end && t.span.end <= plane.len() as u64));
    assert!(tones.windows(2).all(|w| w[0].span.start <= w[1].span.start));
    let mut detector = Detector::new(rate);
    plane.chunks(usize::from(head[3]) + 1).for_each(|piece| detector.push(piece));
    assert!(detector.finish() == tones);
});
