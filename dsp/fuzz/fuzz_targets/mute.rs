//! A mute of any bytes is an error, or keeps the length, stays inside the file
//! and gives the same bytes when done twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unsaid_dsp::Span;
use unsaid_dsp::container::locate;
use unsaid_dsp::mute::{Change, Options, apply, plan, spliced, verify};

const NAMES: [&str; 8] = ["a.wav", "a.mp3", "a.gsm", "a.g722", "a.sln", "a.ulaw", "a.al", "a"];

fuzz_target!(|data: &[u8]| {
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
            let again = locate(name, once.as_slice()).expect("the layout stays");
            assert_eq!(again.frames(), layout.frames());
        }
        Ok(Change::Rewritten(splices)) => {
            let _ = spliced(file, &splices);
        }
        Err(_) => {}
    }
});
