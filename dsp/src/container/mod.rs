//! Where are the codec frames? A container parser reads headers alone and
//! answers with a [`Layout`]; it never holds the audio.

pub mod account;
pub mod flac;
pub mod mpeg;
pub mod ogg;
pub mod raw;
pub mod scan;
pub mod streams;
pub mod tags;
pub mod wav;
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
    /// Bytes of whole coded blocks; a torn last block is left out.
    pub data_len: u64,
    pub lengths: Lengths,
    /// Frames, where blocks are not all of one size and the container counts.
    pub counted: Option<u64>,
    /// What every byte of the file is.
    pub account: Account,
}

impl Layout {
    /// Frames in the whole coded blocks.
    pub fn frames(&self) -> u64 {
        let blocks = || self.data_len / self.block_bytes().max(1) * self.codec.frames_per_block();
        self.counted.unwrap_or_else(blocks)
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
    #[error("it could not be read: {0}")]
    Read(#[from] std::io::Error),
}

/// Finds the coded frames of `source`. A signature decides before the name;
/// otherwise the extension of `name` says which headerless format it is. The
/// length is exact: files that do not tell it are read through.
///
/// # Errors
/// [`ContainerError`], one sentence, when the file is not understood.
pub fn locate(name: &str, source: &(impl ReadAt + ?Sized)) -> Result<Layout, ContainerError> {
    match kind(name, source)? {
        Kind::Wav => wav::locate(source),
        Kind::Mp3 => mpeg::locate(source),
        Kind::Flac => flac::locate(source),
        Kind::Ogg => ogg::locate(source),
        Kind::Webm => webm::locate(source),
        Kind::Raw(extension) => raw::locate(extension, source),
    }
}

/// Like [`locate`] from the headers alone, whatever the size: the length of an
/// MP3 file without Xing's tag is then what its first frame's bit rate makes it.
///
/// # Errors
/// [`ContainerError`], one sentence, when the file is not understood.
pub fn probe(name: &str, source: &(impl ReadAt + ?Sized)) -> Result<Layout, ContainerError> {
    match kind(name, source)? {
        Kind::Mp3 => mpeg::probe(source),
        Kind::Flac => flac::probe(source),
        _ => locate(name, source),
    }
}

enum Kind<'a> {
    Wav,
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
    let mut magic = [0u8; 4];
    if source.len() >= 4 {
        source.read_at(0, &mut magic)?;
    }
    let is = |other: &str| extension.eq_ignore_ascii_case(other);
    Ok(match &magic {
        b"RIFF" | b"RF64" => Kind::Wav,
        b"fLaC" => Kind::Flac,
        b"OggS" => Kind::Ogg,
        b"\x1A\x45\xDF\xA3" => Kind::Webm,
        [b'I', b'D', b'3', _] => match &behind_tag(source)? {
            b"OggS" => Kind::Ogg,
            b"\x1A\x45\xDF\xA3" => Kind::Webm,
            _ => Kind::Mp3,
        },
        _ if is("mp3") => Kind::Mp3,
        _ if is("ogg") || is("opus") || is("oga") => Kind::Ogg,
        _ if is("webm") || is("mka") || is("mkv") => Kind::Webm,
        _ if is("wav") || extension == "wav49" => Kind::Wav,
        _ => Kind::Raw(extension),
    })
}

/// The four bytes behind the tag that a file begins with; zeros where there are none.
fn behind_tag(source: &(impl ReadAt + ?Sized)) -> std::io::Result<[u8; 4]> {
    let mut scan = scan::Scan::new(source);
    let behind = tags::len_at(&mut scan, 0, source.len())?.unwrap_or(0);
    Ok(scan.array::<4>(behind)?.unwrap_or_default())
}
