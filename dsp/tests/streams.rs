//! Streams of Ogg and WebM in every arrangement that players play: one behind
//! the other, side by side, beginning anywhere. What ffmpeg plays of them is
//! heard and silenced, and pages and elements stay whole.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "kit/signal.rs"]
#[allow(dead_code, reason = "a part of the kit serves here")]
mod signal;

use signal::{Dice, Key, add_key, add_noise};
use std::path::PathBuf;
use std::process::Command;
use unsaid_dsp::container::ogg::page;
use unsaid_dsp::container::{Layout, locate};
use unsaid_dsp::decode::decode;
use unsaid_dsp::dtmf::{detect, of_all_channels};
use unsaid_dsp::mute::{Options, apply, patches, verify, verify_decoded};
use unsaid_dsp::{Rate, Span};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("unsaid-streams-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn ffmpeg(&self, arguments: &[&str]) -> Vec<u8> {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.current_dir(&self.0).args(["-v", "quiet", "-y"]).args(arguments);
        ffmpeg.output().expect("ffmpeg: scripts/setup.sh test").stdout
    }

    /// Keys over a little noise, coded as `make` says.
    fn made(&self, digits: &[usize], make: &str, name: &str) -> Vec<u8> {
        let (rate, mut dice) = (16_000.0, Dice::new(digits.len() as u64));
        let mut plane = vec![0f32; ((1.2 + 0.2 * digits.len() as f64) * rate) as usize];
        add_noise(&mut plane, 0.01, &mut dice);
        for (n, digit) in digits.iter().enumerate() {
            add_key(&mut plane, rate, 0.6 + 0.2 * n as f64, &Key::plain(*digit, 0.1, -10.0), &mut dice);
        }
        let bytes: Vec<u8> = plane.iter().flat_map(|x| x.to_le_bytes()).collect();
        std::fs::write(self.0.join("source.f32"), bytes).unwrap();
        let mut arguments = vec!["-f", "f32le", "-ar", "16000", "-ac", "1", "-i", "source.f32"];
        arguments.extend(make.split_whitespace());
        arguments.push(name);
        self.ffmpeg(&arguments);
        std::fs::read(self.0.join(name)).unwrap()
    }

    /// What ffmpeg plays of one track.
    fn played(&self, file: &[u8], name: &str, track: usize, rate: Rate) -> Vec<f32> {
        std::fs::write(self.0.join(name), file).unwrap();
        let (map, rate) = (format!("0:a:{track}"), rate.hz().to_string());
        let out = self.ffmpeg(&["-i", name, "-map", &map, "-ac", "1", "-ar", &rate, "-f", "f32le", "-"]);
        out.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How many keys sound in a plane.
fn keys(plane: &[f32], rate: Rate) -> usize {
    detect(plane, rate).len()
}

/// The keys of every channel are heard, and once they are silent ffmpeg plays none on any track.
fn silenced(folder: &Folder, name: &str, file: &[u8], tracks: usize, want: usize) -> (Layout, Vec<u8>) {
    let layout = locate(name, file).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(layout.account.total(), file.len() as u64, "{name}");
    let samples = decode(file, &layout).unwrap();
    assert_eq!(samples.frames() as u64, layout.frames(), "{name}");
    let tones: Vec<Span> =
        samples.planes.iter().flat_map(|p| detect(p, layout.rate)).map(|t| t.span).collect();
    assert_eq!(tones.len(), want, "{name}: keys heard");
    for track in 0..tracks {
        let played = folder.played(file, name, track, layout.rate);
        assert!(keys(&played, layout.rate) > 0, "{name}: ffmpeg plays no keys of track {track}");
        // What a resampler adds.
        let slack = u64::from(layout.rate.hz()) / 500;
        assert!(played.len() as u64 <= layout.frames() + slack, "{name}: {} played", played.len());
    }
    let options = Options::default();
    let planned = patches(file, &layout, &tones, &options).unwrap();
    let mut after = file.to_vec();
    apply(&mut after, &planned);
    assert_eq!(verify(file, &after, &planned), Ok(()), "{name}");
    assert_eq!(verify_decoded(after.as_slice(), &layout, &tones, &options).unwrap(), Ok(()), "{name}");
    for track in 0..tracks {
        let (before, now) =
            (folder.played(file, name, track, layout.rate), folder.played(&after, name, track, layout.rate));
        assert_eq!(before.len(), now.len(), "{name}: a player's length");
        assert_eq!(keys(&now, layout.rate), 0, "{name}: keys are left in track {track}");
    }
    let mut twice = after.clone();
    apply(&mut twice, &patches(after.as_slice(), &layout, &tones, &options).unwrap());
    assert!(twice == after, "{name}: a second mute differs");
    (layout, after)
}

const OPUS: &str = "-c:a libopus -b:a 24k -page_duration 200000 -serial_offset 1";
const VORBIS: &str = "-c:a libvorbis -q:a 1 -page_duration 200000";

fn pages(file: &[u8]) -> Vec<Vec<u8>> {
    let (mut out, mut at) = (Vec::new(), 0);
    while file.get(at..at + 4) == Some(b"OggS") {
        let lacing = usize::from(file[at + 26]);
        let body: usize = file[at + 27..at + 27 + lacing].iter().map(|l| usize::from(*l)).sum();
        out.push(file[at..at + 27 + lacing + body].to_vec());
        at += 27 + lacing + body;
    }
    out
}

fn with_serial(file: &[u8], serial: u32) -> Vec<Vec<u8>> {
    let set = |mut page: Vec<u8>| {
        page[14..18].copy_from_slice(&serial.to_le_bytes());
        refit(page)
    };
    pages(file).into_iter().map(set).collect()
}

fn refit(mut page: Vec<u8>) -> Vec<u8> {
    let crc = page::crc(&page).to_le_bytes();
    page[22..26].copy_from_slice(&crc);
    page
}

fn all_fit(file: &[u8]) -> bool {
    pages(file).iter().all(|p| page::is_intact(p))
}

#[test]
fn streams_one_behind_the_other_are_heard_and_silenced() {
    let folder = Folder::new("chained");
    for (make, name) in [(OPUS, "a.opus"), (VORBIS, "a.ogg")] {
        let (a, b) = (folder.made(&[1, 2], make, name), folder.made(&[3, 4, 5], make, name));
        for second in [1, 2] {
            let file = [with_serial(&a, 1), with_serial(&b, second)].concat().concat();
            let (_, after) = silenced(&folder, name, &file, 1, 5);
            assert!(all_fit(&after), "{name}");
        }
    }
}

#[test]
fn streams_of_other_rates_channels_and_codecs_lie_on_one_time_line() {
    let folder = Folder::new("mixed");
    let jingle = folder.made(&[1, 2], "-ar 44100 -ac 2 -c:a libvorbis", "a.ogg");
    let call = folder.made(&[3, 4, 5], "-ar 16000 -c:a libvorbis", "a.ogg");
    let opus = folder.made(&[6, 7], OPUS, "a.opus");
    let joined = |a: &[u8], b: &[u8]| [with_serial(a, 1), with_serial(b, 2)].concat().concat();
    let (layout, after) = silenced(&folder, "a.ogg", &joined(&jingle, &call), 1, 10);
    assert_eq!((layout.rate.hz(), layout.channels), (44_100, 2));
    assert!(all_fit(&after));
    // ffmpeg stops at another codec; all is heard all the same.
    let (layout, _) = silenced(&folder, "a.ogg", &joined(&call, &opus), 1, 5);
    assert_eq!(layout.rate.hz(), 48_000);
    silenced(&folder, "a.ogg", &joined(&opus, &call), 1, 5);
}

#[test]
fn streams_side_by_side_are_all_heard_and_silenced() {
    let folder = Folder::new("beside");
    let (a, b) = (folder.made(&[1, 2], OPUS, "a.opus"), folder.made(&[3, 4, 5], OPUS, "a.opus"));
    let (a, b) = (with_serial(&a, 1), with_serial(&b, 2));
    let mut file = [a[0].clone(), b[0].clone(), a[1].clone(), b[1].clone()].concat();
    for n in 2..a.len().max(b.len()) {
        file.extend(a.get(n).into_iter().chain(b.get(n)).flatten());
    }
    let (layout, after) = silenced(&folder, "a.ogg", &file, 2, 5);
    assert_eq!(layout.channels, 2);
    assert!(all_fit(&after));
}

#[test]
fn granule_positions_may_begin_anywhere() {
    let folder = Folder::new("late");
    let pages = pages(&folder.made(&[1, 2, 3], OPUS, "a.opus"));
    let want = locate("a.opus", pages.concat().as_slice()).unwrap().frames();
    for from in [566_101i64 * 48_000, 480_000, -960] {
        let moved = |(n, page): (usize, &Vec<u8>)| {
            let mut page = page.clone();
            if n > 1 {
                let granule = i64::from_le_bytes(page[6..14].try_into().unwrap()) + from;
                page[6..14].copy_from_slice(&granule.to_le_bytes());
            }
            refit(page)
        };
        let file = pages.iter().enumerate().map(moved).collect::<Vec<_>>().concat();
        let (layout, _) = silenced(&folder, "a.opus", &file, 1, 3);
        assert_eq!(layout.frames(), want);
        let played = folder.played(&file, "a.opus", 0, layout.rate);
        assert_eq!(played.len() as u64, want, "from {from}");
    }
}

#[test]
fn what_is_skipped_at_the_start_is_silent_with_a_span_that_touches_it() {
    let folder = Folder::new("skip");
    let mut pages = pages(&folder.made(&[1, 2, 3], OPUS, "a.opus"));
    // Another encoder's 80 ms, and then none at all, as a player has it that skips nothing.
    let with_skip = |pages: &mut Vec<Vec<u8>>, skip: u16| {
        pages[0][28 + 10..28 + 12].copy_from_slice(&skip.to_le_bytes());
        pages[0] = refit(pages[0].clone());
        pages.concat()
    };
    let file = with_skip(&mut pages, 3_840);
    let layout = locate("a.opus", file.as_slice()).unwrap();
    let spans = [Span::new(100, 20_000), Span::new(layout.frames() - 9_600, layout.frames())];
    let mut after = file.clone();
    apply(&mut after, &patches(file.as_slice(), &layout, &spans, &Options::default()).unwrap());
    let mut pages = self::pages(&after);
    let bare = with_skip(&mut pages, 0);
    let plane = &decode(bare.as_slice(), &locate("a.opus", bare.as_slice()).unwrap()).unwrap().planes[0];
    let loudest = |part: &[f32]| part.iter().fold(0f32, |m, x| m.max(x.abs()));
    assert!(loudest(&plane[..20_000]) < 0.001, "the skipped start still sounds");
    assert!(loudest(&plane[plane.len() - 9_000..]) < 0.001, "the trimmed end still sounds");
}

#[test]
fn webm_and_matroska_are_heard_and_silenced() {
    let folder = Folder::new("webm");
    for (make, name) in [
        ("-c:a libopus -b:a 24k", "a.webm"),
        ("-c:a libopus -b:a 24k -live 1 -cluster_time_limit 300", "a.webm"),
        ("-c:a libopus -b:a 24k -write_crc32 1 -cluster_time_limit 300", "a.mka"),
        ("-c:a libopus -b:a 24k -metadata title=call", "a.mkv"),
        ("-c:a libvorbis -q:a 1", "a.webm"),
    ] {
        let file = folder.made(&[1, 2, 3], make, name);
        let (_, after) = silenced(&folder, name, &file, 1, 3);
        // Its checksums hold: ffmpeg says so where one does not.
        std::fs::write(folder.0.join(name), &after).unwrap();
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.current_dir(&folder.0).args(["-v", "info", "-err_detect", "crccheck+explode"]);
        let out = ffmpeg.args(["-i", name, "-f", "null", "-"]).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr).to_lowercase();
        assert!(!said.contains("crc") && !said.contains("invalid"), "{make}: {said}");
    }
}

