//! GSM 06.10 full rate (ETSI EN 300 961): the decoder in the standard's own
//! fixed-point arithmetic, both packings, and a silent frame.
//!
//! A frame is 260 bits for 160 samples: 8 log-area ratios, then 4 sub-frames
//! of a lag, a gain, a grid position, a block maximum and 13 pulses (table 1.1).
//! Raw files put 0xD in the first nibble and pack from the most significant
//! bit (33 bytes); WAV49 packs two frames from the least significant (65 bytes).

/// Samples of one frame: 20 ms at 8 kHz.
pub const FRAME_SAMPLES: usize = 160;
/// Bytes of a raw frame.
pub const FRAME_BYTES: usize = 33;
/// Bytes of a WAV49 block of two frames.
pub const WAV49_BYTES: usize = 65;
/// Bits of a frame's parameters.
const FRAME_BITS: usize = 260;

/// Bits of LARc[0..8], table 1.1.
const LAR_BITS: [u32; 8] = [6, 6, 5, 5, 4, 4, 3, 3];
/// Table 4.1: twice B, MIC and 1/A of each log-area ratio.
const LAR_DECODE: [(i16, i16, i16); 8] = [
    (0, -32, 13_107),
    (0, -32, 13_107),
    (4_096, -16, 13_107),
    (-5_120, -16, 13_107),
    (188, -8, 19_223),
    (-3_584, -8, 17_476),
    (-682, -4, 31_454),
    (-2_288, -4, 29_708),
];
/// Table 4.3b: gain of the long-term predictor.
const QLB: [i16; 4] = [3_277, 11_469, 21_299, 32_767];
/// Table 4.6: normalised inverse mantissa.
const FAC: [i16; 8] = [18_431, 20_479, 22_527, 24_575, 26_623, 28_671, 30_719, 32_767];

/// One frame's coded parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    lar: [u8; 8],
    sub: [SubFrame; 4],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct SubFrame {
    lag: u8,
    gain: u8,
    grid: u8,
    max: u8,
    pulse: [u8; 13],
}

impl Frame {
    /// A frame that decodes to ±8 of 32768 (−72 dBFS) once the decoder's
    /// memory has run out: flat spectrum, least gain, smallest pulses with
    /// alternating sign so that the de-emphasis does not add them up.
    pub const SILENT: Frame = {
        let mut frame = Frame {
            lar: [32, 32, 20, 11, 8, 4, 3, 2],
            sub: [SubFrame { lag: 40, gain: 0, grid: 0, max: 0, pulse: [3; 13] }; 4],
        };
        let mut n = 0;
        while n < 52 {
            frame.sub[n / 13].pulse[n % 13] = if n % 2 == 0 { 3 } else { 4 };
            n += 1;
        }
        frame
    };

    /// Reads a raw 33-byte frame; `None` when its first nibble is not 0xD.
    pub fn unpack(bytes: &[u8; FRAME_BYTES]) -> Option<Frame> {
        if bytes[0] >> 4 != 0xD {
            return None;
        }
        let mut at = 4;
        Some(Frame::from_fields(|bits| {
            let mut value = 0u8;
            for _ in 0..bits {
                value = value << 1 | bytes[at / 8] >> (7 - at % 8) & 1;
                at += 1;
            }
            value
        }))
    }

    /// Writes the raw 33-byte frame.
    pub fn pack(&self) -> [u8; FRAME_BYTES] {
        let mut out = [0u8; FRAME_BYTES];
        out[0] = 0xD0;
        let mut at = 4;
        self.fields(|value, bits| {
            for b in (0..bits).rev() {
                out[at / 8] |= (value >> b & 1) << (7 - at % 8);
                at += 1;
            }
        });
        out
    }

    /// Reads frame `half` (0 or 1) of a WAV49 block.
    pub fn unpack_wav49(block: &[u8; WAV49_BYTES], half: usize) -> Frame {
        let mut at = (half & 1) * FRAME_BITS;
        Frame::from_fields(|bits| {
            let mut value = 0u8;
            for b in 0..bits {
                value |= (block[at / 8] >> (at % 8) & 1) << b;
                at += 1;
            }
            value
        })
    }

    /// Overwrites frame `half` (0 or 1) of a WAV49 block; the other half keeps every bit.
    pub fn pack_wav49(&self, block: &mut [u8; WAV49_BYTES], half: usize) {
        let mut at = (half & 1) * FRAME_BITS;
        self.fields(|value, bits| {
            for b in 0..bits {
                let mask = 1u8 << (at % 8);
                block[at / 8] = block[at / 8] & !mask | (value >> b & 1) << (at % 8);
                at += 1;
            }
        });
    }

