//! RIFF/WAVE (Microsoft/IBM 1991, RFC 2361 tags, `WAVEFORMATEXTENSIBLE`, EBU
//! Tech 3306 RF64 and BW64, and RIFX, whose numbers begin with their large end):
//! chunks in any order, every one kept where it is.

use super::goes_on::goes_on;
use super::riff;
use super::scan::Scan;
use super::wave_format::{Order, TAG_MP3, WaveFormat};
use super::{Accountant, Belongs, Container, ContainerError, Layout, Lengths, ReadAt, mpeg, tags};
use crate::audio::Rate;

/// More chunks than any writer makes; beyond it the header is hostile.
const MAX_CHUNKS: usize = 4_096;

/// What the chunks say, before anybody asks for the codec.
#[derive(Clone, Copy, Debug)]
pub struct Wave {
    pub format: WaveFormat,
    /// The first byte of audio.
    pub data_start: u64,
    /// Bytes of audio: as many as the header says, or as there are.
    pub data_len: u64,
    pub lengths: Lengths,
    order: Order,
    walk: Accountant,
}

/// Where the data chunk's bytes lie, and how many its header says.
#[derive(Clone, Copy)]
struct Data {
    at: u64,
    said: u64,
}

/// Walks the chunks of `source` and answers where its audio lies.
///
/// A `data` size of 0 or 0xFFFFFFFF (Asterisk patches it only on close, and
/// never after a crash) means "to the end of the file".
///
/// # Errors
/// [`ContainerError`] when the file is no whole WAV file, its codec is not
/// supported, or more audio stands behind the first.
pub fn locate(source: &(impl ReadAt + ?Sized)) -> Result<Layout, ContainerError> {
    let mut wave = chunks(source)?;
    let format = wave.format;
    if format.tag == TAG_MP3 {
        return with_mpeg(source, wave);
    }
    let codec = format.codec(source, wave.data_start, wave.data_len)?;
    let mut scan = Scan::new(source);
    let (end, len) = (wave.data_start + wave.data_len, source.len());
    wave.walk.take(end, Belongs::Audio);
    riff::behind(&mut scan, len, wave.order, &mut wave.walk)?;
    let mut account = wave.walk.finish(len)?;
    if account.foreign > 0 && goes_on(source, codec, format.channels, len - account.foreign)? {
        // The header counts less than was written: a writer that died.
        wave.data_len = len - wave.data_start;
        wave.lengths = Lengths::Open;
        let mut walk = Accountant::default();
        walk.take(wave.data_start, Belongs::Header);
        walk.take(len, Belongs::Audio);
        account = walk.finish(len)?;
    }
    let (kind, place) = ((format.rate, format.channels), (wave.data_start, wave.data_len));
    match Layout::of_blocks(Container::Wav, codec, kind, place, wave.lengths, account) {
        Err(ContainerError::NoAudio) if account.foreign > 0 => {
            Err(ContainerError::Damaged("its data chunk is empty, and what stands behind is no chunk"))
        }
        layout => layout,
    }
}

/// MP3 frames in the data chunk: the MPEG reader says of each of its bytes what it is.
fn with_mpeg(source: &(impl ReadAt + ?Sized), mut wave: Wave) -> Result<Layout, ContainerError> {
    let len = source.len();
    let mut region =
        mpeg::Region { from: wave.data_start, to: wave.data_start + wave.data_len, is_file: false };
    let before = wave.walk;
    wave.walk.take(region.to, Belongs::Audio);
    riff::behind(&mut Scan::new(source), len, wave.order, &mut wave.walk)?;
    let mut account = wave.walk.finish(len)?;
    if account.foreign > 0 {
        // The header counts less than was written, or something else: what is there is searched as well.
        (region.to, wave.lengths) = (len, Lengths::Open);
        let mut walk = before;
        walk.take(len, Belongs::Audio);
        account = walk.finish(len)?;
    }
    let mut layout = mpeg::inside(source, Container::Wav, region)?;
    let inner = layout.account;
    account.audio += inner.audio;
    account.audio -= region.to - region.from;
    account.header += inner.header;
    account.metadata += inner.metadata;
    account.padding += inner.padding;
    account.foreign += inner.foreign;
    (layout.account, layout.lengths) = (account, wave.lengths);
    Ok(layout)
}

