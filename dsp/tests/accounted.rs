//! Whatever happened to a file, nothing in it sounds unheard: every format,
//! damaged in every way, is either heard and silenced to its last frame, as
//! ffmpeg and sox play it, or refused.
//!
//! A format is a row of [`FORMATS`], a damage a row of [`DAMAGES`]; every
//! format meets every damage.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "kit/signal.rs"]
#[allow(dead_code, reason = "a part of the kit serves here")]
mod signal;

use signal::{Dice, Key, add_key, add_noise};
use std::path::{Path, PathBuf};
use std::process::Command;
use unsaid_dsp::Span;
use unsaid_dsp::container::{Layout, ReadAt, locate, mpeg};
use unsaid_dsp::decode::decode;
use unsaid_dsp::mute::{Change, Options, Overlay, plan, ring_frames, spliced, verify_decoded};

/// A player that does not follow every tag, or follows tags that ffmpeg does not know.
#[derive(Clone, Copy, Debug)]
enum Player {
    Sox,
    Lame,
}

/// A kind of file.
struct Format {
    /// The file's name; what stands before the dot tells the kinds apart.
    name: &'static str,
    rate: u32,
    channels: usize,
    /// Arguments for ffmpeg.
    make: &'static str,
    /// Arguments that tell ffmpeg about a headerless file.
    raw: &'static str,
    /// Who plays it besides ffmpeg.
    others: &'static [Player],
    /// Where something may stand between two frames near the middle of a file.
    seam: fn(&[u8]) -> usize,
    /// Damages, by name, after which the file must still be heard, not refused.
    heard: &'static [&'static str],
}

const FORMATS: &[Format] = &[
    Format {
        name: "telephone.sln",
        rate: 8_000,
        channels: 1,
        make: "-f s16le",
        raw: "-f s16le -ar 8000 -ac 1",
        others: &[],
        seam: |bytes| bytes.len() / 4 * 2,
        heard: &["none", "second stream", "zeros between"],
    },
    Format {
        name: "telephone.ulaw",
        rate: 8_000,
        channels: 1,
        make: "-f mulaw",
        raw: "-f mulaw -ar 8000 -ac 1",
        others: &[],
        seam: |bytes| bytes.len() / 2,
        heard: &["none", "second stream"],
    },
    Format {
        name: "internet.opus",
        rate: 16_000,
        channels: 1,
        make: "-c:a libopus -b:a 24k -page_duration 300000",
        raw: "",
        others: &[],
        seam: ogg_seam,
        heard: &["none", "second stream", "random", "zeros", "ones"],
    },
    Format {
        name: "internet.ogg",
        rate: 16_000,
        channels: 1,
        make: "-c:a libvorbis -q:a 1 -page_duration 300000",
        raw: "",
        others: &[Player::Sox],
        seam: ogg_seam,
        heard: &["none", "second stream", "random", "zeros", "ones"],
    },
    Format {
        name: "browser.webm",
        rate: 48_000,
        channels: 1,
        make: "-c:a libopus -b:a 24k -cluster_time_limit 400",
        raw: "",
        others: &[],
        seam: |bytes| middle_of(bytes, b"\x1F\x43\xB6\x75"),
        heard: &["none", "second stream"],
    },
    Format {
        name: "live.webm",
        rate: 48_000,
        channels: 1,
        make: "-c:a libopus -b:a 24k -live 1 -cluster_time_limit 400",
        raw: "",
        others: &[],
        seam: |bytes| middle_of(bytes, b"\x1F\x43\xB6\x75"),
        heard: &["none", "second stream", "cut at a random byte"],
    },
    Format {
        name: "telephone.mp3",
        rate: 8_000,
        channels: 1,
        make: "-b:a 16k",
        raw: "",
        others: &[Player::Sox, Player::Lame],
        seam: mpeg_seam,
        heard: MPEG_HEARD,
    },
    Format {
        name: "stereo.mp3",
        rate: 44_100,
        channels: 2,
        make: "-q:a 3 -write_xing 0 -write_id3v1 1 -metadata title=call",
        raw: "",
        others: &[Player::Sox, Player::Lame],
        seam: mpeg_seam,
        // Its frames differ in length, so that what is left of a torn one may look like several.
        heard: &[
            "none",
            "second stream",
            "cut at",
            "begins",
            "zeros",
            "random b",
            "ones before, 1 ",
            "ones behind",
        ],
    },
    Format { heard: WAV_HEARD, others: &[Player::Sox], ..row("pcm.wav", "-c:a pcm_s16le") },
    Format { heard: WAV_HEARD, others: &[Player::Sox], ..row("telephone.wav", "-c:a pcm_mulaw") },
    Format { heard: WAV_HEARD, others: &[Player::Sox], ..row("ima.wav", "-c:a adpcm_ima_wav") },
    Format { heard: WAV_HEARD, others: &[Player::Sox], ..row("ms.wav", "-c:a adpcm_ms") },
    Format { heard: WAV_HEARD, others: &[Player::Sox], ..row("gsm49.wav", "-c:a libgsm_ms -b:a 13k") },
    Format { heard: OPEN_HEARD, others: &[Player::Sox], ..row("sony.w64", "-c:a pcm_s16le") },
    Format { heard: OPEN_HEARD, others: &[Player::Sox], ..row("sun.au", "-c:a pcm_s16be") },
    Format {
        channels: 2,
        raw: "-f s16le -ar 8000 -ac 2",
        seam: |bytes| bytes.len() / 8 * 4,
        heard: &["none", "second stream", "cut"],
        ..row("parties.raw", "-f s16le")
    },
    Format {
        others: &[Player::Sox],
        seam: |bytes| {
            let index = unsaid_dsp::container::flac::index(bytes).unwrap();
            index.frames[index.frames.len() / 2].offset as usize
        },
        heard: &["none", "second stream", "cut at", "random", "zeros", "ones"],
        ..row("lossless.flac", "-c:a flac")
    },
];

