//! A file as it will be once a change is made, without making it.

use super::{Patch, Splice};
use crate::container::ReadAt;

/// A source with patches over it.
pub struct Overlay<'a, S: ReadAt + ?Sized> {
    source: &'a S,
    /// In order and disjoint, as a plan gives them.
    patches: &'a [Patch],
}

impl<'a, S: ReadAt + ?Sized> Overlay<'a, S> {
    pub fn new(source: &'a S, patches: &'a [Patch]) -> Overlay<'a, S> {
        Overlay { source, patches }
    }
}

impl<S: ReadAt + ?Sized> ReadAt for Overlay<'_, S> {
    fn len(&self) -> u64 {
        self.source.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        self.source.read_at(offset, buf)?;
        let end = offset + buf.len() as u64;
        let first = self.patches.partition_point(|p| p.end() <= offset);
        for p in self.patches[first..].iter().take_while(|p| p.offset < end) {
            let (from, to) = (p.offset.max(offset), p.end().min(end));
            let part = &p.bytes[(from - p.offset) as usize..(to - p.offset) as usize];
            buf[(from - offset) as usize..(to - offset) as usize].copy_from_slice(part);
        }
        Ok(())
    }
}

/// `file` with `splices` (in order, disjoint) made.
pub fn spliced(file: &[u8], splices: &[Splice]) -> Vec<u8> {
    let mut out = Vec::with_capacity(file.len());
    let mut at = 0usize;
    for s in splices {
        let from = (s.offset as usize).clamp(at, file.len());
        out.extend_from_slice(&file[at..from]);
        out.extend_from_slice(&s.bytes);
        at = (from + s.removed as usize).min(file.len());
    }
    out.extend_from_slice(&file[at..]);
    out
}
