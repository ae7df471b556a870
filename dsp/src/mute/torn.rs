//! The bytes of a torn last block, which no player plays: silenced with the
//! frame before them, because they may hold the rest of what was said in it.

use super::{Patch, samples};
use crate::audio::Span;
use crate::codec::{Codec, gsm610};
use crate::container::Layout;

/// The patch for the torn last block where `covered` reaches the recording's end.
pub fn patch(layout: &Layout, covered: &[Span]) -> Option<Patch> {
    let block = layout.block_bytes();
    if block == 0 || covered.last()?.end < layout.frames() {
        return None;
    }
    let len = layout.codec.unplayed_of_torn(layout.data_len % block);
    let mut bytes = silent_block(layout.codec, block as usize);
    bytes.truncate(len as usize);
    (len > 0).then(|| Patch { offset: layout.data_start + layout.data_len - len, bytes })
}

fn silent_block(codec: Codec, len: usize) -> Vec<u8> {
    match codec {
        Codec::Gsm => gsm610::Frame::SILENT.pack().to_vec(),
        Codec::Wav49 => {
            let mut block = [0u8; gsm610::WAV49_BYTES];
            gsm610::Frame::SILENT.pack_wav49(&mut block, 0);
            gsm610::Frame::SILENT.pack_wav49(&mut block, 1);
            block.to_vec()
        }
        _ => vec![samples::silent_byte(codec); len],
    }
}