/// Behind an 0xFF the header of MPEG 2.5 looks like layer I's, so that 0xFF between frames may be refused.
const MPEG_HEARD: &[&str] = &[
    "none",
    "second stream",
    "cut",
    "begins",
    "a stretch",
    "zeros",
    "random b",
    "ones before, 1 ",
    "ones before, 1024 ",
    "ones behind",
];

/// The border of two frames in the middle.
fn mpeg_seam(bytes: &[u8]) -> usize {
    let region = mpeg::Region { from: 0, to: bytes.len() as u64, is_file: true };
    let frames = mpeg::index(bytes, region).unwrap().frames;
    frames[frames.len() / 2].offset as usize
}

/// Damaged blocks of these are dropped by ffmpeg, with their time, but played by others.
const LOSE_THEIR_PLACE: &[&str] = &["ima.wav", "ms.wav", "gsm49.wav", "lossless.flac"];

/// libFLAC plays silence where frames are missing by their numbers; ffmpeg goes on at once.
const FILL_WHAT_IS_LOST: &[&str] = &["lossless.flac"];

/// A telephone's rate, one channel, the middle sample as the seam, and no promise of what is heard.
const fn row(name: &'static str, make: &'static str) -> Format {
    Format {
        name,
        rate: 8_000,
        channels: 1,
        make,
        raw: "",
        others: &[],
        seam: |b| b.len() / 4 * 2,
        heard: &[],
    }
}

/// A WAV file ends where its header says; what it does not count is heard where it sounds.
const WAV_HEARD: &[&str] =
    &["none", "cut at", "random between", "random behind", "zeros between", "zeros behind", "ones between"];
/// Files whose audio goes to their end.
const OPEN_HEARD: &[&str] =
    &["none", "second stream", "cut at", "random behind", "zeros behind", "ones behind"];

/// Where the middle one of the places with these bytes is.
fn middle_of(bytes: &[u8], mark: &[u8]) -> usize {
    let all: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(mark)).collect();
    all[all.len() / 2]
}

fn ogg_seam(bytes: &[u8]) -> usize {
    middle_of(bytes, b"OggS\0")
}

/// What happened to a file.
struct Damage {
    name: &'static str,
    /// The whole bytes and the seam, a second file of the format, and dice to what is found on the disk.
    done: fn(&[u8], usize, &[u8], &mut Dice) -> Vec<u8>,
}

/// One byte, 1 KiB, 70 KiB and 2 MiB.
const JUNK_BYTES: [usize; 4] = [1, 1 << 10, 70 << 10, 2 << 20];

fn random(len: usize, dice: &mut Dice) -> Vec<u8> {
    (0..len).map(|_| dice.below(256) as u8).collect()
}

fn with(bytes: &[u8], at: usize, junk: &[u8]) -> Vec<u8> {
    [&bytes[..at], junk, &bytes[at..]].concat()
}