    fn from_fields(mut read: impl FnMut(u32) -> u8) -> Frame {
        let mut f = Frame::default();
        for (lar, bits) in f.lar.iter_mut().zip(LAR_BITS) {
            *lar = read(bits);
        }
        for s in &mut f.sub {
            (s.lag, s.gain, s.grid, s.max) = (read(7), read(2), read(2), read(6));
            for p in &mut s.pulse {
                *p = read(3);
            }
        }
        f
    }

    fn fields(&self, mut write: impl FnMut(u8, u32)) {
        for (lar, bits) in self.lar.iter().zip(LAR_BITS) {
            write(*lar, bits);
        }
        for s in &self.sub {
            write(s.lag, 7);
            write(s.gain, 2);
            write(s.grid, 2);
            write(s.max, 6);
            for p in &s.pulse {
                write(*p, 3);
            }
        }
    }
}

/// Samples `from..to` and how the ratios before and now mix there.
type Stretch = (usize, usize, fn(i16, i16) -> i16);

/// The decoder's memory from one frame to the next.
#[derive(Clone)]
pub struct Decoder {
    /// The last 120 reconstructed residuals, then the 40 being made.
    residual: [i16; 160],
    last_lag: usize,
    lar_before: [i16; 8],
    lattice: [i16; 9],
    emphasis: i16,
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder { residual: [0; 160], last_lag: 40, lar_before: [0; 8], lattice: [0; 9], emphasis: 0 }
    }
}

impl Decoder {
    /// Decodes one frame to 160 16-bit samples (section 4.3).
    pub fn decode(&mut self, frame: &Frame) -> [i16; FRAME_SAMPLES] {
        let mut wt = [0i16; FRAME_SAMPLES];
        for (j, sub) in frame.sub.iter().enumerate() {
            self.long_term(sub);
            wt[j * 40..(j + 1) * 40].copy_from_slice(&self.residual[120..]);
            self.residual.copy_within(40.., 0);
        }
        let mut out = self.short_term(&frame.lar, &wt);
        for s in &mut out {
            self.emphasis = s.saturating_add(mult_r(self.emphasis, 28_180));
            *s = self.emphasis.saturating_add(self.emphasis) & !7;
        }
        out
    }

    /// Section 4.3.2: the excitation plus the residual one lag ago, scaled.
    fn long_term(&mut self, sub: &SubFrame) {
        let excitation = excitation(sub);
        let lag = usize::from(sub.lag);
        if (40..=120).contains(&lag) {
            self.last_lag = lag;
        }
        let gain = QLB[usize::from(sub.gain & 3)];
        for (k, e) in excitation.iter().enumerate() {
            let before = mult_r(gain, self.residual[120 + k - self.last_lag]);
            self.residual[120 + k] = e.saturating_add(before);
        }
    }

    /// Section 4.3.3 and 4.3.4: the lattice with ratios interpolated over four stretches.
    fn short_term(&mut self, coded: &[u8; 8], wt: &[i16; FRAME_SAMPLES]) -> [i16; FRAME_SAMPLES] {
        let now = decode_lars(coded);
        let before = std::mem::replace(&mut self.lar_before, now);
        let mut out = [0i16; FRAME_SAMPLES];
        let blend: [Stretch; 4] = [
            (0, 13, |b, n| (b >> 2).saturating_add(n >> 2).saturating_add(b >> 1)),
            (13, 27, |b, n| (b >> 1).saturating_add(n >> 1)),
            (27, 40, |b, n| (b >> 2).saturating_add(n >> 2).saturating_add(n >> 1)),
            (40, 160, |_, n| n),
        ];
        for (from, to, mix) in blend {
            let mut r = [0i16; 8];
            for i in 0..8 {
                r[i] = reflection(mix(before[i], now[i]));
            }
            for k in from..to {
                out[k] = self.lattice_step(&r, wt[k]);
            }
        }
        out
    }

    fn lattice_step(&mut self, r: &[i16; 8], input: i16) -> i16 {
        let mut sri = input;
        for i in (0..8).rev() {
            sri = sri.saturating_sub(mult_r(r[i], self.lattice[i]));
            self.lattice[i + 1] = self.lattice[i].saturating_add(mult_r(r[i], sri));
        }
        self.lattice[0] = sri;
        sri
    }
}

/// Sections 4.2.15 to 4.2.17: block maximum and pulses to 40 excitation samples.
fn excitation(sub: &SubFrame) -> [i16; 40] {
    let max = i16::from(sub.max);
    let mut exp = if max > 15 { (max >> 3) - 1 } else { 0 };
    let mut mant = max - (exp << 3);
    if mant == 0 {
        (exp, mant) = (-4, 7);
    } else {
        while mant <= 7 {
            mant = mant << 1 | 1;
            exp -= 1;
        }
        mant -= 8;
    }
    let scale = FAC[mant as usize & 7];
    let shift = 6 - exp;
    let round = if shift > 0 { 1i16 << (shift - 1) } else { 0 };
    let mut out = [0i16; 40];
    for (i, pulse) in sub.pulse.iter().enumerate() {
        let centred = ((i16::from(*pulse) << 1) - 7) << 12;
        let value = mult_r(scale, centred).saturating_add(round) >> shift;
        out[usize::from(sub.grid & 3) + 3 * i] = value;
    }
    out
}

