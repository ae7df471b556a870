//! G.722: the bytes of the spans are coded anew from the state that the
//! decoder really has there, so that they decode to silence within
//! milliseconds. The bytes after a span stay; the decoder, whose state is now
//! another one, comes back to what it was in about 0.4 s.

use super::Patch;
use crate::audio::Span;
use crate::codec::g722::Decoder;
use crate::container::{ContainerError, Layout, ReadAt, scan::Scan};

/// Samples that the filter joining the bands is late: the bytes for a span
/// begin that much before it.
const DELAY: u64 = 22;

/// The spans of whole bytes that are coded anew.
pub fn covered(layout: &Layout, spans: &[Span]) -> Vec<Span> {
    let wide = |s: &Span| Span::new(s.start / 2 * 2, (s.end + DELAY).div_ceil(2) * 2);
    crate::audio::merge(&spans.iter().map(wide).collect::<Vec<Span>>(), layout.frames())
}

/// One patch for each of the covered spans; the file is decoded up to the last one.
pub fn patches(
    source: &(impl ReadAt + ?Sized),
    layout: &Layout,
    covered: &[Span],
) -> Result<Vec<Patch>, ContainerError> {
    let mut scan = Scan::new(source);
    let mut decoder = Decoder::default();
    let (mut out, mut at) = (Vec::new(), 0u64);
    for span in covered {
        let (from, to) = (span.start / 2, span.end / 2);
        while at < from {
            let byte = scan.array::<1>(layout.data_start + at)?.unwrap_or_default();
            decoder.decode(byte[0]);
            at += 1;
        }
        let bytes: Vec<u8> = (from..to).map(|_| decoder.silence()).collect();
        at = to;
        out.push(Patch { offset: layout.data_start + from, bytes });
    }
    Ok(out)
}