/// Finds the format and the audio, whatever its codec.
///
/// # Errors
/// [`ContainerError`] when there is no WAVE header, no format or no audio.
pub fn chunks(source: &(impl ReadAt + ?Sized)) -> Result<Wave, ContainerError> {
    let mut scan = Scan::new(source);
    let mut walk = Accountant::default();
    let (order, long) = begin(&mut scan, source.len(), &mut walk)?;
    let mut seen = Seen { source, order, long, format: None, data: None, data64: None };
    for _ in 0..MAX_CHUNKS {
        let at = walk.at();
        let Some(header) = scan.array::<8>(at)? else {
            return Err(match seen.format {
                None => ContainerError::Damaged("it has no fmt chunk"),
                Some(_) if at == source.len() => ContainerError::NoAudio,
                Some(_) => ContainerError::Damaged("no data chunk was found: a chunk has a wrong length"),
            });
        };
        let size = u64::from(order.u32(&header, 4));
        let id = [header[0], header[1], header[2], header[3]];
        let what = seen.chunk(&mut scan, &id, at + 8, size)?;
        if let (Some(format), Some(data)) = (seen.format, seen.data) {
            walk.take(data.at, Belongs::Header);
            return Ok(wave(format, data, seen.data64, source.len(), order, walk));
        }
        walk.take(at + 8, Belongs::Header);
        walk.take(at + 8 + size, what);
        walk.take(at + 8 + size + (size & 1), Belongs::Padding);
    }
    Err(ContainerError::Damaged("it has more than 4096 chunks"))
}

/// Passes over the tags that may stand before the file, and its first twelve bytes.
fn begin<S: ReadAt + ?Sized>(
    scan: &mut Scan<'_, S>,
    len: u64,
    walk: &mut Accountant,
) -> Result<(Order, bool), ContainerError> {
    while let Some(tag) = tags::len_at(scan, walk.at(), len)? {
        walk.take(walk.at() + tag, Belongs::Metadata);
    }
    let head = scan.array::<12>(walk.at())?;
    let head = head.ok_or(ContainerError::NotWav("it is shorter than a RIFF header"))?;
    let kind = match &head[..4] {
        b"RIFF" => (Order::Little, false),
        b"RIFX" => (Order::Big, false),
        b"RF64" | b"BW64" => (Order::Little, true),
        _ => return Err(ContainerError::NotWav("it does not begin with RIFF … WAVE")),
    };
    if &head[8..] != b"WAVE" {
        return Err(ContainerError::NotWav("it does not begin with RIFF … WAVE"));
    }
    walk.take(walk.at() + 12, Belongs::Header);
    Ok(kind)
}

/// What the chunks told so far.
struct Seen<'a, S: ReadAt + ?Sized> {
    source: &'a S,
    order: Order,
    /// RF64 or BW64: sizes of 64 bits stand in `ds64`.
    long: bool,
    format: Option<WaveFormat>,
    data: Option<Data>,
    data64: Option<u64>,
}

impl<S: ReadAt + ?Sized> Seen<'_, S> {
    /// Takes in the chunk `id` of `size` bytes at `body`: what its bytes are.
    fn chunk(
        &mut self,
        scan: &mut Scan<'_, S>,
        id: &[u8; 4],
        body: u64,
        size: u64,
    ) -> Result<Belongs, ContainerError> {
        match id {
            b"fmt " => {
                self.format = Some(WaveFormat::read(self.source, body, size, self.order)?);
                Ok(Belongs::Header)
            }
            b"ds64" if self.long && size >= 16 => {
                let word = |b: &[u8], at| u64::from(self.order.u32(b, at));
                self.data64 = scan.array::<16>(body)?.map(|b| word(&b, 8) | word(&b, 12) << 32);
                Ok(Belongs::Header)
            }
            b"data" if self.data.is_some() => {
                Err(ContainerError::Second { what: "a second stretch of audio", at: body - 8 })
            }
            // Before the format, only a length that can be believed leads on to what follows.
            b"data" if self.format.is_none() && (size == 0 || body + size >= self.source.len()) => {
                Err(ContainerError::Damaged("the data chunk stands before the fmt chunk"))
            }
            b"data" => {
                self.data = Some(Data { at: body, said: size });
                Ok(Belongs::Audio)
            }
            b"LIST" if scan.array::<4>(body)?.is_some_and(|kind| &kind == b"wavl") => {
                Err(ContainerError::Unsupported("WAV whose audio is a list of stretches (wavl)"))
            }
            _ => Ok(Belongs::Metadata),
        }
    }
}