/// Every damage but junk, which [`damages`] adds in all sizes, kinds and places.
const DAMAGES: &[Damage] = &[
    Damage { name: "none", done: |b, _, _, _| b.to_vec() },
    Damage { name: "second stream", done: |b, _, second, _| [b, second].concat() },
    Damage {
        name: "cut at a random byte",
        done: |b, _, _, dice| b[..b.len() / 2 + dice.below(b.len() / 2)].to_vec(),
    },
    Damage {
        name: "cut, then a second stream",
        done: |b, _, second, dice| [&b[..b.len() / 2 + dice.below(b.len() / 2)], second].concat(),
    },
    Damage { name: "begins at a random byte", done: |b, _, _, dice| b[dice.below(b.len() / 3)..].to_vec() },
    Damage {
        name: "a stretch is gone",
        done: |b, seam, _, dice| {
            let from = seam - dice.below(900);
            [&b[..from], &b[from + 701..]].concat()
        },
    },
];

/// Every damaged form of `file`, with its name.
fn damages(format: &Format, file: &[u8], second: &[u8], dice: &mut Dice) -> Vec<(String, Vec<u8>)> {
    let seam = (format.seam)(file);
    let mut out: Vec<(String, Vec<u8>)> =
        DAMAGES.iter().map(|d| (d.name.to_owned(), (d.done)(file, seam, second, dice))).collect();
    for len in JUNK_BYTES {
        let kinds = [("random", random(len, dice)), ("zeros", vec![0; len]), ("ones", vec![0xFF; len])];
        for (kind, junk) in kinds {
            for (place, at) in [("before", 0), ("between", seam), ("behind", file.len())] {
                out.push((format!("{kind} {place}, {len} bytes"), with(file, at, &junk)));
            }
        }
    }
    out
}

/// Where the keys sound, in seconds: near both edges and all over.
fn keyed_s(seconds: f64) -> Vec<f64> {
    let mut at: Vec<f64> =
        (0..).map(|n| 0.02 + 0.19 * f64::from(n)).take_while(|s| s + 0.1 < seconds).collect();
    at.push(seconds - 0.07);
    at
}

/// Seconds of a made recording, not on a frame's border in any format.
const SECONDS: f64 = 3.137;

/// Keys from its first to its last moment, over a little noise: whatever a player plays of it is loud.
fn made(format: &Format, folder: &Path, name: &str) -> Vec<u8> {
    let (rate, mut dice) = (f64::from(format.rate), Dice::new(7));
    let mut plane = vec![0f32; (SECONDS * rate) as usize];
    add_noise(&mut plane, 0.02, &mut dice);
    for (n, at) in keyed_s(SECONDS).into_iter().enumerate() {
        add_key(&mut plane, rate, at, &Key::plain(n % 16, 0.07, -9.0), &mut dice);
    }
    let wide: Vec<u8> = plane.iter().flat_map(|x| x.to_le_bytes().repeat(format.channels)).collect();
    let (source, path) = (folder.join("source.f32"), folder.join(name));
    std::fs::write(&source, wide).unwrap();
    let (rate, channels) = (format.rate.to_string(), format.channels.to_string());
    let mut arguments = vec!["-y", "-v", "error", "-f", "f32le", "-ar", &rate, "-ac", &channels, "-i"];
    arguments.push(source.to_str().unwrap());
    arguments.extend(format.make.split_whitespace());
    arguments.push(path.to_str().unwrap());
    let done = Command::new("ffmpeg").args(&arguments).output().expect("ffmpeg: scripts/setup.sh test");
    assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
    std::fs::read(path).unwrap()
}

/// All that a player gave before it ended or gave up, a plane a channel.
fn planes(out: &[u8], channels: usize) -> Vec<Vec<f32>> {
    let samples: Vec<f32> = out.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    (0..channels).map(|c| samples.iter().skip(c).step_by(channels).copied().collect()).collect()
}

/// What ffmpeg plays, at the layout's rate and channels.
fn ffmpeg(format: &Format, path: &Path, layout: &Layout) -> Vec<Vec<f32>> {
    let (rate, channels) = (layout.rate.hz().to_string(), layout.channels.to_string());
    let out = Command::new("ffmpeg")
        .args(["-v", "quiet"])
        .args(format.raw.split_whitespace())
        .args(["-i", path.to_str().unwrap(), "-ar", &rate, "-ac", &channels, "-f", "f32le", "-"])
        .output()
        .expect("ffmpeg");
    planes(&out.stdout, usize::from(layout.channels))
}

