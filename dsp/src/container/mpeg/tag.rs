//! The frame that holds no audio but counts the rest: Xing's and its heirs'
//! (`Xing`, `Info`), Fraunhofer's (`VBRI`), with LAME's extension.
//!
//! What is cut off by it is what ffmpeg cuts off (libavformat, `mp3dec.c`), so
//! that frame 0 is the first one that ffmpeg plays: the encoder's delay and
//! the decoder's 529 at the start, the padding less 529 before the end that
//! the tag counts, and both only where LAME, Lavf or Lavc signed the tag.
//! Other encoders leave other bytes there.

use super::header::{Header, Layer};
use crate::audio::Span;
use crate::container::ReadAt;
use crate::container::scan::Scan;

/// What a decoder's filters delay, with one sample of LAME's counting.
const DECODER_DELAY: u64 = 529;

/// What the tag in a file's first frame says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tag {
    /// The frame is the tag's alone and not played: it counts frames or bytes.
    pub counts: bool,
    /// Samples of delay and padding, where they are signed.
    gaps: Option<(u64, u64)>,
    /// Frames that it counts; 0 where they are not said or do not fit the file.
    frames: u64,
    /// Samples of a frame.
    samples: u64,
}

impl Tag {
    /// What of the frames behind the tag is not played, in samples from the first one on.
    pub fn cuts(&self) -> Vec<Span> {
        let Some((delay, padding)) = self.gaps else { return Vec::new() };
        let start = Span::new(0, delay + DECODER_DELAY);
        let end = self.frames * self.samples;
        let from = (end + DECODER_DELAY).saturating_sub(padding).min(end);
        vec![start, Span::new(from, end)]
    }
}

/// Is the frame at `at` a tag's, wherever in the file it stands?
///
/// # Errors
/// When the source cannot be read.
pub fn is_tag<S: ReadAt + ?Sized>(scan: &mut Scan<'_, S>, at: u64, header: &Header) -> std::io::Result<bool> {
    let xing = scan.array::<4>(at + 4 + u64::from(header.side))?;
    let vbri = scan.array::<4>(at + 36)?;
    Ok(xing.is_some_and(|n| &n == b"Xing" || &n == b"Info") || vbri.is_some_and(|n| &n == b"VBRI"))
}

/// The tag in the frame at `at`, the first behind ID3; `None` where there is none.
///
/// # Errors
/// When the source cannot be read.
pub fn read<S: ReadAt + ?Sized>(
    scan: &mut Scan<'_, S>,
    at: u64,
    header: &Header,
    file_len: u64,
) -> std::io::Result<Option<Tag>> {
    if header.layer != Layer::III || !is_tag(scan, at, header)? {
        return Ok(None);
    }
    let mut tag = Tag { samples: u64::from(header.samples), ..Tag::default() };
    let body = at + 4 + u64::from(header.side);
    if scan.array::<4>(body)?.is_some_and(|n| &n == b"Xing" || &n == b"Info") {
        xing(scan, body, file_len.saturating_sub(at + 4), &mut tag)?;
    }
    if let Some(v) = scan.array::<18>(at + 36)?.filter(|v| &v[..6] == b"VBRI\0\x01") {
        tag.frames = u64::from(u32::from_be_bytes([v[14], v[15], v[16], v[17]]));
        tag.counts |= tag.frames > 0 || v[10..14] != [0; 4];
    }
    Ok(Some(tag))
}

fn xing<S: ReadAt + ?Sized>(
    scan: &mut Scan<'_, S>,
    body: u64,
    left: u64,
    tag: &mut Tag,
) -> std::io::Result<()> {
    let flags = scan.array::<8>(body)?.map_or(0, |f| f[7]);
    let mut at = body + 8;
    let mut number = |is_there: bool| -> std::io::Result<u64> {
        if !is_there {
            return Ok(0);
        }
        at += 4;
        Ok(scan.array::<4>(at - 4)?.map_or(0, |n| u64::from(u32::from_be_bytes(n))))
    };
    let frames = number(flags & 1 != 0)?;
    let bytes = number(flags & 2 != 0)?;
    // A file that is longer by a sixteenth was joined or grew: its end is not where the tag says.
    let joined = bytes > 0 && left > bytes && left - bytes > bytes >> 4;
    tag.frames = if joined { 0 } else { frames };
    tag.counts = tag.frames > 0 || bytes > 0;
    at += u64::from(flags >> 2 & 1) * 100 + u64::from(flags >> 3 & 1) * 4;
    // LAME's extension: who wrote it in nine bytes; from the 22nd on twelve bits of delay and twelve of padding.
    let Some(l) = scan.array::<24>(at)? else { return Ok(()) };
    if matches!(&l[..4], b"LAME" | b"Lavf" | b"Lavc") {
        let both = u64::from(l[21]) << 16 | u64::from(l[22]) << 8 | u64::from(l[23]);
        tag.gaps = Some((both >> 12, both & 0xFFF));
    }
    Ok(())
}
