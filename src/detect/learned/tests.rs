use super::*;

/// What `learn/teach.py` wrote beside the weights: words, and what the network made of them there.
const WRITTEN: &str = include_str!("written.json");

#[derive(serde::Deserialize)]
struct Written {
    /// Word, speaker, and which reason the rules see in it.
    words: Vec<(String, Option<String>, usize)>,
    likelihoods: Vec<Vec<f32>>,
}

#[test]
fn the_network_reads_as_it_did_where_it_was_taught() {
    let written: Vec<Written> = serde_json::from_str(WRITTEN).unwrap();
    assert!(written.len() > 20);
    for (n, call) in written.iter().enumerate() {
        let words: Vec<Word> = call
            .words
            .iter()
            .map(|(text, speaker, _)| Word {
                text: text.clone(),
                start_s: 0.0,
                end_s: 0.1,
                speaker: speaker.clone(),
            })
            .collect();
        let rules: Vec<usize> = call.words.iter().map(|(_, _, rule)| *rule).collect();
        let read = NET.as_ref().unwrap().read(&words, &rules);
        assert_eq!(read.len(), call.likelihoods.len());
        for (at, (here, there)) in read.iter().zip(&call.likelihoods).enumerate() {
            let apart = here.iter().zip(there).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart < 0.01, "call {n}, word {at}: {here:?} {there:?}");
        }
    }
}

#[test]
fn a_file_that_is_no_network_is_none() {
    let net = |file| Net::parse(file, Vectors::parse(vectors::FILE).unwrap());
    assert!(net(b"").is_none());
    assert!(net(b"unsaid02 and nothing that follows").is_none());
    assert!(Vectors::parse(b"").is_none());
    assert!(Vectors::parse(b"unsaidw1 and nothing that follows").is_none());
    assert!(Vectors::parse(&vectors::FILE[..vectors::FILE.len() - 1]).is_none());
}

#[test]
fn no_words_are_no_values() {
    assert!(Reading::of(&[], &[]).unwrap().values().is_empty());
}