#[test]
fn tracks_of_matroska_side_by_side_are_all_silenced() {
    let folder = Folder::new("tracks");
    folder.made(&[1, 2], OPUS, "a.opus");
    folder.made(&[3, 4, 5], OPUS, "b.opus");
    let arguments = ["-i", "a.opus", "-i", "b.opus", "-map", "0", "-map", "1", "-c", "copy", "two.webm"];
    folder.ffmpeg(&arguments);
    let file = std::fs::read(folder.0.join("two.webm")).unwrap();
    let (layout, _) = silenced(&folder, "two.webm", &file, 2, 5);
    assert_eq!(layout.channels, 2);
}

#[test]
fn a_cover_of_megabytes_in_the_comments_is_stepped_over() {
    let folder = Folder::new("cover");
    let pages = pages(&folder.made(&[1, 2, 3], OPUS, "a.opus"));
    let mut comments = b"OpusTags\x01\0\0\0x\x01\0\0\0".to_vec();
    let cover = "METADATA_BLOCK_PICTURE=".to_owned() + &"A".repeat(3 << 20);
    comments.extend((cover.len() as u32).to_le_bytes());
    comments.extend(cover.bytes());
    let serial = &pages[0][14..18];
    let mut file = pages[0].clone();
    let mut chunks = comments.chunks(255 * 255).enumerate().peekable();
    while let Some((n, chunk)) = chunks.next() {
        let mut lacing = vec![255u8; chunk.len() / 255];
        if chunks.peek().is_none() {
            lacing.push((chunk.len() % 255) as u8);
        }
        let head = [b"OggS\0", &[u8::from(n > 0)][..], &[0; 8], serial, &[0; 8], &[lacing.len() as u8]];
        file.extend(refit([&head.concat(), &lacing, chunk].concat()));
    }
    file.extend(pages[2..].concat());
    let (layout, _) = silenced(&folder, "a.opus", &file, 1, 3);
    assert!(layout.account.metadata > 3 << 20);
}

