//! Every format that a recording comes in: our decoders against the reference
//! ones (ffmpeg, sox, libopus as test-only peers), and the mute in each.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "kit/signal.rs"]
#[allow(dead_code, reason = "a part of the kit serves here")]
mod signal;

use signal::{Dice, Key, add_key, add_noise, add_vowel};
use std::path::{Path, PathBuf};
use std::process::Command;
use unsaid_dsp::Span;
use unsaid_dsp::container::{Layout, locate, ogg};
use unsaid_dsp::decode::decode;
use unsaid_dsp::mute::{
    Change, Options, Overlay, plan, reach_frames, ring_frames, spliced, verify_decoded, verify_outside,
};

/// Who decodes for comparison.
#[derive(Clone, Copy, PartialEq)]
enum Peer {
    Ffmpeg,
    /// ffmpeg rounds IMA's steps otherwise than the standard; sox does as it says.
    Sox,
    /// libopus, not ffmpeg's own decoder.
    Libopus,
}

struct Format {
    name: &'static str,
    /// The source's rate and channels.
    rate: u32,
    channels: usize,
    /// Arguments for ffmpeg, or a program of its own.
    make: &'static str,
    peer: Peer,
    /// Arguments that tell the peer about headerless files.
    raw: &'static str,
    /// Largest difference between the decoders.
    most: f32,
}

const fn f(name: &'static str, rate: u32, channels: usize, make: &'static str) -> Format {
    Format { name, rate, channels, make, peer: Peer::Ffmpeg, raw: "", most: 0.0 }
}

