//! Formats whose blocks are all of one size: PCM, G.711, GSM, ADPCM, G.722.

use super::unit;
use crate::codec::{Codec, adpcm_ima, adpcm_ms, g722, gsm610, sampled};
use crate::container::{ContainerError, Layout, ReadAt};

/// Bytes that are decoded at once, roughly.
const STRETCH: u64 = 64 * 1024;

/// A reader of blocks.
pub struct Blocks<'a, S: ReadAt + ?Sized> {
    source: &'a S,
    codec: Codec,
    channels: usize,
    at: u64,
    end: u64,
    stretch: u64,
    bytes: Vec<u8>,
    memory: Memory,
}

/// What a codec remembers from one block to the next.
#[derive(Default)]
struct Memory {
    gsm: gsm610::Decoder,
    g722: g722::Decoder,
}

impl<'a, S: ReadAt + ?Sized> Blocks<'a, S> {
    pub fn open(source: &'a S, layout: &Layout) -> Blocks<'a, S> {
        let block = layout.block_bytes();
        Blocks {
            source,
            codec: layout.codec,
            channels: usize::from(layout.channels),
            at: layout.data_start,
            end: layout.data_start + layout.data_len,
            stretch: (STRETCH / block).max(1) * block,
            bytes: Vec::new(),
            memory: Memory::default(),
        }
    }

    pub fn next(&mut self, planes: &mut Vec<Vec<f32>>) -> Result<bool, ContainerError> {
        planes.resize_with(self.channels, Vec::new);
        planes.iter_mut().for_each(Vec::clear);
        let len = self.stretch.min(self.end.saturating_sub(self.at)) as usize;
        if len == 0 {
            return Ok(false);
        }
        self.bytes.resize(len, 0);
        self.source.read_at(self.at, &mut self.bytes)?;
        self.at += len as u64;
        let block = self.codec.block_bytes(self.channels as u16) as usize;
        let played = len - self.codec.unplayed_of_torn((len % block.max(1)) as u64) as usize;
        self.memory.decode(self.codec, &self.bytes[..played], planes)?;
        Ok(played > 0)
    }
}

impl Memory {
    fn decode(&mut self, codec: Codec, data: &[u8], planes: &mut [Vec<f32>]) -> Result<(), ContainerError> {
        match codec {
            Codec::Gsm => self.gsm(data, &mut planes[0])?,
            Codec::Wav49 => self.wav49(data, &mut planes[0]),
            Codec::G722 => planes[0].extend(data.iter().flat_map(|b| self.g722.decode(*b)).map(unit)),
            Codec::ImaAdpcm { block, .. } => adpcm(data, usize::from(block), planes, adpcm_ima::decode),
            Codec::MsAdpcm { block, .. } => adpcm(data, usize::from(block), planes, adpcm_ms::decode),
            _ => {
                sampled::decode(codec, data, planes);
            }
        }
        Ok(())
    }

    fn gsm(&mut self, data: &[u8], plane: &mut Vec<f32>) -> Result<(), ContainerError> {
        for bytes in data.as_chunks::<{ gsm610::FRAME_BYTES }>().0 {
            let frame = gsm610::Frame::unpack(bytes)
                .ok_or(ContainerError::Damaged("a GSM frame must begin with 0xD"))?;
            plane.extend(self.gsm.decode(&frame).map(unit));
        }
        Ok(())
    }

    fn wav49(&mut self, data: &[u8], plane: &mut Vec<f32>) {
        for block in data.as_chunks::<{ gsm610::WAV49_BYTES }>().0 {
            for half in [0, 1] {
                plane.extend(self.gsm.decode(&gsm610::Frame::unpack_wav49(block, half)).map(unit));
            }
        }
    }
}

fn adpcm(
    data: &[u8],
    block: usize,
    planes: &mut [Vec<f32>],
    decode: impl Fn(&[u8], usize, usize, &mut Vec<i16>),
) {
    let channels = planes.len();
    let mut samples = Vec::new();
    for bytes in data.chunks(block) {
        for (c, plane) in planes.iter_mut().enumerate() {
            samples.clear();
            decode(bytes, c, channels, &mut samples);
            plane.extend(samples.iter().map(|s| unit(*s)));
        }
    }
}
