//! RIFF/WAVE (Microsoft/IBM 1991, RFC 2361 tags, `WAVEFORMATEXTENSIBLE`, EBU
//! Tech 3306 RF64): chunks in any order, every one kept where it is.

use super::{Account, Container, ContainerError, Layout, Lengths, ReadAt};
use crate::audio::Rate;
use crate::codec::Codec;

const TAG_PCM: u16 = 0x0001;
const TAG_MS_ADPCM: u16 = 0x0002;
const TAG_FLOAT: u16 = 0x0003;
const TAG_ALAW: u16 = 0x0006;
const TAG_ULAW: u16 = 0x0007;
const TAG_IMA_ADPCM: u16 = 0x0011;
const TAG_GSM610: u16 = 0x0031;
const TAG_EXTENSIBLE: u16 = 0xFFFE;
/// More chunks than any writer makes; beyond it the header is hostile.
const MAX_CHUNKS: usize = 4_096;

struct Format {
    codec: Codec,
    rate: Rate,
    channels: u16,
}

/// Walks the chunks of `source` and answers where its audio lies.
///
/// A `data` size of 0 or 0xFFFFFFFF (Asterisk patches it only on close, and
/// never after a crash) means "to the end of the file".
pub fn locate(source: &(impl ReadAt + ?Sized)) -> Result<Layout, ContainerError> {
    let mut head = [0u8; 12];
    if source.len() < 12 {
        return Err(ContainerError::NotWav("it is shorter than a RIFF header"));
    }
    source.read_at(0, &mut head)?;
    let rf64 = &head[..4] == b"RF64";
    if !(rf64 || &head[..4] == b"RIFF") || &head[8..] != b"WAVE" {
        return Err(ContainerError::NotWav("it does not begin with RIFF … WAVE"));
    }
    let mut format: Option<Format> = None;
    // A data chunk that came before its format: where it lies and what it says.
    let mut early: Option<(u64, u64)> = None;
    let mut data64: Option<u64> = None;
    let mut at = 12u64;
    for _ in 0..MAX_CHUNKS {
        if at + 8 > source.len() {
            return Err(if format.is_some() {
                ContainerError::NoAudio
            } else {
                ContainerError::Damaged("it has no fmt chunk")
            });
        }
        let mut header = [0u8; 8];
        source.read_at(at, &mut header)?;
        let size = u64::from(le32(&header, 4));
        let body = at + 8;
        match &header[..4] {
            b"fmt " => {
                let parsed = parse_format(source, body, size)?;
                if let Some((start, said)) = early {
                    return layout(parsed, start, said, data64, source.len());
                }
                format = Some(parsed);
            }
            b"ds64" if rf64 && size >= 16 && body + 16 <= source.len() => {
                let mut sizes = [0u8; 16];
                source.read_at(body, &mut sizes)?;
                data64 = Some(le64(&sizes, 8));
            }
            b"data" => match format {
                Some(format) => return layout(format, body, size, data64, source.len()),
                // Only a length that can be believed leads on to what follows.
                None if size > 0 && body + size < source.len() => early = Some((body, size)),
                None => return Err(ContainerError::Damaged("the data chunk stands before the fmt chunk")),
            },
            _ => {}
        }
        at = body + size + (size & 1);
    }
    Err(ContainerError::Damaged("it has more than 4096 chunks"))
}

fn layout(
    format: Format,
    start: u64,
    size: u64,
    data64: Option<u64>,
    file_len: u64,
) -> Result<Layout, ContainerError> {
    let available = file_len - start;
    let said = match (size, data64) {
        (0xFFFF_FFFF, Some(long)) => long,
        _ => size,
    };
    let (lengths, bytes) = match said {
        0 if available > 0 => (Lengths::Open, available),
        0xFFFF_FFFF => (Lengths::Open, available),
        n if n > available => (Lengths::Truncated, available),
        n => (Lengths::Right, n),
    };
    let block = format.codec.block_bytes(format.channels);
    let data_len = bytes / block * block;
    if data_len == 0 {
        return Err(ContainerError::NoAudio);
    }
    Ok(Layout {
        container: Container::Wav,
        codec: format.codec,
        rate: format.rate,
        slowest: format.rate,
        channels: format.channels,
        data_start: start,
        data_len,
        lengths,
        counted: None,
        account: Account::default(),
    })
}

fn parse_format(source: &(impl ReadAt + ?Sized), at: u64, size: u64) -> Result<Format, ContainerError> {
    if size < 16 {
        return Err(ContainerError::Damaged("the fmt chunk is shorter than 16 bytes"));
    }
    if at + size > source.len() {
        return Err(ContainerError::Damaged("the file ends inside its fmt chunk"));
    }
    let mut f = [0u8; 40];
    let take = size.min(40) as usize;
    source.read_at(at, &mut f[..take])?;
    let bits = le16(&f, 14);
    let tag = match le16(&f, 0) {
        // The sub-format GUID's first two bytes are the plain tag.
        TAG_EXTENSIBLE if take >= 40 => le16(&f, 24),
        TAG_EXTENSIBLE => return Err(ContainerError::Damaged("its EXTENSIBLE fmt is too short")),
        tag => tag,
    };
    let (channels, block) = (le16(&f, 2), le16(&f, 12));
    let adpcm = |least: u16| (1..=2).contains(&channels) && block >= least * channels;
    let codec = match (tag, bits) {
        (TAG_PCM, 8) => Codec::Pcm8,
        (TAG_PCM, 16) => Codec::Pcm16,
        (TAG_PCM, 24) => Codec::Pcm24,
        (TAG_PCM, 32) => Codec::Pcm32,
        (TAG_FLOAT, 32) => Codec::Float32,
        (TAG_FLOAT, 64) => Codec::Float64,
        (TAG_ULAW, 8) => Codec::Ulaw,
        (TAG_ALAW, 8) => Codec::Alaw,
        (TAG_GSM610, _) => Codec::Wav49,
        // A block holds whole groups of eight samples.
        (TAG_IMA_ADPCM, 4) if adpcm(8) && block.is_multiple_of(4 * channels) => {
            Codec::ImaAdpcm { block, channels: channels as u8 }
        }
        (TAG_MS_ADPCM, 4) if adpcm(8) => Codec::MsAdpcm { block, channels: channels as u8 },
        _ => return Err(ContainerError::UnknownCodec { tag, bits }),
    };
    let most = if codec == Codec::Wav49 { 1 } else { 64 };
    if !(1..=most).contains(&channels) {
        return Err(ContainerError::Damaged("its number of channels is not possible"));
    }
    if u64::from(block) != codec.block_bytes(channels) {
        return Err(ContainerError::Damaged("its block size does not fit its codec"));
    }
    let rate = Rate::new(le32(&f, 4)).ok_or(ContainerError::Damaged("its sample rate is not possible"))?;
    Ok(Format { codec, rate, channels })
}

