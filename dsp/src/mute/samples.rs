//! PCM, float and G.711: sample by sample, hard or with a ramp, silence or a tone.

use super::{Fill, Options, Patch};
use crate::audio::Span;
use crate::codec::{Codec, g711};
use crate::container::{ContainerError, Layout, ReadAt};

/// Bytes that one patch holds at most, so that a long mute streams.
const STRETCH_FRAMES: u64 = 1 << 16;

/// The patches for `spans`, which are merged and inside the file.
pub fn patches(
    source: &(impl ReadAt + ?Sized),
    layout: &Layout,
    spans: &[Span],
    options: &Options,
) -> Result<Vec<Patch>, ContainerError> {
    let shape = Shape::of(layout, options);
    let mut out = Vec::new();
    for span in spans {
        let mut from = span.start;
        while from < span.end {
            let to = span.end.min(from + STRETCH_FRAMES);
            out.push(shape.patch(source, span, Span::new(from, to))?);
            from = to;
        }
    }
    Ok(out)
}

/// Every byte of a silent sample.
pub fn silent_byte(codec: Codec) -> u8 {
    match codec {
        Codec::Pcm8 => 0x80,
        Codec::Ulaw => g711::ULAW_SILENCE,
        Codec::Alaw => g711::ALAW_SILENCE,
        _ => 0,
    }
}

struct Shape<'a> {
    layout: &'a Layout,
    ramp: u64,
    tone: bool,
    silence: Vec<u8>,
    sample_bytes: usize,
    /// The most significant byte comes first.
    turned: bool,
}