#[test]
fn the_first_bytes_decide_and_a_tag_before_them_does_not_hide_them() {
    let folder = Folder::new("names");
    let opus = folder.made(&[1, 2, 3], OPUS, "a.opus");
    let webm = folder.made(&[1, 2, 3], "-c:a libopus -b:a 24k", "a.webm");
    let tag = [&b"ID3\x04\0\0\0\0\x02\x00"[..], &[0; 256]].concat();
    for (file, container) in [(&opus, "ogg"), (&webm, "webm")] {
        for name in ["call.wav", "call.mp3", "call.ogg", "call.webm", "call"] {
            assert_eq!(locate(name, file.as_slice()).unwrap().container.name(), container, "{name}");
            let tagged = [tag.as_slice(), file].concat();
            let layout = locate(name, tagged.as_slice()).unwrap();
            assert_eq!(layout.container.name(), container, "{name} behind a tag");
            assert!(layout.account.metadata >= 266, "{name}");
        }
    }
}

/// An Ogg file of one packet a page.
fn paged(head: &[u8], packets: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    let all =
        [head.to_vec(), b"OpusTags\0\0\0\0\0\0\0\0".to_vec()].into_iter().chain(packets.iter().cloned());
    for (n, packet) in all.enumerate() {
        let granule = (n as i64 - 1).max(0) * 960;
        let mut lacing = vec![255u8; packet.len() / 255];
        lacing.push((packet.len() % 255) as u8);
        let flags = [u8::from(n == 0) * 2];
        let head = [b"OggS\0", &flags[..], &granule.to_le_bytes(), &[1; 4], &[0; 8], &[lacing.len() as u8]];
        out.extend(refit([head.concat(), lacing, packet].concat()));
    }
    out
}