const FORMATS: &[Format] = &[
    f("u8.wav", 8_000, 1, "-c:a pcm_u8"),
    f("s16.wav", 8_000, 1, "-c:a pcm_s16le"),
    f("stereo.wav", 44_100, 2, "-c:a pcm_s16le"),
    f("s24.wav", 48_000, 1, "-c:a pcm_s24le"),
    f("s32.wav", 11_025, 2, "-c:a pcm_s32le"),
    f("f32.wav", 16_000, 1, "-c:a pcm_f32le"),
    f("f64.wav", 22_050, 2, "-c:a pcm_f64le"),
    f("mulaw.wav", 8_000, 1, "-c:a pcm_mulaw"),
    f("alaw.wav", 8_000, 2, "-c:a pcm_alaw"),
    f("rf64.wav", 8_000, 1, "-rf64 always"),
    Format { peer: Peer::Sox, ..f("gsm49.wav", 8_000, 1, "-c:a libgsm_ms -b:a 13k") },
    Format { peer: Peer::Sox, ..f("ima.wav", 8_000, 1, "-c:a adpcm_ima_wav") },
    Format { peer: Peer::Sox, ..f("ima2.wav", 16_000, 2, "-c:a adpcm_ima_wav") },
    f("ms.wav", 8_000, 1, "-c:a adpcm_ms"),
    f("ms2.wav", 22_050, 2, "-c:a adpcm_ms"),
    f("s16.w64", 8_000, 1, "-c:a pcm_s16le"),
    f("u8.w64", 22_050, 2, "-c:a pcm_u8"),
    f("mulaw.w64", 8_000, 1, "-c:a pcm_mulaw"),
    f("ms.w64", 8_000, 1, "-c:a adpcm_ms"),
    f("s8.au", 8_000, 1, "-c:a pcm_s8"),
    f("s16.au", 44_100, 2, "-c:a pcm_s16be"),
    f("s24.au", 48_000, 1, "-c:a pcm_s24be"),
    f("s32.au", 11_025, 2, "-c:a pcm_s32be"),
    f("f32.au", 16_000, 1, "-c:a pcm_f32be"),
    f("f64.au", 22_050, 2, "-c:a pcm_f64be"),
    f("mulaw.au", 8_000, 1, "-c:a pcm_mulaw"),
    f("alaw.au", 8_000, 2, "-c:a pcm_alaw"),
    Format { raw: "-f s16le -ar 96000", ..f("a.sln96", 96_000, 1, "-f s16le") },
    Format { raw: "-f s16le -ar 8000", ..f("a.sln", 8_000, 1, "-f s16le") },
    Format { raw: "-f s16le -ar 16000", ..f("a.sln16", 16_000, 1, "-f s16le") },
    Format { raw: "-f s16le -ar 48000", ..f("a.sln48", 48_000, 1, "-f s16le") },
    Format { raw: "-f mulaw -ar 8000", ..f("a.ulaw", 8_000, 1, "-f mulaw") },
    Format { raw: "-f alaw -ar 8000", ..f("a.alaw", 8_000, 1, "-f alaw") },
    Format { peer: Peer::Sox, ..f("a.gsm", 8_000, 1, "-c:a libgsm") },
    f("a.g722", 16_000, 1, "-c:a g722"),
    Format { most: 2e-6, ..f("cbr.mp3", 44_100, 1, "-b:a 64k") },
    Format { most: 2e-6, ..f("joint.mp3", 44_100, 2, "-b:a 96k -joint_stereo 1") },
    Format { most: 2e-6, ..f("vbr.mp3", 48_000, 1, "-q:a 4 -id3v2_version 3 -metadata title=call") },
    Format { most: 2e-6, ..f("lsf.mp3", 16_000, 2, "-b:a 32k") },
    Format { most: 2e-6, ..f("low.mp3", 8_000, 1, "-b:a 16k") },
    Format {
        most: 2e-6,
        ..f("bare.mp3", 22_050, 1, "-b:a 32k -write_xing 0 -write_id3v1 1 -metadata title=call")
    },
    f("a.flac", 8_000, 1, ""),
    f("s24.flac", 44_100, 2, "-sample_fmt s32"),
    Format { most: 2e-6, ..f("a.ogg", 44_100, 1, "-c:a libvorbis") },
    Format { most: 2e-6, ..f("stereo.ogg", 8_000, 2, "-c:a libvorbis") },
    Format {
        most: 5e-5,
        peer: Peer::Libopus,
        ..f("celt.opus", 48_000, 2, "-c:a libopus -b:a 64k -application audio")
    },
    Format {
        most: 5e-5,
        peer: Peer::Libopus,
        ..f("silk.opus", 8_000, 1, "-c:a libopus -b:a 10k -application voip")
    },
    Format {
        most: 5e-5,
        peer: Peer::Libopus,
        ..f("long.opus", 16_000, 1, "-c:a libopus -b:a 14k -frame_duration 60 -application voip")
    },
    Format {
        most: 5e-5,
        peer: Peer::Libopus,
        ..f("fec.opus", 16_000, 1, "-c:a libopus -b:a 20k -fec 1 -packet_loss 20 -application voip")
    },
];

fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let out = Command::new(program).args(arguments).output();
    let out = out.unwrap_or_else(|e| panic!("{program}, which scripts/setup.sh test installs: {e}"));
    assert!(out.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    assert!(out.stderr.is_empty() || program == "sox", "{program}: {}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

/// Six seconds of vowels, noise and keys: nothing that a codec could call silence.
fn source(format: &Format, folder: &Path) -> PathBuf {
    let (rate, mut dice) = (f64::from(format.rate), Dice::new(u64::from(format.rate)));
    let mut plane = vec![0f32; (6.0 * rate) as usize];
    for (n, part) in plane.chunks_mut((rate / 2.0) as usize).enumerate() {
        let formants = [400.0 + 60.0 * n as f64, 1_500.0, 2_500.0, 3_300.0, 3_700.0];
        add_vowel(part, rate, 110.0 + 9.0 * n as f64, 0.02, &formants, 0.12, &mut dice);
    }
    for n in 0..8 {
        add_key(&mut plane, rate, 2.0 + 0.12 * f64::from(n), &Key::plain(n as usize, 0.08, -12.0), &mut dice);
    }
    add_noise(&mut plane, 0.004, &mut dice);
    let mut bytes = Vec::new();
    for x in &plane {
        for c in 0..format.channels {
            bytes.extend((x * (1.0 - 0.3 * c as f32)).to_le_bytes());
        }
    }
    let path = folder.join("source.f32");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn made(format: &Format, folder: &Path) -> Vec<u8> {
    let source = source(format, folder);
    let (rate, channels) = (format.rate.to_string(), format.channels.to_string());
    let path = folder.join(format.name);
    let mut arguments = vec!["-y", "-v", "error", "-f", "f32le", "-ar", &rate, "-ac", &channels, "-i"];
    arguments.push(source.to_str().unwrap());
    arguments.extend(format.make.split_whitespace());
    arguments.push(path.to_str().unwrap());
    run("ffmpeg", &arguments);
    std::fs::read(&path).unwrap()
}

fn peer(format: &Format, path: &Path) -> Vec<f32> {
    let path = path.to_str().unwrap();
    floats(&match format.peer {
        Peer::Sox => run("sox", &[path, "-t", "f32", "-"]),
        peer => {
            let mut arguments = vec!["-v", "error"];
            arguments.extend(if peer == Peer::Libopus { ["-c:a", "libopus"].as_slice() } else { &[] });
            arguments.extend(format.raw.split_whitespace());
            arguments.extend(["-i", path, "-f", "f32le", "-"]);
            run("ffmpeg", &arguments)
        }
    })
}

fn interleaved(file: &[u8], layout: &Layout) -> Vec<f32> {
    let samples = decode(file, layout).unwrap();
    (0..samples.frames()).flat_map(|k| samples.planes.iter().map(move |p| p[k])).collect()
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("unsaid-formats-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn every_format_decodes_as_its_reference_decoder_has_it() {
    let folder = folder("decode");
    for format in FORMATS {
        let file = made(format, &folder);
        let layout = locate(format.name, file.as_slice()).unwrap_or_else(|e| panic!("{}: {e}", format.name));
        assert_eq!(
            (layout.rate.hz() == format.rate, usize::from(layout.channels)),
            (!format.name.ends_with("opus") || format.rate == 48_000, format.channels),
            "{}",
            format.name
        );
        let (got, want) = (interleaved(&file, &layout), peer(format, &folder.join(format.name)));
        assert_eq!(got.len(), want.len(), "{}", format.name);
        assert_eq!(layout.frames() as usize * format.channels, got.len(), "{}", format.name);
        let worst = got.iter().zip(&want).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
        assert!(worst <= format.most, "{}: {worst} off", format.name);
    }
    let _ = std::fs::remove_dir_all(&folder);
}

/// Unsorted, overlapping, partly and wholly outside the file.
const SPANS_S: [(f64, f64); 5] = [(4.2003, 4.9), (2.0, 2.713), (2.4, 3.1), (100.0, 200.0), (-3.0, 0.1)];

#[test]
fn every_format_is_mute_inside_and_itself_outside() {
    let folder = folder("mute");
    for format in FORMATS {
        let file = made(format, &folder);
        let layout = locate(format.name, file.as_slice()).unwrap();
        let spans: Vec<Span> = SPANS_S.iter().map(|(a, b)| Span::from_seconds(*a, *b, layout.rate)).collect();
        let options = Options::default();
        let after = match plan(file.as_slice(), &layout, &spans, &options).unwrap() {
            Change::InPlace(patches) => {
                assert!(
                    patches.windows(2).all(|w| w[0].end() <= w[1].offset),
                    "{}: patches overlap",
                    format.name
                );
                let after =
                    unsaid_dsp::container::flac::all(&Overlay::new(file.as_slice(), &patches)).unwrap();
                assert_eq!(after.len(), file.len(), "{}", format.name);
                // Muting what is muted changes nothing more.
                let again = plan(after.as_slice(), &layout, &spans, &options).unwrap();
                let Change::InPlace(again) = again else { panic!("{}", format.name) };
                let twice =
                    unsaid_dsp::container::flac::all(&Overlay::new(after.as_slice(), &again)).unwrap();
                if !format.name.starts_with("ima") && !format.name.starts_with("ms") {
                    assert!(twice == after, "{}: a second mute differs", format.name);
                }
                after
            }
            Change::Rewritten(splices) => {
                assert!(format.name.ends_with("flac"), "{}", format.name);
                spliced(&file, &splices)
            }
        };
        assert_eq!(
            locate(format.name, after.as_slice()).unwrap().frames(),
            layout.frames(),
            "{}",
            format.name
        );
        verify_decoded(after.as_slice(), &layout, &spans, &options)
            .unwrap()
            .unwrap_or_else(|e| panic!("{}: {e}", format.name));
        if let Some(reach) = reach_frames(&layout) {
            let outside = verify_outside(file.as_slice(), after.as_slice(), &layout, &spans, reach).unwrap();
            outside.unwrap_or_else(|e| panic!("{}: {e}", format.name));
        }
        judged_by_the_peer(format, &folder, &file, &after, &layout);
        no_secret_byte_is_left(format, &file, &after, &layout);
    }
    let _ = std::fs::remove_dir_all(&folder);
}

/// The reference decoder reads the result without complaint and hears silence.
fn judged_by_the_peer(format: &Format, folder: &Path, file: &[u8], after: &[u8], layout: &Layout) {
    let path = folder.join(format.name);
    let before = peer(format, &path);
    std::fs::write(&path, after).unwrap();
    let heard = peer(format, &path);
    assert_eq!(heard.len(), before.len(), "{}", format.name);
    if format.name.ends_with("flac") {
        run("flac", &["-s", "-t", path.to_str().unwrap()]);
    }
    let channels = format.channels;
    let ring = ring_frames(layout).max(1);
    for (a, b) in [(2.0, 3.1), (4.2003, 4.9)] {
        let span = Span::from_seconds(a, b, layout.rate);
        let inside = &heard[(span.start + ring) as usize * channels..span.end as usize * channels];
        let peak = inside.iter().fold(0f32, |m, x| m.max(x.abs()));
        assert!(peak <= 0.001, "{}: {peak} in {a} to {b}", format.name);
        let energy = |x: &[f32]| x.iter().map(|v| f64::from(v * v)).sum::<f64>();
        let whole = span.start as usize * channels..span.end as usize * channels;
        assert!(
            energy(&heard[whole.clone()]) < energy(&before[whole]) / 1_000.0,
            "{}: not 30 dB down",
            format.name
        );
    }
    assert!(after.len() == file.len() || format.name.ends_with("flac"), "{}", format.name);
}

/// No thirty-two bytes in a row that coded the middle of a span are left anywhere.
fn no_secret_byte_is_left(format: &Format, file: &[u8], after: &[u8], layout: &Layout) {
    // An Ogg file's headers come first; audio begins with the fourth packet at the latest.
    let first = if file.starts_with(b"OggS") {
        ogg::index(file).unwrap().streams.groups[0].streams[0].packets.parts(0)[0].offset
    } else {
        layout.data_start
    };
    let share = |s: f64| (first as f64 + s / 6.0 * (file.len() as u64 - first) as f64) as usize;
    // Well inside the span, so that a variable rate does not put us outside.
    let secret = &file[share(2.3)..share(2.7)];
    let left = secret
        .windows(32)
        .step_by(32)
        .filter(|run| run.iter().any(|b| *b != run[0]) && after.windows(32).any(|w| w == *run));
    assert_eq!(left.count(), 0, "{}: coded bytes of the secret are left", format.name);
}

#[test]
fn chunks_tags_and_trailing_bytes_stay() {
    let mut wav = unsaid_dsp::container::wav::pcm16_header(unsaid_dsp::Rate::NARROW_BAND, 1, 16_000).to_vec();
    wav.splice(36..36, b"LIST\x05\0\0\0abcde\0bext\x04\0\0\0wxyz".iter().copied());
    wav.extend((0..16_000u32).map(|n| (n % 251) as u8));
    wav.extend(b"iXML\x04\0\0\0<a/>and what a player left behind");
    let layout = locate("a.wav", wav.as_slice()).unwrap();
    let spans = [Span::new(100, 300)];
    let Change::InPlace(patches) = plan(wav.as_slice(), &layout, &spans, &Options::default()).unwrap() else {
        panic!("a WAV file is muted in place")
    };
    let at = layout.data_start as usize + 200;
    assert_eq!(patches.iter().map(|p| (p.offset as usize, p.bytes.len())).collect::<Vec<_>>(), [(at, 400)]);
}

#[test]
fn a_ramp_leaves_no_step_and_nothing_of_what_was_inside() {
    let plane: Vec<i16> = (0..8_000).map(|k| ((f64::from(k) * 0.3).sin() * 20_000.0) as i16).collect();
    let mut file =
        unsaid_dsp::container::wav::pcm16_header(unsaid_dsp::Rate::NARROW_BAND, 1, 16_000).to_vec();
    file.extend(plane.iter().flat_map(|x| x.to_le_bytes()));
    let mut other = file.clone();
    other[44 + 2_000..44 + 6_000].iter_mut().for_each(|b| *b = b.wrapping_mul(7));
    let layout = locate("a.wav", file.as_slice()).unwrap();
    let options = Options { ramp_s: 0.002, ..Options::default() };
    let spans = [Span::new(1_000, 3_000)];
    let muted = |file: &[u8]| {
        let Change::InPlace(patches) = plan(file, &layout, &spans, &options).unwrap() else {
            panic!("in place")
        };
        unsaid_dsp::container::flac::all(&Overlay::new(file, &patches)).unwrap()
    };
    assert!(muted(&file) == muted(&other), "what was inside can be heard in the ramp");
    let samples = decode(muted(&file).as_slice(), &layout).unwrap();
    let plane = &samples.planes[0];
    let step = (998..1_020).chain(2_980..3_002).map(|k| (plane[k + 1] - plane[k]).abs()).fold(0f32, f32::max);
    assert!(step < 0.25, "a step of {step} clicks");
    assert!(plane[1_016..2_984].iter().all(|x| *x == 0.0));
}

#[test]
fn a_tone_instead_of_silence_is_quiet_and_only_where_samples_stand_alone() {
    for (name, make) in
        [("s16.wav", "-c:a pcm_s16le"), ("mulaw.wav", "-c:a pcm_mulaw"), ("a.gsm", "-c:a libgsm")]
    {
        let folder = folder(&format!("tone-{name}"));
        let file = made(&f(name, 8_000, 1, make), &folder);
        let layout = locate(name, file.as_slice()).unwrap();
        let options = Options { fill: unsaid_dsp::mute::Fill::Tone, ..Options::default() };
        let spans = [Span::new(8_000, 16_000)];
        let planned = plan(file.as_slice(), &layout, &spans, &options);
        if name == "a.gsm" {
            assert!(planned.is_err(), "a tone in GSM");
            continue;
        }
        let Ok(Change::InPlace(patches)) = planned else { panic!("{name}") };
        let after = unsaid_dsp::container::flac::all(&Overlay::new(file.as_slice(), &patches)).unwrap();
        let plane = &decode(after.as_slice(), &layout).unwrap().planes[0];
        let rms = (plane[9_000..15_000].iter().map(|x| f64::from(x * x)).sum::<f64>() / 6_000.0).sqrt();
        let dbfs = 20.0 * (rms * std::f64::consts::SQRT_2).log10();
        assert!((dbfs + 30.0).abs() < 0.3, "{name}: {dbfs} dBFS");
        let _ = std::fs::remove_dir_all(&folder);
    }
}
