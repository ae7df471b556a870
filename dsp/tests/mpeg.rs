//! MP3 files that are several: joined, with tags and covers between, of other
//! rates, with tags that other encoders wrote. All of it is heard and silenced.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "kit/signal.rs"]
#[allow(dead_code, reason = "a part of the kit serves here")]
mod signal;

use signal::{DIGITS, Dice, Key, add_key, add_noise};
use std::path::PathBuf;
use std::process::Command;
use unsaid_dsp::container::{Layout, ReadAt, locate};
use unsaid_dsp::decode::{decode, decode_whole};
use unsaid_dsp::dtmf::detect;
use unsaid_dsp::mute::reach_frames;
use unsaid_dsp::mute::{Change, Options, Overlay, plan, verify_decoded, verify_outside};
use unsaid_dsp::{Rate, Span};

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("unsaid-mpeg-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let out = Command::new(program).args(arguments).output();
    let out = out.unwrap_or_else(|e| panic!("{program}, which scripts/setup.sh test installs: {e}"));
    assert!(out.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

/// `keys` from `from_s` on in so many seconds of a little noise, as 16-bit samples in a file.
fn keyed(keys: &str, from_s: f64, seconds: f64, rate: u32, channels: usize) -> Vec<u8> {
    let (hz, mut dice) = (f64::from(rate), Dice::new(11));
    let mut plane = vec![0f32; (seconds * hz) as usize];
    add_noise(&mut plane, 0.003, &mut dice);
    for (n, key) in keys.chars().enumerate() {
        let digit = DIGITS.iter().position(|d| *d == key).unwrap();
        add_key(&mut plane, hz, from_s + 0.2 * n as f64, &Key::plain(digit, 0.1, -9.0), &mut dice);
    }
    plane.iter().flat_map(|x| ((x * 32_767.0) as i16).to_le_bytes().repeat(channels)).collect()
}

/// The same as MP3, by ffmpeg.
fn mp3(name: &str, pcm: &[u8], rate: u32, channels: usize, more: &str) -> Vec<u8> {
    let folder = folder(name);
    let (source, made) = (folder.join("source.s16"), folder.join("made.mp3"));
    std::fs::write(&source, pcm).unwrap();
    let (rate, channels) = (rate.to_string(), channels.to_string());
    let mut arguments = vec!["-y", "-v", "error", "-f", "s16le", "-ar", &rate, "-ac", &channels, "-i"];
    arguments.push(source.to_str().unwrap());
    arguments.extend("-map_metadata -1 -id3v2_version 0".split_whitespace());
    arguments.extend(more.split_whitespace());
    arguments.push(made.to_str().unwrap());
    run("ffmpeg", &arguments);
    let bytes = std::fs::read(&made).unwrap();
    let _ = std::fs::remove_dir_all(&folder);
    bytes
}

fn call(name: &str, keys: &str) -> Vec<u8> {
    mp3(name, &keyed(keys, 0.5, 0.8 + 0.2 * keys.len() as f64, 8_000, 1), 8_000, 1, "-b:a 16k")
}

/// The keys that sound, one after the other; what is heard twice in a row is one.
fn digits(plane: &[f32], rate: Rate) -> String {
    let mut all: Vec<char> = detect(plane, rate).iter().map(|t| t.digit.symbol()).collect();
    all.dedup();
    all.into_iter().collect()
}

/// What ffmpeg plays, at the rate and channels of the layout.
fn ffmpeg(name: &str, file: &[u8], layout: &Layout) -> Vec<f32> {
    let folder = folder(name);
    let path = folder.join("played.mp3");
    std::fs::write(&path, file).unwrap();
    let (rate, channels) = (layout.rate.hz().to_string(), layout.channels.to_string());
    let out = Command::new("ffmpeg")
        .args([
            "-v",
            "quiet",
            "-i",
            path.to_str().unwrap(),
            "-ar",
            &rate,
            "-ac",
            &channels,
            "-f",
            "f32le",
            "-",
        ])
        .output()
        .expect("ffmpeg");
    let _ = std::fs::remove_dir_all(&folder);
    let samples = out.stdout.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
    samples.step_by(usize::from(layout.channels)).collect()
}

/// What sox and lame play, the first channel, without a thought of its rate.
fn others(name: &str, file: &[u8]) -> Vec<Vec<f32>> {
    let folder = folder(name);
    let path = folder.join("played.mp3");
    std::fs::write(&path, file).unwrap();
    let path = path.to_str().unwrap();
    let i16s = |program: &str, arguments: &[&str]| -> Vec<f32> {
        let out = Command::new(program).args(arguments).output().unwrap_or_else(|e| panic!("{program}: {e}"));
        out.stdout.as_chunks::<2>().0.iter().map(|b| f32::from(i16::from_le_bytes(*b)) / 32_768.0).collect()
    };
    let played = vec![
        i16s("sox", &["-V0", path, "-t", "s16", "-"]),
        i16s("lame", &["--quiet", "--decode", "-t", path, "-"]),
    ];
    let _ = std::fs::remove_dir_all(&folder);
    played
}

fn muted(file: &[u8], layout: &Layout, spans: &[Span]) -> Vec<u8> {
    let options = Options::default();
    let Change::InPlace(patches) = plan(file, layout, spans, &options).unwrap() else { panic!("in place") };
    let mut after = vec![0u8; file.len()];
    Overlay::new(file, &patches).read_at(0, &mut after).unwrap();
    verify_decoded(after.as_slice(), layout, spans, &options).unwrap().unwrap();
    let reach = reach_frames(layout).unwrap();
    verify_outside(file, after.as_slice(), layout, spans, reach).unwrap().unwrap();
    after
}

/// Hears `want` in `file` and nothing of it in what anybody plays afterwards.
fn silenced(name: &str, file: &[u8], want: &str) -> Layout {
    let layout = locate("a.mp3", file).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!((layout.account.total(), layout.account.unaccounted), (file.len() as u64, 0), "{name}");
    let samples = decode(file, &layout).unwrap();
    assert_eq!(samples.frames() as u64, layout.frames(), "{name}");
    let played = ffmpeg(name, file, &layout);
    // ffmpeg plays the first frame behind a change, a tag's silent one, at the rate before it.
    let most = if layout.rate == layout.slowest { 0.001 } else { 0.08 };
    assert!(
        played.len().abs_diff(samples.frames()) as f64 <= most * f64::from(layout.rate.hz()),
        "{name}: ffmpeg plays {}, {} were heard",
        played.len(),
        samples.frames()
    );
    assert_eq!(digits(&samples.planes[0], layout.rate), want, "{name}");
    let spans: Vec<Span> = detect(&samples.planes[0], layout.rate).iter().map(|t| t.span).collect();
    let after = muted(file, &layout, &spans);
    assert_eq!(digits(&ffmpeg(name, &after, &layout), layout.rate), "", "{name}: ffmpeg plays them yet");
    for played in others(name, &after) {
        let loud = played.iter().fold(0f32, |m, x| m.max(x.abs()));
        assert!(loud < 0.06, "{name}: sox or lame plays {loud}");
    }
    layout
}

#[test]
fn joined_files_of_other_rates_and_channels_are_one_recording() {
    let a = call("rates-a", "12");
    let wide = mp3("rates-b", &keyed("4532", 0.5, 1.6, 16_000, 1), 16_000, 1, "-b:a 32k");
    let stereo = mp3("rates-c", &keyed("4532", 0.5, 1.6, 8_000, 2), 8_000, 2, "-b:a 24k");
    let jingle = mp3("rates-d", &keyed("", 0.0, 1.5, 44_100, 2), 44_100, 2, "-b:a 96k");
    silenced("same", &[a.clone(), call("rates-e", "4532")].concat(), "124532");
    assert_eq!(silenced("rate", &[a.clone(), wide].concat(), "124532").rate.hz(), 16_000);
    assert_eq!(silenced("channels", &[a.clone(), stereo].concat(), "124532").channels, 2);
    let layout = silenced("jingle", &[jingle, a.clone()].concat(), "12");
    assert_eq!((layout.rate.hz(), layout.slowest.hz(), layout.channels), (44_100, 8_000, 2));
    assert!((layout.duration_s() - 2.8).abs() < 0.2, "{}", layout.duration_s());
}

fn id3(body: &[u8]) -> Vec<u8> {
    let len = body.len() as u32;
    let size: Vec<u8> = (0..4).rev().map(|n| (len >> (7 * n) & 0x7F) as u8).collect();
    [b"ID3\x03\0\0", size.as_slice(), body].concat()
}

#[test]
fn a_second_file_s_tag_with_a_cover_of_any_size_hides_nothing() {
    let (a, b) = (call("cover-a", "12"), call("cover-b", "4532"));
    for len in [90, 9_000, 90_000, 900_000] {
        // As in a JPEG: no 0xFF but before a zero.
        let mut dice = Dice::new(3);
        let cover: Vec<u8> = (0..len).map(|_| dice.below(255) as u8).collect();
        let file = [a.as_slice(), &id3(&[b"APIC\0\0\0\0\0\0", cover.as_slice()].concat()), &b].concat();
        let layout = silenced("cover", &file, "124532");
        assert_eq!(layout.account.foreign, 0, "{len}: the tag is known");
    }
}

#[test]
fn a_false_tag_in_the_middle_swallows_no_frame() {
    let (a, b) = (call("false-a", "12"), call("false-b", "4532"));
    // The tag says that it holds the whole second file.
    let mut head = id3(&b);
    head.truncate(10);
    silenced("false", &[a.clone(), head, b.clone()].concat(), "124532");
    // At the very start every player believes it: refused, for what it hides sounds somewhere.
    let file = [id3(&b), a].concat();
    assert!(locate("a.mp3", file.as_slice()).is_err());
}

/// A file with other bytes where LAME signs, and where it counts its delay and padding.
fn signed(file: &[u8], name: &[u8], gaps: [u8; 3]) -> Vec<u8> {
    let at = file.windows(4).position(|w| w == b"Info" || w == b"Xing").unwrap();
    let flags = usize::from(file[at + 7]);
    let ext = at + 8 + 4 * (flags & 1) + 2 * (flags & 2) + 25 * (flags & 4) + (flags & 8) / 2;
    let mut out = file.to_vec();
    out[ext..ext + 9].copy_from_slice(name);
    out[ext + 21..ext + 24].copy_from_slice(&gaps);
    out
}

#[test]
fn only_lame_and_ffmpeg_cut_off_a_start_or_an_end() {
    let file = mp3("alien", &keyed("124532", 0.05, 1.25, 8_000, 1), 8_000, 1, "-b:a 16k");
    let theirs = locate("a.mp3", signed(&file, b"Codec-X 1", [0xFF; 3]).as_slice()).unwrap();
    let ours = locate("a.mp3", file.as_slice()).unwrap();
    assert_eq!(ours.frames(), 10_000);
    assert!(theirs.frames() > 10_000 + 1_105, "nothing is cut off");
    silenced("alien", &signed(&file, b"Codec-X 1", [0xFF; 3]), "124532");
}

#[test]
fn keys_that_a_tag_cuts_off_are_heard_and_go_with_the_edge() {
    let file = mp3("hidden", &keyed("124532", 0.05, 1.25, 8_000, 1), 8_000, 1, "-b:a 16k");
    // 4095 samples of padding: ffmpeg does not play the last two keys; sox does.
    let file = signed(&file, b"LAME3.100", [0x24, 0x0F, 0xFF]);
    let layout = locate("a.mp3", file.as_slice()).unwrap();
    let whole = decode_whole(file.as_slice(), &layout).unwrap();
    assert_eq!(digits(&whole.samples.planes[0], layout.rate), "124532");
    let heard = decode(file.as_slice(), &layout).unwrap();
    assert!(digits(&heard.planes[0], layout.rate).len() < 6, "ffmpeg's time line ends before");
    assert_eq!(ffmpeg("hidden", &file, &layout).len(), heard.frames());
    let spans: Vec<Span> =
        detect(&whole.samples.planes[0], layout.rate).iter().map(|t| whole.cuts.heard(t.span)).collect();
    let after = muted(&file, &layout, &spans);
    for played in others("hidden", &after) {
        let loud = played.iter().fold(0f32, |m, x| m.max(x.abs()));
        assert!(loud < 0.06, "sox or lame plays {loud}");
    }
}

#[test]
fn other_layers_and_free_format_are_refused_by_name() {
    let pcm = keyed("12", 0.5, 1.5, 48_000, 1);
    let two = mp3("two", &pcm, 48_000, 1, "-c:a mp2 -b:a 64k -f mp2");
    for name in ["a.mp2", "a.mp3", "a"] {
        let error = locate(name, two.as_slice()).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(name == "a" || error.contains("layer II"), "{name}: {error}");
        assert!(!error.is_empty(), "{name}");
    }
    let joined = [call("layers", "12"), two].concat();
    assert!(locate("a.mp3", joined.as_slice()).unwrap_err().to_string().contains("layer II"));
    let folder = folder("free");
    let (source, made) = (folder.join("source.s16"), folder.join("free.mp3"));
    std::fs::write(&source, &pcm).unwrap();
    let (source, free) = (source.to_str().unwrap(), made.to_str().unwrap());
    run("lame", &["--quiet", "-r", "-s", "48", "-m", "m", "--freeformat", "-b", "70", "-t", source, free]);
    let free = std::fs::read(&made).unwrap();
    assert!(locate("a.mp3", free.as_slice()).unwrap_err().to_string().contains("free format"));
    let _ = std::fs::remove_dir_all(&folder);
}

#[test]
fn frames_tell_what_a_file_is_whatever_it_is_called() {
    let bare = mp3("named", &keyed("12", 0.5, 1.5, 8_000, 1), 8_000, 1, "-b:a 16k -write_xing 0");
    for name in ["a.wav", "a.WAV", "a.ulaw", "a.bin", "call"] {
        let layout = locate(name, bare.as_slice()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(layout.container.name(), "mp3", "{name}");
    }
    let mut dice = Dice::new(5);
    let noise: Vec<u8> = (0..400_000).map(|_| dice.below(256) as u8).collect();
    assert!(locate("a.mp3", noise.as_slice()).is_err(), "noise is no recording");
}

#[test]
fn mp3_in_a_wav_file_is_silenced_under_any_name() {
    let bare = mp3("riff", &keyed("4532", 0.5, 1.6, 8_000, 1), 8_000, 1, "-b:a 16k -write_xing 0");
    let mut file =
        b"RIFF\0\0\0\0WAVEfmt \x12\0\0\0\x55\0\x01\0\x40\x1F\0\0\xD0\x07\0\0\x01\0\0\0\0\0data".to_vec();
    file.extend((bare.len() as u32).to_le_bytes());
    file.extend(&bare);
    file.extend(b"LIST\x04\0\0\0INFO");
    let said = (file.len() as u32 - 8).to_le_bytes();
    file[4..8].copy_from_slice(&said);
    for name in ["a.wav", "a.mp3", "a"] {
        let layout = locate(name, file.as_slice()).unwrap();
        assert_eq!((layout.container.name(), layout.codec.name()), ("wav", "mp3"), "{name}");
        assert_eq!((layout.account.total(), layout.account.unaccounted), (file.len() as u64, 0));
        assert_eq!(ffmpeg("riff", &file, &layout).len() as u64, layout.frames());
        let samples = decode(file.as_slice(), &layout).unwrap();
        assert_eq!(digits(&samples.planes[0], layout.rate), "4532");
        let spans: Vec<Span> = detect(&samples.planes[0], layout.rate).iter().map(|t| t.span).collect();
        let after = muted(&file, &layout, &spans);
        assert_eq!(digits(&ffmpeg("riff", &after, &layout), layout.rate), "");
        assert_eq!(locate(name, after.as_slice()).unwrap().frames(), layout.frames());
    }
    let mut two = file.clone();
    two[20] = 0x50;
    assert!(locate("a.wav", two.as_slice()).unwrap_err().to_string().contains("layer I or II"));
}
