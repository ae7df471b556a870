//! Sun's and NeXT's `.au` or `.snd`: six numbers of four bytes, the most
//! significant first, a text of any length, and audio to the end of the file.

use super::scan::Scan;
use super::{Accountant, Belongs, Container, ContainerError, Layout, Lengths, ReadAt};
use crate::audio::Rate;
use crate::codec::Codec;

/// Bytes of the header without its text.
const HEADER: u64 = 24;

/// The layout of a file that begins with `.snd`.
///
/// The size in the header is not gone by: ffmpeg plays to the end of the file
/// whatever it says, and 0xFFFFFFFF means "not known".
///
/// # Errors
/// [`ContainerError`] when the header is not whole or the encoding not supported.
pub fn locate(source: &(impl ReadAt + ?Sized)) -> Result<Layout, ContainerError> {
    let head = Scan::new(source).array::<24>(0)?;
    let head = head.ok_or(ContainerError::Damaged("the file ends inside its .au header"))?;
    let word =
        |n: usize| u32::from_be_bytes([head[4 * n], head[4 * n + 1], head[4 * n + 2], head[4 * n + 3]]);
    // Players take a header that says less for one of 24 bytes.
    let data_start = u64::from(word(1)).max(HEADER);
    let said = u64::from(word(2));
    let codec = codec_of(word(3))?;
    let rate = Rate::new(word(4)).ok_or(ContainerError::Damaged("its sample rate is not possible"))?;
    let channels = u16::try_from(word(5)).ok().filter(|c| (1..=64).contains(c));
    let channels = channels.ok_or(ContainerError::Damaged("its number of channels is not possible"))?;
    let data_len =
        source.len().checked_sub(data_start).filter(|len| *len > 0).ok_or(ContainerError::NoAudio)?;
    let mut walk = Accountant::default();
    walk.take(data_start, Belongs::Header);
    walk.take(source.len(), Belongs::Audio);
    let lengths = match said {
        0xFFFF_FFFF | 0 => Lengths::Open,
        n if n > data_len => Lengths::Truncated,
        _ => Lengths::Right,
    };
    let account = walk.finish(source.len())?;
    Layout::of_blocks(Container::Au, codec, (rate, channels), (data_start, data_len), lengths, account)
}

fn codec_of(encoding: u32) -> Result<Codec, ContainerError> {
    Ok(match encoding {
        1 => Codec::Ulaw,
        2 => Codec::Pcm8Signed,
        3 => Codec::Pcm16Be,
        4 => Codec::Pcm24Be,
        5 => Codec::Pcm32Be,
        6 => Codec::Float32Be,
        7 => Codec::Float64Be,
        27 => Codec::Alaw,
        23..=26 => return Err(ContainerError::Unsupported("G.721, G.722 and G.723 in .au")),
        _ => return Err(ContainerError::Damaged("its .au encoding is not known")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn au(offset: u32, size: u32, encoding: u32, channels: u32, body: &[u8]) -> Vec<u8> {
        let words = [offset, size, encoding, 8_000, channels];
        let mut file = b".snd".to_vec();
        words.iter().for_each(|w| file.extend(w.to_be_bytes()));
        file.extend(body);
        file
    }

    #[test]
    fn audio_goes_to_the_end_whatever_the_size_says() {
        for size in [0, 10, 40, 0xFFFF_FFFF, 4_000] {
            let layout = locate(au(24, size, 3, 1, &[1; 41]).as_slice()).expect("a layout");
            assert_eq!((layout.frames(), layout.data_start, layout.codec), (20, 24, Codec::Pcm16Be));
        }
        let text = locate(au(30, 40, 1, 2, b"a note42").as_slice()).expect("a layout");
        assert_eq!((text.frames(), text.data_start), (1, 30));
        assert!(matches!(locate(au(900, 4, 3, 1, &[0; 8]).as_slice()), Err(ContainerError::NoAudio)));
        assert!(locate(au(24, 4, 23, 1, &[0; 8]).as_slice()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_layout_inside_the_file_or_an_error(
            offset in prop_oneof![0u32..60, any::<u32>()], size: u32, encoding in 0u32..30, channels in 0u32..5,
            body in prop::collection::vec(any::<u8>(), 0..100), cut in 0usize..130,
        ) {
            let mut file = au(offset, size, encoding, channels, &body);
            file.truncate(cut);
            if let Ok(layout) = locate(file.as_slice()) {
                prop_assert_eq!(layout.data_start + layout.data_len, file.len() as u64);
                prop_assert!(layout.frames() > 0);
                prop_assert_eq!(layout.account.total(), file.len() as u64);
            }
        }
    }
}
