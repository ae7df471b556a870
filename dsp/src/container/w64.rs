//! Sony's Wave64 (Sonic Foundry 2003): RIFF with 128-bit ids, 64-bit sizes that
//! count their own header, and chunks on borders of eight bytes.

use super::scan::Scan;
use super::wave_format::{Order, WaveFormat};
use super::{Accountant, Belongs, Container, ContainerError, Layout, Lengths, ReadAt};

/// What follows the four letters of every chunk's id but `riff`'s.
const TAIL: [u8; 12] = [0xF3, 0xAC, 0xD3, 0x11, 0x8C, 0xD1, 0x00, 0xC0, 0x4F, 0x8E, 0xDB, 0x8A];
/// The id that a file begins with.
pub const RIFF: [u8; 16] =
    [b'r', b'i', b'f', b'f', 0x2E, 0x91, 0xCF, 0x11, 0xA5, 0xD6, 0x28, 0xDB, 0x04, 0xC1, 0, 0];
/// Bytes of a chunk's header.
const HEADER: u64 = 24;
/// More chunks than any writer makes.
const MAX_CHUNKS: usize = 4_096;

/// The layout of a file that begins with [`RIFF`].
///
/// The audio goes to the end of the file whatever its size says, because sox
/// plays it so; chunks behind it are then some samples of noise.
///
/// # Errors
/// [`ContainerError`] when the headers are not whole or the codec not supported.
pub fn locate(source: &(impl ReadAt + ?Sized)) -> Result<Layout, ContainerError> {
    let mut scan = Scan::new(source);
    let begins = scan.array::<16>(0)?.is_some_and(|id| id == RIFF);
    let wave = scan.array::<16>(HEADER)?.is_some_and(|id| id == guid(b"wave"));
    if !begins || !wave {
        return Err(ContainerError::Damaged("it does not begin with Wave64's riff and wave"));
    }
    let mut walk = Accountant::default();
    walk.take(HEADER + 16, Belongs::Header);
    let mut format = None;
    for _ in 0..MAX_CHUNKS {
        let at = walk.at();
        let head = scan.array::<24>(at)?.ok_or(ContainerError::Damaged("it ends before any audio"))?;
        let size = u64::from_le_bytes(std::array::from_fn(|n| head[16 + n]));
        let body = at + HEADER;
        let mut what = Belongs::Metadata;
        if head[..16] == guid(b"fmt ") {
            let len = size.saturating_sub(HEADER);
            (format, what) = (Some(WaveFormat::read(source, body, len, Order::Little)?), Belongs::Header);
        } else if head[..16] == guid(b"data") {
            let format =
                format.ok_or(ContainerError::Damaged("the data chunk stands before the fmt chunk"))?;
            walk.take(body, Belongs::Header);
            return layout(source, format, size, walk);
        }
        let end = at.checked_add(size).and_then(|end| end.checked_next_multiple_of(8));
        match end.filter(|end| size >= HEADER && *end <= source.len()) {
            Some(end) => walk.take(end, what),
            None => return Err(ContainerError::Damaged("a Wave64 chunk leaves the file")),
        }
    }
    Err(ContainerError::Damaged("it has more than 4096 chunks"))
}

fn layout(
    source: &(impl ReadAt + ?Sized),
    format: WaveFormat,
    size: u64,
    mut walk: Accountant,
) -> Result<Layout, ContainerError> {
    let data_start = walk.at();
    let data_len = source.len() - data_start;
    walk.take(source.len(), Belongs::Audio);
    let lengths = match size.checked_sub(HEADER) {
        None | Some(0) => Lengths::Open,
        Some(_) if size == u64::MAX => Lengths::Open,
        Some(n) if n > data_len => Lengths::Truncated,
        Some(_) => Lengths::Right,
    };
    let codec = format.codec(source, data_start, data_len)?;
    let (kind, place) = ((format.rate, format.channels), (data_start, data_len));
    Layout::of_blocks(Container::Wave64, codec, kind, place, lengths, walk.finish(source.len())?)
}

fn guid(letters: &[u8; 4]) -> [u8; 16] {
    std::array::from_fn(|n| if n < 4 { letters[n] } else { TAIL[n - 4] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use proptest::prelude::*;

    fn chunk(letters: &[u8; 4], size: u64, body: &[u8]) -> Vec<u8> {
        let mut out = guid(letters).to_vec();
        out.extend(size.to_le_bytes());
        out.extend(body);
        out.resize(out.len().next_multiple_of(8), 0);
        out
    }

    fn w64(data_size: u64, note: &[u8], body: &[u8]) -> Vec<u8> {
        let mut fmt = Vec::new();
        [1u16, 1].iter().for_each(|n| fmt.extend(n.to_le_bytes()));
        [8_000u32, 16_000].iter().for_each(|n| fmt.extend(n.to_le_bytes()));
        [2u16, 16].iter().for_each(|n| fmt.extend(n.to_le_bytes()));
        let mut file = RIFF.to_vec();
        file.extend(0u64.to_le_bytes());
        file.extend(guid(b"wave"));
        file.extend(chunk(b"note", 24 + note.len() as u64, note));
        file.extend(chunk(b"fmt ", 40, &fmt));
        file.extend(guid(b"data"));
        file.extend(data_size.to_le_bytes());
        file.extend(body);
        file
    }

    #[test]
    fn chunks_on_borders_of_eight_lead_to_audio_that_goes_to_the_end() {
        for size in [0, 24, 44, 64, u64::MAX] {
            let layout = locate(w64(size, b"abc", &[1; 40]).as_slice()).expect("a layout");
            assert_eq!((layout.frames(), layout.codec), (20, Codec::Pcm16), "{size}");
        }
        assert!(locate(&w64(64, b"abc", &[1; 40])[..90]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_layout_inside_the_file_or_an_error(
            size: u64, note in prop::collection::vec(any::<u8>(), 0..20),
            body in prop::collection::vec(any::<u8>(), 0..60),
            hits in prop::collection::vec((40usize..140, any::<u8>()), 0..3), cut in 0usize..220,
        ) {
            let mut file = w64(size, &note, &body);
            hits.iter().for_each(|(at, byte)| if let Some(b) = file.get_mut(*at) { *b = *byte });
            file.truncate(cut);
            if let Ok(layout) = locate(file.as_slice()) {
                prop_assert_eq!(layout.data_start + layout.data_len, file.len() as u64);
                prop_assert!(layout.frames() > 0);
                prop_assert_eq!(layout.account.total(), file.len() as u64);
            }
        }
    }
}