fn wave(
    format: WaveFormat,
    data: Data,
    data64: Option<u64>,
    file_len: u64,
    order: Order,
    walk: Accountant,
) -> Wave {
    let available = file_len - data.at;
    // ffmpeg goes by RF64's long size alone, sox by the short one unless it is all ones.
    let said = match (data.said, data64) {
        (0xFFFF_FFFF, Some(long)) => long,
        (short, Some(long)) => short.max(long),
        (short, None) => short,
    };
    let (lengths, data_len) = match said {
        0 if available > 0 => (Lengths::Open, available),
        0xFFFF_FFFF => (Lengths::Open, available),
        n if n > available => (Lengths::Truncated, available),
        n => (Lengths::Right, n),
    };
    Wave { format, data_start: data.at, data_len, lengths, order, walk }
}
/// The 44-byte header that Asterisk and most writers make, for `data_len` bytes of audio.
pub fn pcm16_header(rate: Rate, channels: u16, data_len: u32) -> [u8; 44] {
    let mut h = [0u8; 44];
    let block = channels * 2;
    h[..4].copy_from_slice(b"RIFF");
    h[4..8].copy_from_slice(&data_len.saturating_add(36).to_le_bytes());
    h[8..16].copy_from_slice(b"WAVEfmt ");
    h[16..20].copy_from_slice(&16u32.to_le_bytes());
    h[20..22].copy_from_slice(&1u16.to_le_bytes());
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
    use crate::codec::Codec;
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
        let layout = locate(wav(101, &[1; 101]).as_slice()).expect("a layout");
        assert_eq!((layout.data_len, layout.frames()), (101, 50));
    }

    #[test]
    fn header_only_truncated_and_foreign_files_each_get_their_sentence() {
        assert!(matches!(locate(wav(0, &[]).as_slice()), Err(ContainerError::NoAudio)));
        assert!(matches!(locate(b"RIFF".as_slice()), Err(ContainerError::NotWav(_))));
        let text = b"this is only a text file, it says nothing of audio";
        assert!(matches!(locate(text.as_slice()), Err(ContainerError::NotWav(_))));
        let mut odd = wav(8, &[0; 8]);
        odd[20] = 0x77;
        let got = locate(odd.as_slice());
        assert!(matches!(got, Err(ContainerError::UnknownCodec { tag: 0x77, .. })));
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

    #[test]
    fn what_stands_behind_the_audio_is_named_and_a_second_file_is_refused() {
        let plain = wav(4, &[1, 2, 3, 4]);
        let account =
            |tail: &[u8]| locate([&plain, tail].concat().as_slice()).map(|l| (l.frames(), l.account));
        let (frames, named) = account(b"LIST\x04\0\0\0INFOid3 \x02\0\0\0xx\0\0\0").expect("chunks and zeros");
        assert_eq!((frames, named.metadata, named.padding, named.foreign), (2, 22, 3, 0));
        let (_, tagged) = account(&[b"TAG".as_slice(), &[b' '; 125]].concat()).expect("ID3v1");
        assert_eq!((tagged.metadata, tagged.foreign), (128, 0));
        let (frames, odd) = account(b"\x01what a player left behind").expect("foreign bytes");
        assert_eq!((frames, odd.foreign), (2, 26));
        for tail in
            [plain.clone(), [b"?\x01 junk before it ".as_slice(), &plain].concat(), plain[36..].to_vec()]
        {
            assert!(matches!(account(&tail), Err(ContainerError::Second { .. })));
        }
    }

    #[test]
    fn audio_that_the_header_does_not_count_is_heard() {
        let tone: Vec<u8> =
            (0..4_000).flat_map(|k| (((f64::from(k) * 0.7).sin() * 3_000.0) as i16).to_le_bytes()).collect();
        let layout = locate(wav(2_000, &tone).as_slice()).expect("a layout");
        assert_eq!((layout.frames(), layout.lengths), (4_000, Lengths::Open));
    }

    #[test]
    fn the_codec_goes_by_tag_and_bits_whatever_the_block_size() {
        let with = |tag: u16, bits: u16, channels: u16, block: u16| {
            let mut file = wav(96, &[1; 96]);
            file[20..22].copy_from_slice(&tag.to_le_bytes());
            file[22..24].copy_from_slice(&channels.to_le_bytes());
            file[32..34].copy_from_slice(&block.to_le_bytes());
            file[34..36].copy_from_slice(&bits.to_le_bytes());
            locate(file.as_slice()).map(|l| (l.codec, l.frames()))
        };
        for block in [0, 1, 2, 4, 7] {
            assert_eq!(with(1, 16, 2, block).ok(), Some((Codec::Pcm16, 24)), "block {block}");
            assert_eq!(with(7, 8, 1, block).ok(), Some((Codec::Ulaw, 96)), "block {block}");
        }
        assert_eq!(with(7, 0, 1, 1).ok(), Some((Codec::Ulaw, 96)));
        assert_eq!(with(6, 16, 1, 2).ok(), Some((Codec::Alaw, 96)));
        assert_eq!(with(1, 12, 1, 2).ok(), Some((Codec::Pcm16, 48)));
        assert_eq!(with(1, 20, 1, 3).ok(), Some((Codec::Pcm24, 32)));
        assert_eq!(with(3, 32, 1, 0).ok(), Some((Codec::Float32, 24)));
        for (tag, bits, block) in [(1, 0, 2), (3, 16, 2), (1, 64, 8), (0x11, 4, 0), (0x161, 16, 2)] {
            assert!(with(tag, bits, 1, block).is_err(), "{tag:#x} {bits}");
        }
        assert!(with(1, 16, 0, 2).is_err());
    }

    #[test]
    fn twenty_four_bits_in_four_bytes_lie_where_the_bytes_say() {
        let with = |sample: [u8; 4]| {
            let mut file = wav(96, &sample.repeat(24));
            file[32..36].copy_from_slice(&[4, 0, 24, 0]);
            locate(file.as_slice()).map(|l| (l.codec, l.frames()))
        };
        assert_eq!(with([0, 1, 2, 0xF3]).ok(), Some((Codec::Pcm32, 24)));
        assert_eq!(with([1, 2, 0xF3, 0xFF]).ok(), Some((Codec::Pcm24In4, 24)));
        assert_eq!(with([1, 2, 3, 0]).ok(), Some((Codec::Pcm24In4, 24)));
        assert!(with([1, 2, 3, 0x4A]).is_err());
    }

    #[test]
    fn a_chunk_that_leads_out_of_the_file_is_no_recording_without_audio() {
        let plain = wav(4, &[1, 2, 3, 4]);
        let mut astray = plain[..36].to_vec();
        astray.extend(b"LIST\x03\0\0\0abc");
        astray.extend(&plain[36..]);
        assert!(matches!(locate(astray.as_slice()), Err(ContainerError::Damaged(_))));
        assert!(matches!(locate(&plain[..36]), Err(ContainerError::NoAudio)));
    }

    #[test]
    fn the_large_end_first_and_a_tag_before_the_file_are_read() {
        let body: Vec<u8> = [
            b"WAVEfmt ".as_slice(),
            &16u32.to_be_bytes(),
            &[0, 1, 0, 1],
            &8_000u32.to_be_bytes(),
            &16_000u32.to_be_bytes(),
            &[0, 2, 0, 16],
            b"data",
            &4u32.to_be_bytes(),
            &[1, 2, 3, 4],
        ]
        .concat();
        let rifx = [b"RIFX".as_slice(), &(body.len() as u32).to_be_bytes(), &body].concat();
        let layout = locate(rifx.as_slice()).expect("a layout");
        assert_eq!((layout.codec, layout.frames()), (Codec::Pcm16Be, 2));
        let tagged = [b"ID3\x04\0\0\0\0\0\x05abcde".as_slice(), &wav(4, &[1, 2, 3, 4])].concat();
        assert_eq!(locate(tagged.as_slice()).expect("a layout").data_start, 59);
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
                prop_assert_eq!(layout.account.total(), bytes.len() as u64);
            }
        }
    }
}
