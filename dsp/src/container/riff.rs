//! The chunks of a RIFF file (Microsoft/IBM 1991), and what stands behind its
//! audio: chunks in any order, every one kept where it is.

use super::scan::Scan;
use super::wave_format::Order;
use super::{Accountant, Belongs, ContainerError, ReadAt, tags};

/// Ids of chunks that hold no audio and that writers cut short at the file's end.
const KNOWN: [&[u8; 4]; 24] = [
    b"LIST", b"fact", b"bext", b"iXML", b"id3 ", b"ID3 ", b"cue ", b"PEAK", b"JUNK", b"junk", b"PAD ",
    b"FLLR", b"smpl", b"inst", b"plst", b"adtl", b"labl", b"note", b"cart", b"afsp", b"axml", b"_PMX",
    b"chna", b"levl",
];

/// First bytes of files that hold audio of their own.
const AUDIO: [(&[u8], &str); 5] = [
    (b"fLaC\0\0\0\x22", "a FLAC file"),
    (b"OggS\0\x02", "an Ogg stream"),
    (b".snd\0", "an .au file"),
    (b"riff\x2E\x91\xCF\x11", "a Wave64 file"),
    (b"caff\0\x01", "a CAF file"),
];

/// Audio that begins at `at` in a container of its own: what it is.
fn audio_at(b: &[u8]) -> Option<&'static str> {
    let riff = matches!(b.get(..4), Some(b"RIFF" | b"RIFX" | b"RF64" | b"BW64"));
    if riff && b.get(8..12) == Some(b"WAVE") {
        return Some("a second WAV file");
    }
    AUDIO.iter().find(|(magic, _)| b.starts_with(magic)).map(|(_, name)| *name)
}

/// Takes what stands behind the audio, from `walk`'s place to the file's end:
/// chunks, tags, zeros, and bytes that are none of these, which no player plays.
///
/// # Errors
/// [`ContainerError::Second`] where there is more audio, which some players
/// play and others do not.
pub fn behind<S: ReadAt + ?Sized>(
    scan: &mut Scan<'_, S>,
    len: u64,
    order: Order,
    walk: &mut Accountant,
) -> Result<(), ContainerError> {
    while walk.at() < len {
        let at = walk.at();
        if let Some(end) = zeros(scan, at, len)? {
            walk.take(end, Belongs::Padding);
        } else if let Some(tag) = tags::len_at(scan, at, len)? {
            walk.take(at + tag, Belongs::Metadata);
        } else if let Some(end) = chunk(scan, at, len, order)? {
            walk.take(end, Belongs::Metadata);
        } else {
            no_audio_from(scan, at, len)?;
            walk.take(len, Belongs::Foreign);
        }
    }
    Ok(())
}

/// Where the zeros that begin at `at` end.
fn zeros<S: ReadAt + ?Sized>(scan: &mut Scan<'_, S>, at: u64, len: u64) -> std::io::Result<Option<u64>> {
    let mut end = at;
    while end < len {
        let part = scan.get(end, (len - end).min(4_096) as usize)?.unwrap_or_default();
        let run = part.iter().take_while(|b| **b == 0).count();
        end += run as u64;
        if run < part.len() || part.is_empty() {
            break;
        }
    }
    Ok((end > at).then_some(end))
}

/// Where the chunk at `at` ends, if one begins there.
fn chunk<S: ReadAt + ?Sized>(
    scan: &mut Scan<'_, S>,
    at: u64,
    len: u64,
    order: Order,
) -> Result<Option<u64>, ContainerError> {
    let Some(head) = scan.array::<8>(at)? else { return Ok(None) };
    let form = scan.array::<12>(at)?.unwrap_or_default();
    if let Some(what) = audio_at(&form) {
        return Err(ContainerError::Second { what, at });
    }
    let id = [head[0], head[1], head[2], head[3]];
    let end = at + 8 + u64::from(order.u32(&head, 4));
    if &id == b"data" || &form[..4] == b"LIST" && &form[8..] == b"wavl" {
        return Err(ContainerError::Second { what: "a second stretch of audio", at });
    }
    let plain = id.iter().all(|b| (0x20..0x7F).contains(b));
    Ok(if plain && end <= len {
        Some(end)
    } else {
        // A writer that died inside its last chunk.
        KNOWN.contains(&&id).then_some(len)
    })
}

/// Searches bytes that are no chunks for another file's beginning.
fn no_audio_from<S: ReadAt + ?Sized>(
    scan: &mut Scan<'_, S>,
    at: u64,
    len: u64,
) -> Result<(), ContainerError> {
    const STEP: u64 = 32 * 1024;
    let mut from = at;
    while from < len {
        let part = scan.get(from, (len - from).min(STEP + 12) as usize)?.unwrap_or_default();
        let within = (part.len() as u64).min(STEP) as usize;
        if let Some(n) = (0..within).find(|n| audio_at(&part[*n..]).is_some()) {
            let what = audio_at(&part[n..]).unwrap_or("more audio");
            return Err(ContainerError::Second { what, at: from + n as u64 });
        }
        from += STEP;
    }
    Ok(())
}
