//! What must hold for any bytes at all: shared by the fuzz targets and the
//! test that replays their corpus.

use unsaid_dsp::container::locate;
use unsaid_dsp::decode::Reader;
use unsaid_dsp::dtmf::{Detector, detect};
use unsaid_dsp::mute::{Change, Options, apply, plan, spliced, verify, verify_decoded};
use unsaid_dsp::{Layout, Rate, Span};

/// The first byte chooses the name, and so the headerless format.
const NAMES: [&str; 9] = ["a.wav", "a.mp3", "a.gsm", "a.g722", "a.sln", "a.ulaw", "a.al", "a", "a.raw"];

/// A header may promise hours; so many frames show as much as all of them.
const MOST_FRAMES: u64 = 400_000;

/// Any bytes under any name decode or are an error. What is accepted accounts
/// for every byte, and is heard to the frame.
pub fn container(data: &[u8]) {
    let Some((first, file)) = data.split_first() else { return };
    let name = NAMES[usize::from(*first) % NAMES.len()];
    let Ok(layout) = locate(name, file) else { return };
    assert_eq!((layout.account.total(), layout.account.unaccounted), (file.len() as u64, 0));
    let Ok(mut reader) = Reader::open(file, &layout) else { return };
    let (mut planes, mut heard) = (Vec::new(), 0u64);
    while heard < MOST_FRAMES {
        match reader.next(&mut planes) {
            Ok(true) => assert!(planes.iter().all(|p| p.len() == planes[0].len())),
            Ok(false) => return assert_eq!(heard, layout.frames(), "what is heard is not what was told"),
            Err(_) => return,
        }
        heard += planes[0].len() as u64;
    }
}

/// A mute of any bytes is an error, or keeps the length and touches nothing
/// but its patches, and the file is still what it was. Five bytes choose the
/// name, the span and whether it has a ramp.
pub fn mute(data: &[u8]) {
    let Some((head, file)) = data.split_first_chunk::<5>() else { return };
    let name = NAMES[usize::from(head[0]) % NAMES.len()];
    let Ok(layout) = locate(name, file) else { return };
    let start = u64::from(u16::from_le_bytes([head[1], head[2]]));
    let spans = [Span::new(start, start + u64::from(u16::from_le_bytes([head[3], head[4]])))];
    let options = Options { ramp_s: if head[0] & 0x80 != 0 { 0.002 } else { 0.0 }, ..Options::default() };
    match plan(file, &layout, &spans, &options) {
        Ok(Change::InPlace(patches)) => {
            let mut once = file.to_vec();
            apply(&mut once, &patches);
            assert_eq!(verify(file, &once, &patches), Ok(()));
            // Which of `.raw` is left to hear can tell another number of parties.
            if !name.ends_with("raw") {
                assert_eq!(locate(name, once.as_slice()).ok().map(|l| l.frames()), Some(layout.frames()));
            }
            silent(&once, &layout, &spans, &options);
        }
        Ok(Change::Rewritten(splices)) => silent(&spliced(file, &splices), &layout, &spans, &options),
        Err(_) => {}
    }
}

/// What was muted is silent when it is decoded again, or is not decoded at all.
fn silent(after: &[u8], layout: &Layout, spans: &[Span], options: &Options) {
    if layout.frames() < MOST_FRAMES
        && let Ok(verified) = verify_decoded(after, layout, spans, options)
    {
        assert_eq!(verified, Ok(()));
    }
}

/// Any samples at any rate give tones inside the audio, in order, in pieces as
/// in one. Four bytes choose the rate, the samples' format and the pieces.
pub fn dtmf(data: &[u8]) {
    let Some((head, samples)) = data.split_first_chunk::<4>() else { return };
    let Some(rate) = Rate::new(u32::from(u16::from_le_bytes([head[0], head[1]])) * 4) else { return };
    let plane: Vec<f32> = match head[2] & 1 {
        0 => {
            samples.as_chunks::<2>().0.iter().map(|b| f32::from(i16::from_le_bytes(*b)) / 32_768.0).collect()
        }
        _ => samples.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
    };
    let tones = detect(&plane, rate);
    assert!(tones.iter().all(|t| t.span.start <= t.span.end && t.span.end <= plane.len() as u64));
    assert!(tones.windows(2).all(|w| w[0].span.start <= w[1].span.start));
    let mut detector = Detector::new(rate);
    plane.chunks(usize::from(head[3]) + 1).for_each(|piece| detector.push(piece));
    assert!(detector.finish() == tones);
}
