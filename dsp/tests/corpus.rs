//! The fuzzers' corpus, replayed as it is and damaged: no bytes make a panic.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hostile;

use proptest::prelude::*;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files.iter().map(|f| std::fs::read(f).unwrap()).collect()
}

#[test]
fn the_corpus_passes() {
    corpus("container").iter().for_each(|d| hostile::container(d));
    corpus("mute").iter().for_each(|d| hostile::mute(d));
    corpus("dtmf").iter().for_each(|d| hostile::dtmf(d));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damaged_files_decode_or_are_refused(
        pick in any::<prop::sample::Index>(), cut in 0.0f64..1.0,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
    ) {
        let mut data = pick.get(&corpus("mute")).clone();
        if cut > 0.3 {
            data.truncate((data.len() as f64 * cut) as usize);
        }
        for (at, byte) in flips {
            if !data.is_empty() {
                let at = at.index(data.len());
                data[at] = byte;
            }
        }
        hostile::mute(&data);
        // The same file with the one byte that the other target takes.
        if data.len() > 5 {
            hostile::container(&[&data[..1], &data[5..]].concat());
        }
    }
}
