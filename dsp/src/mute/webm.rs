//! The mute in WebM: blocks' frames, and the CRC-32 elements that cover them.

use super::{Patch, streams};
use crate::audio::Span;
use crate::container::{ContainerError, ReadAt, webm};
use std::collections::BTreeMap;

/// Bytes that are read at once for a checksum.
const STRETCH: u64 = 64 * 1024;

/// Patches that silence `spans`.
///
/// # Errors
/// When the source cannot be read, or its blocks not be found.
pub fn patches(source: &(impl ReadAt + ?Sized), spans: &[Span]) -> Result<Vec<Patch>, ContainerError> {
    let index = webm::index(source)?;
    let edits = streams::edits(source, &index.streams, spans)?;
    let mut written: BTreeMap<u64, Vec<u8>> = edits.into_iter().map(|e| (e.offset, e.bytes)).collect();
    // A segment's checksum covers those of its clusters.
    let mut checksums = index.checksums;
    checksums.sort_by_key(|c| c.to - c.from);
    for sum in checksums {
        if written.range(sum.from..sum.to).next().is_some() {
            let crc = crc(source, &written, sum.from, sum.to)?;
            written.insert(sum.at, crc.to_le_bytes().to_vec());
        }
    }
    Ok(written.into_iter().map(|(offset, bytes)| Patch { offset, bytes }).collect())
}

/// The CRC-32 (ISO 3309) of `from..to` with what is `written` over it.
fn crc(
    source: &(impl ReadAt + ?Sized),
    written: &BTreeMap<u64, Vec<u8>>,
    from: u64,
    to: u64,
) -> std::io::Result<u32> {
    let (mut crc, mut at, mut bytes) = (u32::MAX, from, Vec::new());
    let mut add = |bytes: &[u8]| {
        for b in bytes {
            crc = crc >> 8 ^ CRC_TABLE[usize::from(crc as u8 ^ *b)];
        }
    };
    for (offset, over) in written.range(from..to) {
        while at < *offset {
            bytes.resize((*offset - at).min(STRETCH) as usize, 0);
            source.read_at(at, &mut bytes)?;
            add(&bytes);
            at += bytes.len() as u64;
        }
        add(over);
        at = offset + over.len() as u64;
    }
    while at < to {
        bytes.resize((to - at).min(STRETCH) as usize, 0);
        source.read_at(at, &mut bytes)?;
        add(&bytes);
        at += bytes.len() as u64;
    }
    Ok(!crc)
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0u32; 256];
    let mut n = 0;
    while n < 256 {
        let mut r = n as u32;
        let mut bit = 0;
        while bit < 8 {
            r = if r & 1 != 0 { r >> 1 ^ 0xEDB8_8320 } else { r >> 1 };
            bit += 1;
        }
        table[n] = r;
        n += 1;
    }
    table
};
