//! Where are the codec frames? A container parser reads headers alone and
//! answers with a [`Layout`]; it never holds the audio.

pub mod account;
pub mod au;
pub mod flac;
mod goes_on;
pub mod mpeg;
pub mod ogg;
pub mod parties;
pub mod raw;
mod riff;
pub mod scan;
pub mod streams;
pub mod tags;
pub mod w64;
pub mod wav;
pub mod wave_format;
pub mod webm;

pub use account::{Account, Accountant, Belongs};

use crate::audio::Rate;
use crate::codec::Codec;

/// Bytes that can be read at an offset: a slice, a file, a remote file.
pub trait ReadAt: Sync {
    /// The length in bytes.
    fn len(&self) -> u64;

    /// True when there is not one byte.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buf` from `offset`.
    ///
    /// # Errors
    /// [`std::io::ErrorKind::UnexpectedEof`] when the range leaves the source.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()>;
}

impl ReadAt for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        let from = usize::try_from(offset).ok();
        let part = from.and_then(|at| self.get(at..at.checked_add(buf.len())?));
        buf.copy_from_slice(part.ok_or(std::io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// The outer form of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    Wav,
    /// Sony's Wave64.
    Wave64,
    /// Sun's and NeXT's `.au`.
    Au,
    /// No header at all; the format is in the file name's extension.
    Raw,
    /// MPEG audio layer III, with or without tags.
    Mp3,
    Flac,
    Ogg,
    /// WebM and Matroska.
    Webm,
}

impl Container {
    pub fn name(self) -> &'static str {
        match self {
            Container::Wav => "wav",
            Container::Wave64 => "w64",
            Container::Au => "au",
            Container::Raw => "raw",
            Container::Mp3 => "mp3",
            Container::Flac => "flac",
            Container::Ogg => "ogg",
            Container::Webm => "webm",
        }
    }
}

/// Whether the header's word about the data length can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lengths {
    /// The header says what the file holds.
    Right,
    /// The header says 0 or 0xFFFFFFFF: still being written, or the writer
    /// died. The data is taken to the end of the file.
    Open,
    /// The header promises more than the file holds. The data is taken to the
    /// end of the file.
    Truncated,
}

/// Where the coded audio lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub container: Container,
    pub codec: Codec,
    /// The largest rate of the file's parts: the time line's.
    pub rate: Rate,
    /// The smallest rate of the file's parts; mostly it has one part, and this is `rate`.
    pub slowest: Rate,
    pub channels: u16,
    /// Byte offset of the first coded block.
    pub data_start: u64,
    /// Bytes of coded blocks, with a torn last one.
    pub data_len: u64,
    pub lengths: Lengths,
    /// Frames, where blocks are not all of one size and the container counts.
    pub counted: Option<u64>,
    /// What every byte of the file is.
    pub account: Account,
}

impl Layout {
    /// A file whose audio is one stretch of blocks that are all of one size.
    ///
    /// # Errors
    /// [`ContainerError::NoAudio`] where that stretch plays no frame.
    fn of_blocks(
        container: Container,
        codec: Codec,
        (rate, channels): (Rate, u16),
        (data_start, data_len): (u64, u64),
        lengths: Lengths,
        account: Account,
    ) -> Result<Layout, ContainerError> {
        let layout = Layout {
            container,
            codec,
            rate,
            slowest: rate,
            channels,
            data_start,
            data_len,
            lengths,
            counted: None,
            account,
        };
        if layout.frames() == 0 { Err(ContainerError::NoAudio) } else { Ok(layout) }
    }

    /// Frames that are played: those of whole blocks, and of a torn last one where it plays.
    pub fn frames(&self) -> u64 {
        self.counted.unwrap_or_else(|| self.codec.frames_in(self.data_len, self.channels))
    }

    /// Bytes of one block over all channels; 0 where blocks differ.
    pub fn block_bytes(&self) -> u64 {
        self.codec.block_bytes(self.channels)
    }

    pub fn duration_s(&self) -> f64 {
        self.rate.seconds(self.frames())
    }
}