impl Player {
    /// All samples that it plays, as they come.
    fn plays(self, path: &Path) -> Vec<f32> {
        let path = path.to_str().unwrap();
        let (program, arguments) = match self {
            Player::Sox => ("sox", vec!["-V0", path, "-t", "f32", "-"]),
            Player::Lame => ("lame", vec!["--quiet", "--decode", "-t", path, "-"]),
        };
        let out = Command::new(program).args(arguments).output().unwrap_or_else(|e| panic!("{program}: {e}"));
        match self {
            Player::Sox => planes(&out.stdout, 1).remove(0),
            Player::Lame => out
                .stdout
                .as_chunks::<2>()
                .0
                .iter()
                .map(|b| f32::from(i16::from_le_bytes(*b)) / 32_768.0)
                .collect(),
        }
    }
}

/// The file with `spans` silent, verified; `None` where that is refused.
fn muted(file: &[u8], layout: &Layout, spans: &[Span], what: &str) -> Option<Vec<u8>> {
    let options = Options::default();
    let planned = plan(file, layout, spans, &options).inspect_err(|e| println!("{what}: {e}"));
    let after = match planned.ok()? {
        Change::InPlace(patches) => {
            let overlay = Overlay::new(file, &patches);
            let mut after = vec![0u8; file.len()];
            overlay.read_at(0, &mut after).unwrap();
            after
        }
        Change::Rewritten(splices) => spliced(file, &splices),
    };
    let verified =
        verify_decoded(after.as_slice(), layout, spans, &options).unwrap_or_else(|e| panic!("{what}: {e}"));
    // A redaction whose outcome does not decode as it should is given up, the file untouched.
    verified.inspect_err(|e| println!("{what}: {e}")).ok().map(|()| after)
}

/// A codec's own floor: A-law's quietest code, and what a decoder makes of nothing.
const SILENT: f32 = 0.001_5;

/// Does a key sound anywhere in the plane? Where a player makes noise of
/// random bytes, silence cannot be asked for.
fn is_keyed(plane: &[f32], rate: f64) -> bool {
    let len = (0.03 * rate) as usize;
    let power = |part: &[f32], hz: f64| {
        let step = std::f64::consts::TAU * hz / rate;
        let (mut re, mut im) = (0f64, 0f64);
        for (k, x) in part.iter().enumerate() {
            re += f64::from(*x) * (step * k as f64).cos();
            im += f64::from(*x) * (step * k as f64).sin();
        }
        2.0 * (re * re + im * im) / (part.len() as f64)
    };
    plane.chunks_exact(len.max(1)).any(|part| {
        let whole: f64 = part.iter().map(|x| f64::from(x * x)).sum();
        let best = |tones: [f64; 4]| tones.iter().map(|hz| power(part, *hz)).fold(0f64, f64::max);
        let (row, column) = (best(signal::ROWS_HZ), best(signal::COLUMNS_HZ));
        whole / part.len() as f64 > 1e-4 && row.min(column) > 0.2 * whole && row + column > 0.7 * whole
    })
}

fn loudest(planes: &[Vec<f32>], from: usize, to: usize) -> f32 {
    let part = |p: &Vec<f32>| p[from.min(p.len())..to.min(p.len())].iter().fold(0f32, |m, x| m.max(x.abs()));
    planes.iter().map(part).fold(0f32, f32::max)
}

