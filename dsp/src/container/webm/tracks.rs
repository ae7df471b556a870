//! The tracks of a WebM or Matroska file, and what their codecs say.

use super::super::ContainerError;
use super::super::streams::Coding;
use super::ebml::{Children, unsigned};
use crate::codec::vorbis;

const TRACK_ENTRY: u32 = 0xAE;
const NUMBER: u32 = 0xD7;
const TYPE: u32 = 0x83;
const CODEC: u32 = 0x86;
const CODEC_PRIVATE: u32 = 0x63A2;
const CODEC_DELAY: u32 = 0x56AA;
const ENCODINGS: u32 = 0x6D80;

const VIDEO: u64 = 1;
const AUDIO: u64 = 2;
/// Logos, buttons, control: nothing that sounds and no words.
const SOUNDLESS: [u64; 3] = [0x10, 0x12, 0x20];
const SUBTITLES: u64 = 0x11;

/// What the blocks of one track hold.
#[derive(Clone, Debug)]
pub enum Holds {
    Audio {
        coding: Coding,
        /// Decoded frames before the first that players play.
        skip: u64,
    },
    Soundless,
}

/// Reads the tracks with their numbers.
///
/// # Errors
/// [`ContainerError`] when one cannot be heard.
pub fn parse(body: &[u8]) -> Result<Vec<(u64, Holds)>, ContainerError> {
    let damaged = ContainerError::Damaged("its WebM tracks are not whole");
    let mut children = Children::of(body);
    let mut out = Vec::new();
    for (id, entry) in children.by_ref() {
        if id == TRACK_ENTRY {
            out.push(track(entry)?);
        }
    }
    if children.is_done() { Ok(out) } else { Err(damaged) }
}

fn track(entry: &[u8]) -> Result<(u64, Holds), ContainerError> {
    let damaged = || ContainerError::Damaged("a WebM track lacks its number or its type");
    let (mut number, mut kind, mut delay_ns) = (None, None, None);
    let (mut codec, mut private) = (&b""[..], &b""[..]);
    let mut children = Children::of(entry);
    for (id, value) in children.by_ref() {
        match id {
            NUMBER => number = unsigned(value),
            TYPE => kind = unsigned(value),
            CODEC => codec = value,
            CODEC_PRIVATE => private = value,
            CODEC_DELAY => delay_ns = unsigned(value),
            ENCODINGS => return Err(ContainerError::Holds("a WebM track that is compressed or encrypted")),
            _ => {}
        }
    }
    if !children.is_done() {
        return Err(damaged());
    }
    let holds = match kind.ok_or_else(damaged)? {
        AUDIO => audio(codec, private, delay_ns)?,
        VIDEO => Holds::Soundless,
        SUBTITLES => {
            return Err(ContainerError::Holds("subtitles in WebM, which may hold the words of the call"));
        }
        kind if SOUNDLESS.contains(&kind) => Holds::Soundless,
        _ => return Err(ContainerError::Holds("a WebM track of an unknown type")),
    };
    Ok((number.ok_or_else(damaged)?, holds))
}

fn audio(codec: &[u8], private: &[u8], delay_ns: Option<u64>) -> Result<Holds, ContainerError> {
    const REFUSED: [(&[u8], &str); 9] = [
        (b"A_AAC", "AAC in Matroska"),
        (b"A_MPEG/L3", "MP3 in Matroska"),
        (b"A_MPEG", "MPEG audio of another layer in Matroska"),
        (b"A_FLAC", "FLAC in Matroska"),
        (b"A_PCM", "PCM in Matroska"),
        (b"A_AC3", "AC-3 in Matroska"),
        (b"A_EAC3", "E-AC-3 in Matroska"),
        (b"A_MS/ACM", "a Windows codec in Matroska"),
        (b"A_DTS", "DTS in Matroska"),
    ];
    let codec = codec.split(|b| *b == 0).next().unwrap_or_default();
    match codec {
        b"A_OPUS" => {
            let coding = Coding::opus(private)?;
            let Coding::Opus(head) = &coding else { return Err(ContainerError::NoAudio) };
            // Players go by the header (ffmpeg) or by the delay (browsers); the smaller is heard by both.
            let delay = delay_ns.map(|ns| ns.saturating_mul(48) / 1_000_000);
            let skip = u64::from(head.pre_skip).min(delay.unwrap_or(u64::MAX));
            Ok(Holds::Audio { coding, skip })
        }
        b"A_VORBIS" => {
            let setup = vorbis_headers(private).and_then(|(ident, setup)| vorbis::Setup::parse(ident, setup));
            let setup = setup.ok_or(ContainerError::Damaged("its Vorbis headers are not whole"))?;
            Ok(Holds::Audio { coding: Coding::Vorbis(Box::new(setup)), skip: 0 })
        }
        other => {
            let known = REFUSED.iter().find(|(name, _)| other.starts_with(name));
            Err(ContainerError::Holds(
                known.map_or("audio of an unknown codec in Matroska", |(_, name)| name),
            ))
        }
    }
}

/// The first and the last of three headers, laced as Xiph does it.
fn vorbis_headers(private: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = private.strip_prefix(&[2])?;
    let mut lens = [0usize; 2];
    for len in &mut lens {
        loop {
            let (first, behind) = rest.split_first()?;
            (rest, *len) = (behind, *len + usize::from(*first));
            if *first < 255 {
                break;
            }
        }
    }
    let ident = rest.get(..lens[0])?;
    let setup = rest.get(lens[0].checked_add(lens[1])?..)?;
    Some((ident, setup))
}
