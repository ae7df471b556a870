//! ITU-T G.711: µ-law and A-law, 8 bits a sample.

/// µ-law's positive zero.
pub const ULAW_SILENCE: u8 = 0xFF;
/// A-law's smallest positive value: it decodes to 8 of 32768 (−72 dBFS); there is no zero.
pub const ALAW_SILENCE: u8 = 0xD5;

static ULAW: [i16; 256] = table_ulaw();
static ALAW: [i16; 256] = table_alaw();

/// Decodes one µ-law byte to 16 bits.
pub fn ulaw_to_i16(byte: u8) -> i16 {
    ULAW[byte as usize]
}

/// Decodes one A-law byte to 16 bits.
pub fn alaw_to_i16(byte: u8) -> i16 {
    ALAW[byte as usize]
}

const fn table_ulaw() -> [i16; 256] {
    let mut t = [0i16; 256];
    let mut i = 0;
    while i < 256 {
        t[i] = decode_ulaw(i as u8);
        i += 1;
    }
    t
}

const fn table_alaw() -> [i16; 256] {
    let mut t = [0i16; 256];
    let mut i = 0;
    while i < 256 {
        t[i] = decode_alaw(i as u8);
        i += 1;
    }
    t
}

/// G.711 table 2: complemented bits; sign, 3 bits of segment, 4 of interval; bias 33 at 14 bits.
const fn decode_ulaw(byte: u8) -> i16 {
    let u = !byte;
    let segment = (u >> 4) & 7;
    let interval = (u & 15) as i16;
    let magnitude = (((interval << 3) + 0x84) << segment) - 0x84;
    if u & 0x80 != 0 { -magnitude } else { magnitude }
}

/// G.711 table 1: even bits inverted; sign, 3 bits of segment, 4 of interval.
const fn decode_alaw(byte: u8) -> i16 {
    let a = byte ^ 0x55;
    let segment = (a >> 4) & 7;
    let interval = (a & 15) as i16;
    let magnitude = match segment {
        0 => (interval << 4) + 8,
        s => ((interval << 4) + 0x108) << (s - 1),
    };
    if a & 0x80 != 0 { magnitude } else { -magnitude }
}

/// The µ-law byte whose sample is nearest. By search: a mute codes few samples.
pub fn i16_to_ulaw(sample: i16) -> u8 {
    nearest(sample, ulaw_to_i16)
}

/// The A-law byte whose sample is nearest.
pub fn i16_to_alaw(sample: i16) -> u8 {
    nearest(sample, alaw_to_i16)
}

fn nearest(sample: i16, decode: impl Fn(u8) -> i16) -> u8 {
    // From the top down, so that silence is the byte that the standard calls so.
    let distance = |b: &u8| (i32::from(decode(*b)) - i32::from(sample)).abs();
    (0..=255u8).rev().min_by_key(distance).unwrap_or(ULAW_SILENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The recommendation's own formula for decision values, in f64.
    fn naive_ulaw(byte: u8) -> f64 {
        let u = f64::from(!byte & 0x7F);
        let (segment, interval) = ((u / 16.0).floor(), u % 16.0);
        let at14 = (2.0 * interval + 33.0) * 2f64.powf(segment) - 33.0;
        if byte & 0x80 == 0 { -at14 * 4.0 } else { at14 * 4.0 }
    }

    fn naive_alaw(byte: u8) -> f64 {
        let a = f64::from((byte ^ 0x55) & 0x7F);
        let (segment, interval) = ((a / 16.0).floor(), a % 16.0);
        let at13 = if segment == 0.0 {
            2.0 * interval + 1.0
        } else {
            (2.0 * interval + 33.0) * 2f64.powf(segment - 1.0)
        };
        if (byte ^ 0x55) & 0x80 == 0 { -at13 * 8.0 } else { at13 * 8.0 }
    }

    #[test]
    fn every_byte_decodes_as_the_recommendation_computes_it() {
        for byte in 0..=255u8 {
            assert_eq!(f64::from(ulaw_to_i16(byte)), naive_ulaw(byte), "µ-law {byte:#x}");
            assert_eq!(f64::from(alaw_to_i16(byte)), naive_alaw(byte), "A-law {byte:#x}");
        }
    }

    #[test]
    fn silence_is_the_smallest_value() {
        assert_eq!((ulaw_to_i16(ULAW_SILENCE), alaw_to_i16(ALAW_SILENCE)), (0, 8));
    }
}