fn le16(b: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([b[at], b[at + 1]])
}

fn le32(b: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
}

fn le64(b: &[u8], at: usize) -> u64 {
    u64::from(le32(b, at)) | u64::from(le32(b, at + 4)) << 32
}

/// The 44-byte header that Asterisk and most writers make, for `data_len` bytes of audio.
pub fn pcm16_header(rate: Rate, channels: u16, data_len: u32) -> [u8; 44] {
    let mut h = [0u8; 44];
    let block = channels * 2;
    h[..4].copy_from_slice(b"RIFF");
    h[4..8].copy_from_slice(&data_len.saturating_add(36).to_le_bytes());
    h[8..16].copy_from_slice(b"WAVEfmt ");
    h[16..20].copy_from_slice(&16u32.to_le_bytes());
    h[20..22].copy_from_slice(&TAG_PCM.to_le_bytes());
    h[22..24].copy_from_slice(&channels.to_le_bytes());
    h[24..28].copy_from_slice(&rate.hz().to_le_bytes());
    h[28..32].copy_from_slice(&(rate.hz() * u32::from(block)).to_le_bytes());
    h[32..34].copy_from_slice(&block.to_le_bytes());
    h[34..36].copy_from_slice(&16u16.to_le_bytes());
    h[36..40].copy_from_slice(b"data");
    h[40..44].copy_from_slice(&data_len.to_le_bytes());
    h
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wav(data_size: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = pcm16_header(Rate::NARROW_BAND, 1, data_size).to_vec();
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn lengths_of_zero_or_too_much_take_the_bytes_to_the_end() {
        for (said, lengths) in [
            (100, Lengths::Right),
            (0, Lengths::Open),
            (0xFFFF_FFFF, Lengths::Open),
            (5_000, Lengths::Truncated),
        ] {
            let layout = locate(wav(said, &[1; 100]).as_slice()).expect("a layout");
            assert_eq!((layout.frames(), layout.lengths, layout.data_start), (50, lengths, 44));
        }
    }

    #[test]
    fn an_odd_data_length_leaves_the_torn_sample_out() {
        assert_eq!(locate(wav(101, &[1; 101]).as_slice()).expect("a layout").data_len, 100);
    }

    #[test]
    fn header_only_truncated_and_foreign_files_each_get_their_sentence() {
        assert!(matches!(locate(wav(0, &[]).as_slice()), Err(ContainerError::NoAudio)));
        assert!(matches!(locate(b"RIFF".as_slice()), Err(ContainerError::NotWav(_))));
        let text = b"this is only a text file, it says nothing of audio";
        assert!(matches!(locate(text.as_slice()), Err(ContainerError::NotWav(_))));
        let mut odd = wav(8, &[0; 8]);
        odd[20] = 0x55;
        let got = locate(odd.as_slice());
        assert!(matches!(got, Err(ContainerError::UnknownCodec { tag: 0x55, .. })));
    }

    #[test]
    fn chunks_before_data_are_walked_with_their_pad_byte() {
        let plain = wav(4, &[1, 2, 3, 4]);
        let mut bytes = plain[..36].to_vec();
        bytes.extend_from_slice(b"LIST\x03\0\0\0abc\0");
        bytes.extend_from_slice(&plain[36..]);
        let layout = locate(bytes.as_slice()).expect("a layout");
        assert_eq!((layout.data_start, layout.data_len), (56, 4));
    }

    #[test]
    fn a_format_behind_its_data_is_found() {
        let plain = wav(4, &[1, 2, 3, 4]);
        let mut bytes = plain[..12].to_vec();
        bytes.extend_from_slice(&plain[36..]);
        bytes.extend_from_slice(&plain[12..36]);
        let layout = locate(bytes.as_slice()).expect("a layout");
        assert_eq!((layout.data_start, layout.data_len, layout.codec), (20, 4, Codec::Pcm16));
        assert!(matches!(locate(&bytes[..24]), Err(ContainerError::Damaged(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_layout_inside_the_file_or_an_error(
            mut bytes in prop::collection::vec(any::<u8>(), 0..200), tag in 0u16..8,
        ) {
            if bytes.len() > 44 {
                let header = pcm16_header(Rate::NARROW_BAND, 1, u32::from(bytes[50 % bytes.len()]));
                bytes[..36].copy_from_slice(&header[..36]);
                bytes[20..22].copy_from_slice(&tag.to_le_bytes());
            }
            if let Ok(layout) = locate(bytes.as_slice()) {
                prop_assert!(layout.data_start + layout.data_len <= bytes.len() as u64);
                prop_assert!(layout.frames() > 0);
            }
        }
    }
}
