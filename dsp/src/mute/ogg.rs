//! The mute in Ogg: packets' bytes in the pages' bodies, and the CRCs of those pages.

use super::{Patch, streams};
use crate::audio::Span;
use crate::container::{ContainerError, ReadAt, ogg};

/// Patches that silence `spans`.
///
/// # Errors
/// When the source cannot be read, or its pages not be found.
pub fn patches(source: &(impl ReadAt + ?Sized), spans: &[Span]) -> Result<Vec<Patch>, ContainerError> {
    let index = ogg::index(source)?;
    let mut edits = streams::edits(source, &index.streams, spans)?.into_iter().peekable();
    let mut out = Vec::new();
    for page in &index.pages {
        let end = page.offset + u64::from(page.len);
        if edits.peek().is_none_or(|edit| edit.offset >= end) {
            continue;
        }
        let mut bytes = vec![0u8; page.len as usize];
        source.read_at(page.offset, &mut bytes)?;
        let mut bodies = Vec::new();
        while let Some(edit) = edits.next_if(|edit| edit.offset < end) {
            let at = (edit.offset - page.offset) as usize;
            bytes[at..at + edit.bytes.len()].copy_from_slice(&edit.bytes);
            bodies.push(Patch { offset: edit.offset, bytes: edit.bytes });
        }
        // A page that is cut off has no CRC to hold.
        if !page.is_torn {
            let crc = ogg::page::crc(&bytes).to_le_bytes();
            out.push(Patch { offset: page.offset + 22, bytes: crc.to_vec() });
        }
        out.append(&mut bodies);
    }
    Ok(out)
}