/// Is it heard (and then silenced wholly), or refused?
fn judge(format: &Format, folder: &Path, file: &[u8], what: &str) -> bool {
    let located = locate(format.name, file).inspect_err(|e| println!("{what}: {e}"));
    let Ok(layout) = located else { return false };
    let path = folder.join(format!("damaged-{}", format.name));
    assert_eq!((layout.account.total(), layout.account.unaccounted), (file.len() as u64, 0), "{what}");
    let decoded = decode(file, &layout).inspect_err(|e| println!("{what}: {e}"));
    let Ok(samples) = decoded else { return false };
    assert_eq!(samples.frames() as u64, layout.frames(), "{what}: what is heard is not what probe tells");

    // Everything is silent, whoever plays it.
    let whole = [Span::new(0, layout.frames())];
    let Some(after) = muted(file, &layout, &whole, what) else { return false };
    std::fs::write(&path, file).unwrap();
    let before = ffmpeg(format, &path, &layout);
    assert!(
        before[0].len() as u64 <= layout.frames() + u64::from(layout.rate.hz()) / 1_000,
        "{what}: ffmpeg plays {} frames, {} were heard",
        before[0].len(),
        layout.frames()
    );
    // LAME's cuts are played by others: an MP3 is longer there.
    if !format.name.ends_with("mp3") {
        for player in format.others {
            let plays = player.plays(&path).len() as u64 / layout.channels as u64;
            let fills = FILL_WHAT_IS_LOST.contains(&format.name) && what.ends_with("a stretch is gone");
            assert!(
                fills || plays <= layout.frames(),
                "{what}: {player:?} plays {plays} frames, {} were heard",
                layout.frames()
            );
        }
    }
    std::fs::write(&path, &after).unwrap();
    let ring = ring_frames(&layout) as usize;
    // An MPEG frame needs no more than four bytes that look like it, so players make noise of random ones,
    // and LAME of 0xFF.
    let random = (what.contains("random ") || what.contains("ones ")) && format.name.ends_with("mp3");
    let rate = f64::from(layout.rate.hz());
    let judged = |who: &str, planes: &[Vec<f32>], from: usize, to: usize| {
        let left = loudest(planes, from, to);
        let keyed = planes.iter().any(|p| is_keyed(&p[from.min(p.len())..to.min(p.len())], rate));
        assert!(random || left <= SILENT, "{what}: {who} plays {left} in what is muted");
        assert!(!keyed, "{what}: {who} plays a key in what is muted");
    };
    judged("ffmpeg", &ffmpeg(format, &path, &layout), ring, usize::MAX);
    for player in format.others {
        let played = player.plays(&path);
        let channels = usize::from(layout.channels);
        let planes: Vec<Vec<f32>> =
            (0..channels).map(|c| played.iter().skip(c).step_by(channels).copied().collect()).collect();
        judged(&format!("{player:?}"), &planes, ring, usize::MAX);
    }

    if LOSE_THEIR_PLACE.contains(&format.name) && !what.ends_with(": none") {
        return true;
    }
    // A span in the middle is silent at its own place, as ffmpeg counts.
    let (from, to) = (layout.frames() / 5 * 2, layout.frames() / 5 * 3);
    let Some(after) = muted(file, &layout, &[Span::new(from, to)], what) else { return false };
    std::fs::write(&path, &after).unwrap();
    let heard = ffmpeg(format, &path, &layout);
    // Two frames of the slowest codec: what a player drops where it lost its place.
    let slack = (rate * 0.15) as usize;
    judged("ffmpeg", &heard, from as usize + slack, (to as usize).saturating_sub(slack));
    true
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("unsaid-accounted-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Every damage of one format: the names of those that are not as they should be.
fn wrong(format: &Format) -> Vec<String> {
    let folder = folder(format.name);
    let file = made(format, &folder, format.name);
    let second = made(format, &folder, &format!("second-{}", format.name));
    let mut dice = Dice::new(19);
    let (mut refused, mut wrong) = (Vec::new(), Vec::new());
    for (damage, damaged) in damages(format, &file, &second, &mut dice) {
        let what = format!("{}: {damage}", format.name);
        let judged = std::panic::catch_unwind(|| judge(format, &folder, &damaged, &what));
        let Ok(heard) = judged else {
            wrong.push(damage);
            continue;
        };
        if !heard {
            if format.heard.iter().any(|h| damage.starts_with(h)) {
                wrong.push(format!("{damage} (it is refused)"));
            }
            refused.push(damage);
        }
    }
    println!("{}: refused {refused:?}", format.name);
    let _ = std::fs::remove_dir_all(&folder);
    wrong
}

/// A format's test, so that several run at once.
macro_rules! formats {
    ($($test:ident: $name:literal,)*) => {
        mod whatever_happened_to_a_file_it_is_silenced_wholly_or_refused {
            $(
                #[test]
                fn $test() {
                    let format = super::FORMATS.iter().find(|format| format.name == $name).unwrap();
                    let wrong = super::wrong(format);
                    assert!(wrong.is_empty(), "{}: {wrong:?}", format.name);
                }
            )*
        }

        #[test]
        fn every_format_has_its_test() {
            let tested = [$($name),*];
            assert!(FORMATS.iter().map(|format| format.name).eq(tested));
        }
    };
}

formats! {
    telephone_sln: "telephone.sln",
    telephone_ulaw: "telephone.ulaw",
    internet_opus: "internet.opus",
    internet_ogg: "internet.ogg",
    browser_webm: "browser.webm",
    live_webm: "live.webm",
    telephone_mp3: "telephone.mp3",
    stereo_mp3: "stereo.mp3",
    pcm_wav: "pcm.wav",
    telephone_wav: "telephone.wav",
    ima_wav: "ima.wav",
    ms_wav: "ms.wav",
    gsm49_wav: "gsm49.wav",
    sony_w64: "sony.w64",
    sun_au: "sun.au",
    parties_raw: "parties.raw",
    lossless_flac: "lossless.flac",
}