#[test]
fn a_span_that_begins_in_packets_too_short_for_silence_is_silent() {
    let folder = Folder::new("dtx");
    let file = folder.made(&[1, 2, 3], "-c:a libopus -b:a 24k -application voip", "a.opus");
    let index = unsaid_dsp::container::ogg::index(file.as_slice()).unwrap();
    let packets = &index.streams.groups[0].streams[0].packets;
    let mut all: Vec<Vec<u8>> =
        (0..packets.len()).map(|n| packets.read(file.as_slice(), n).unwrap()).collect();
    // In the middle of the first key the encoder sends nothing more, as with DTX.
    let first = 32;
    all[first..first + 20].iter_mut().for_each(|p| p.truncate(1));
    let head = &pages(&file)[0][28..];
    let file = paged(head, &all);
    let layout = locate("a.opus", file.as_slice()).unwrap();
    let spans = [Span::new(first as u64 * 960, (first as u64 + 10) * 960)];
    let mut after = file.clone();
    apply(&mut after, &patches(file.as_slice(), &layout, &spans, &Options::default()).unwrap());
    let verified = verify_decoded(after.as_slice(), &layout, &spans, &Options::default()).unwrap();
    assert_eq!(verified, Ok(()));
}

#[test]
fn the_same_key_on_two_channels_is_one_until_it_has_ended_on_both() {
    let rate = Rate::NARROW_BAND;
    let pressed = |at_s: f64| {
        let mut plane = vec![0f32; 16_000];
        add_key(&mut plane, 8_000.0, at_s, &Key::plain(2, 0.1, -10.0), &mut Dice::new(1));
        detect(&plane, rate)
    };
    let all = of_all_channels([pressed(0.5), pressed(0.597)].concat());
    assert_eq!(all.len(), 1);
    assert!(rate.seconds(all[0].span.end) > 0.69, "the second party's key ends at 0.697 s");
    assert_eq!(of_all_channels([pressed(0.5), pressed(0.7)].concat()).len(), 2);
}