/// Why a file is not understood.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    #[error("the file is empty")]
    Empty,
    #[error("the file has a header but no audio")]
    NoAudio,
    #[error("no MPEG layer III frame was found in it")]
    NoMpeg,
    #[error("it is not a WAV file: {0}")]
    NotWav(&'static str),
    #[error("it is damaged, or not what its first bytes say: {0}")]
    Damaged(&'static str),
    #[error("the WAV format tag 0x{tag:04x} with {bits} bits is not supported")]
    UnknownCodec { tag: u16, bits: u16 },
    #[error("it holds {0}, which unsaid does not read; the file was left as it is")]
    Holds(&'static str),
    #[error("its audio could not be decoded: {0}")]
    Undecodable(String),
    #[error("a FLAC file cannot be muted in place: its frames change their length")]
    NotInPlace,
    #[error("{0} cannot be muted yet")]
    NotMuted(&'static str),
    #[error("{0} cannot hold a tone instead of silence: only PCM and G.711 can")]
    NoTone(&'static str),
    #[error("it has no known signature, and its extension ({0:?}) names no headerless format")]
    UnknownExtension(String),
    #[error(
        "{bytes} bytes from offset {at} on are neither audio nor a known tag; the file was left as it is, because a player might play them"
    )]
    Unaccounted { at: u64, bytes: u64 },
    #[error(
        "{what} stands behind its audio, at offset {at}: players differ in whether they play it, so the file was left as it is; split it into two files"
    )]
    Second { what: &'static str, at: u64 },
    #[error("{0} is not supported, and the file was left as it is; record in WAV, or convert it to WAV")]
    Unsupported(&'static str),
    #[error(
        "whether it holds one party or two side by side (MixMonitor's option D) cannot be told by its sound; say so with raw_channels in the settings or --channels"
    )]
    Parties,
    #[error("it could not be read: {0}")]
    Read(#[from] std::io::Error),
}

/// What is known of a recording beside its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Hint<'a> {
    /// Its file name; the extension names a headerless format.
    pub name: &'a str,
    /// Channels of a headerless file, where somebody said so.
    pub channels: Option<u16>,
}

impl<'a, S: AsRef<str> + ?Sized> From<&'a S> for Hint<'a> {
    fn from(name: &'a S) -> Hint<'a> {
        Hint { name: name.as_ref(), channels: None }
    }
}

/// Finds the coded frames of `source`. A signature decides before the name;
/// otherwise the extension of its name says which headerless format it is. The
/// length is exact: files that do not tell it are read through.
///
/// # Errors
/// [`ContainerError`], one sentence, when the file is not understood.
pub fn locate<'a>(
    hint: impl Into<Hint<'a>>,
    source: &(impl ReadAt + ?Sized),
) -> Result<Layout, ContainerError> {
    let hint = hint.into();
    match kind(hint.name, source)? {
        Kind::Wav => wav::locate(source),
        Kind::Wave64 => w64::locate(source),
        Kind::Au => au::locate(source),
        Kind::Mp3 => mpeg::locate(source),
        Kind::Flac => flac::locate(source),
        Kind::Ogg => ogg::locate(source),
        Kind::Webm => webm::locate(source),
        Kind::Raw(extension) => raw::locate(extension, hint.channels, source),
    }
}

enum Kind<'a> {
    Wav,
    Wave64,
    Au,
    Mp3,
    Flac,
    Ogg,
    Webm,
    Raw(&'a str),
}

fn kind<'a>(name: &'a str, source: &(impl ReadAt + ?Sized)) -> Result<Kind<'a>, ContainerError> {
    if source.is_empty() {
        return Err(ContainerError::Empty);
    }
    let extension = name.rsplit('/').next().and_then(|n| n.rsplit_once('.')).map_or("", |(_, e)| e);
    let mut scan = scan::Scan::new(source);
    let mut magic = scan.array::<4>(0)?.unwrap_or_default();
    // ID3v2 stands before MP3, FLAC and WAV alike: what follows it decides.
    let mut at = 0;
    while magic.starts_with(b"ID3")
        && let Some(tag) = tags::len_at(&mut scan, at, source.len())?
    {
        at += tag;
        magic = scan.array::<4>(at)?.unwrap_or(*b"ID3\0");
    }
    let is = |other: &str| extension.eq_ignore_ascii_case(other);
    Ok(match &magic {
        b"RIFF" | b"RF64" | b"RIFX" | b"BW64" => Kind::Wav,
        b"riff" => Kind::Wave64,
        b".snd" => Kind::Au,
        b"FORM" => return Err(ContainerError::Unsupported("AIFF")),
        b"caff" => return Err(ContainerError::Unsupported("CAF")),
        b"fLaC" => Kind::Flac,
        b"OggS" => Kind::Ogg,
        b"\x1A\x45\xDF\xA3" => Kind::Webm,
        [b'I', b'D', b'3', _] => Kind::Mp3,
        _ if is("mp3") || is("mp2") || is("mp1") || is("mpga") || is("m2a") => Kind::Mp3,
        _ if mpeg::begins(source)? => Kind::Mp3,
        // Junk stands before its first page or element.
        _ if is("ogg") || is("opus") || is("oga") => Kind::Ogg,
        _ if is("webm") || is("mka") || is("mkv") => Kind::Webm,
        _ if at > 0 && !is("flac") => Kind::Mp3,
        // Junk stands before its first stream.
        _ if is("flac") => Kind::Flac,
        _ if is("wav") || is("wav49") || is("wav16") => Kind::Wav,
        _ if is("w64") => Kind::Wave64,
        _ => Kind::Raw(extension),
    })
}