impl<'a> Shape<'a> {
    fn of(layout: &'a Layout, options: &Options) -> Shape<'a> {
        let sample_bytes = (layout.block_bytes() / u64::from(layout.channels)) as usize;
        let silence = vec![silent_byte(layout.codec); sample_bytes];
        let turned = layout.codec.little_endian() != layout.codec;
        let ramp = (options.ramp_s * f64::from(layout.rate.hz())).round().max(0.0) as u64;
        Shape { layout, ramp, tone: options.fill == Fill::Tone, silence, sample_bytes, turned }
    }

    /// The patch for `part` of `span`.
    fn patch(
        &self,
        source: &(impl ReadAt + ?Sized),
        span: &Span,
        part: Span,
    ) -> Result<Patch, ContainerError> {
        let block = self.layout.block_bytes();
        let offset = self.layout.data_start + part.start * block;
        let mut bytes = self.silence.repeat((part.len() * block) as usize / self.silence.len());
        // A ramp never takes more than half of its span.
        let ramp = self.ramp.min(span.len() / 2);
        if ramp > 0 && part.start < span.start + ramp && span.start > 0 {
            let last = self.frame(source, span.start - 1)?;
            self.fade(&mut bytes, part, &last, ramp, |k| k - span.start);
        }
        if ramp > 0 && part.end > span.end - ramp && span.end < self.layout.frames() {
            let next = self.frame(source, span.end)?;
            self.fade(&mut bytes, part, &next, ramp, |k| span.end - 1 - k);
        }
        if self.tone {
            self.add_tone(&mut bytes, span, part);
        }
        Ok(Patch { offset, bytes })
    }

    fn frame(&self, source: &(impl ReadAt + ?Sized), k: u64) -> Result<Vec<u8>, ContainerError> {
        let mut bytes = vec![0u8; self.layout.block_bytes() as usize];
        source.read_at(self.layout.data_start + k * self.layout.block_bytes(), &mut bytes)?;
        Ok(bytes)
    }

    /// Lets the frame just outside the span die away over `ramp` frames by half
    /// a cosine. Nothing of what was inside is in it, and muting twice gives
    /// the same bytes. `inward(k)` is how far frame k is from that edge.
    fn fade(&self, bytes: &mut [u8], part: Span, outside: &[u8], ramp: u64, inward: impl Fn(u64) -> u64) {
        let block = self.layout.block_bytes() as usize;
        for (k, frame) in (part.start..).zip(bytes.chunks_exact_mut(block)) {
            let distance = inward(k);
            if distance >= ramp {
                continue;
            }
            let gain = 0.5 + 0.5 * ((distance + 1) as f64 / (ramp + 1) as f64 * std::f64::consts::PI).cos();
            for (to, from) in
                frame.chunks_exact_mut(self.sample_bytes).zip(outside.chunks_exact(self.sample_bytes))
            {
                self.put(to, self.get(from) * gain);
            }
        }
    }

    /// 1 kHz at −30 dBFS, faded in and out over the span's first and last 5 ms.
    fn add_tone(&self, bytes: &mut [u8], span: &Span, part: Span) {
        let hz = f64::from(self.layout.rate.hz());
        let fade = hz * 0.005;
        let block = self.layout.block_bytes() as usize;
        for (n, frame) in bytes.chunks_exact_mut(block).enumerate() {
            let k = part.start + n as u64;
            let inward = (k - span.start).min(span.end - 1 - k) as f64;
            let phase = std::f64::consts::TAU * 1_000.0 * (k - span.start) as f64 / hz;
            let tone = TONE_AMPLITUDE * (inward / fade).min(1.0) * phase.sin();
            for sample in frame.chunks_exact_mut(self.sample_bytes) {
                let there = self.get(sample);
                self.put(sample, there + tone);
            }
        }
    }

    /// A coded sample in ±1.
    fn get(&self, coded: &[u8]) -> f64 {
        let mut turned = [0u8; 8];
        let b = &mut turned[..coded.len()];
        b.copy_from_slice(coded);
        if self.turned {
            b.reverse();
        }
        let integer = |top: i32| f64::from(top) / 2_147_483_648.0;
        let [a, b, c, d, ..] = turned;
        match self.layout.codec.little_endian() {
            Codec::Pcm8 => (f64::from(a) - 128.0) / 128.0,
            Codec::Pcm8Signed => integer(i32::from_le_bytes([0, 0, 0, a])),
            Codec::Pcm16 => integer(i32::from_le_bytes([0, 0, a, b])),
            Codec::Pcm24 | Codec::Pcm24In4 => integer(i32::from_le_bytes([0, a, b, c])),
            Codec::Pcm32 => integer(i32::from_le_bytes([a, b, c, d])),
            Codec::Float32 => f64::from(f32::from_le_bytes([a, b, c, d])),
            Codec::Float64 => f64::from_le_bytes(turned),
            Codec::Ulaw => f64::from(g711::ulaw_to_i16(a)) / 32_768.0,
            _ => f64::from(g711::alaw_to_i16(a)) / 32_768.0,
        }
    }

    fn put(&self, b: &mut [u8], value: f64) {
        let integer = |bits: u32| {
            let top = (1i64 << (bits - 1)) as f64;
            (value * top).round().clamp(-top, top - 1.0) as i64
        };
        match self.layout.codec.little_endian() {
            Codec::Pcm8 => b[0] = (integer(8) + 128) as u8,
            Codec::Pcm8Signed => b[0] = integer(8) as u8,
            Codec::Pcm16 => b.copy_from_slice(&integer(16).to_le_bytes()[..2]),
            Codec::Pcm24 => b.copy_from_slice(&integer(24).to_le_bytes()[..3]),
            Codec::Pcm24In4 => b.copy_from_slice(&integer(24).to_le_bytes()[..4]),
            Codec::Pcm32 => b.copy_from_slice(&integer(32).to_le_bytes()[..4]),
            Codec::Float32 => b.copy_from_slice(&(value as f32).to_le_bytes()),
            Codec::Float64 => b.copy_from_slice(&value.to_le_bytes()),
            Codec::Ulaw => b[0] = g711::i16_to_ulaw(integer(16) as i16),
            _ => b[0] = g711::i16_to_alaw(integer(16) as i16),
        }
        if self.turned {
            b.reverse();
        }
    }
}

/// −30 dBFS.
const TONE_AMPLITUDE: f64 = 0.031_6;
