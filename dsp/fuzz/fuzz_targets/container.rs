//! Any bytes under any name decode or are an error. The first byte chooses the name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unsaid_dsp::container::{locate, probe};
use unsaid_dsp::decode::Reader;

const NAMES: [&str; 8] = ["a.wav", "a.mp3", "a.gsm", "a.g722", "a.sln", "a.ulaw", "a.al", "a"];

fuzz_target!(|data: &[u8]| {
    let Some((first, file)) = data.split_first() else { return };
    let name = NAMES[usize::from(*first) % NAMES.len()];
    let _ = probe(name, file);
    let Ok(layout) = locate(name, file) else { return };
    let Ok(mut reader) = Reader::open(file, &layout) else { return };
    let mut planes = Vec::new();
    // A header may promise hours; some stretches show as much as all of them.
    for _ in 0..64 {
        match reader.next(&mut planes) {
            Ok(true) => assert!(planes.iter().all(|p| p.len() == planes[0].len())),
            _ => break,
        }
    }
});