/// Section 4.2.8.
fn decode_lars(coded: &[u8; 8]) -> [i16; 8] {
    let mut out = [0i16; 8];
    for (i, (twice_b, mic, inv_a)) in LAR_DECODE.into_iter().enumerate() {
        let shifted = (i16::from(coded[i]) + mic) << 10;
        let scaled = mult_r(inv_a, shifted.saturating_sub(twice_b));
        out[i] = scaled.saturating_add(scaled);
    }
    out
}

/// Section 4.2.9.2: interpolated ratio to reflection coefficient.
fn reflection(lar: i16) -> i16 {
    let size = lar.saturating_abs();
    let r = match size {
        0..11_059 => size << 1,
        11_059..20_070 => size + 11_059,
        _ => (size >> 2).saturating_add(26_112),
    };
    if lar < 0 { -r } else { r }
}

/// Section 4.1: rounded fractional product, saturated at −1 × −1.
fn mult_r(a: i16, b: i16) -> i16 {
    if a == i16::MIN && b == i16::MIN {
        return i16::MAX;
    }
    ((i32::from(a) * i32::from(b) + 16_384) >> 15) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CODED: &[u8] = include_bytes!("../../tests/data/libgsm.gsm");
    const WAV49: &[u8] = include_bytes!("../../tests/data/libgsm.wav49");
    /// What libgsm decodes CODED to, 16-bit little endian.
    const DECODED: &[u8] = include_bytes!("../../tests/data/libgsm.sln");
    const DECODED49: &[u8] = include_bytes!("../../tests/data/libgsm.wav49.sln");

    fn samples(bytes: &[u8]) -> Vec<i16> {
        bytes.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
    }

    #[test]
    fn decodes_sample_for_sample_what_libgsm_decodes() {
        let mut decoder = Decoder::default();
        let ours: Vec<i16> = CODED
            .as_chunks::<FRAME_BYTES>()
            .0
            .iter()
            .flat_map(|f| decoder.decode(&Frame::unpack(f).expect("a frame")))
            .collect();
        assert!(ours.len() > 8_000);
        assert_eq!(ours, samples(DECODED));
    }

    #[test]
    fn decodes_wav49_sample_for_sample_what_libgsm_decodes() {
        let mut decoder = Decoder::default();
        let blocks = &WAV49[60..];
        let ours: Vec<i16> = blocks
            .as_chunks::<WAV49_BYTES>()
            .0
            .iter()
            .flat_map(|b| [Frame::unpack_wav49(b, 0), Frame::unpack_wav49(b, 1)])
            .flat_map(|f| decoder.decode(&f))
            .collect();
        let theirs = samples(DECODED49);
        assert!(theirs.len() > 8_000 && ours.len() >= theirs.len());
        assert_eq!(ours[..theirs.len()], theirs);
    }

    #[test]
    fn silence_after_speech_falls_below_minus_70_dbfs_within_two_frames() {
        let mut decoder = Decoder::default();
        for f in CODED.as_chunks::<FRAME_BYTES>().0.iter().take(60) {
            decoder.decode(&Frame::unpack(f).expect("a frame"));
        }
        decoder.decode(&Frame::SILENT);
        decoder.decode(&Frame::SILENT);
        for _ in 0..50 {
            let peak = decoder.decode(&Frame::SILENT).iter().map(|s| s.unsigned_abs()).max();
            assert!(peak.unwrap_or(0) <= 10, "{peak:?}");
        }
    }

    proptest! {
        #[test]
        fn both_packings_keep_every_bit(raw in prop::array::uniform32(any::<u8>()), half in 0usize..2,
                                        rest in any::<u8>()) {
            let mut bytes = [rest; FRAME_BYTES];
            bytes[..32].copy_from_slice(&raw);
            bytes[0] = 0xD0 | bytes[0] & 0x0F;
            let frame = Frame::unpack(&bytes).expect("the magic nibble is there");
            prop_assert_eq!(frame.pack(), bytes);
            let mut block = [rest; WAV49_BYTES];
            let other = Frame::unpack_wav49(&block, 1 - half);
            frame.pack_wav49(&mut block, half);
            prop_assert_eq!(Frame::unpack_wav49(&block, half), frame);
            prop_assert_eq!(Frame::unpack_wav49(&block, 1 - half), other);
        }
    }
}
