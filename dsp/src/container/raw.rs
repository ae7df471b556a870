//! Headerless files as Asterisk writes them: the extension is the format
//! (Asterisk `formats/format_{sln,pcm,gsm}.c`).

use super::{Accountant, Belongs, Container, ContainerError, Layout, Lengths, ReadAt};
use crate::audio::Rate;
use crate::codec::Codec;

/// Codec and rate of a headerless extension, matched as Asterisk spells it.
fn format_of(extension: &str) -> Option<(Codec, u32)> {
    let lower = extension.to_ascii_lowercase();
    Some(match lower.as_str() {
        "sln" | "raw" => (Codec::Pcm16, 8_000),
        "sln12" => (Codec::Pcm16, 12_000),
        "sln16" => (Codec::Pcm16, 16_000),
        "sln24" => (Codec::Pcm16, 24_000),
        "sln32" => (Codec::Pcm16, 32_000),
        "sln44" => (Codec::Pcm16, 44_100),
        "sln48" => (Codec::Pcm16, 48_000),
        "ulaw" | "ul" | "pcm" | "mu" => (Codec::Ulaw, 8_000),
        "alaw" | "al" => (Codec::Alaw, 8_000),
        "gsm" => (Codec::Gsm, 8_000),
        "g722" => (Codec::G722, 16_000),
        _ => return None,
    })
}

/// The layout of a headerless mono file; a torn last block is left out.
pub fn locate(extension: &str, source: &(impl ReadAt + ?Sized)) -> Result<Layout, ContainerError> {
    let unknown = || ContainerError::UnknownExtension(extension.chars().take(16).collect());
    let (codec, hz) = format_of(extension).ok_or_else(unknown)?;
    let block = codec.block_bytes(1);
    let data_len = source.len() / block * block;
    if data_len == 0 {
        return Err(ContainerError::NoAudio);
    }
    if codec == Codec::Gsm {
        let mut first = [0u8; 1];
        source.read_at(0, &mut first)?;
        if first[0] >> 4 != 0xD {
            return Err(ContainerError::Damaged("a GSM frame must begin with 0xD"));
        }
    }
    let rate = Rate::new(hz).ok_or_else(unknown)?;
    let mut walk = Accountant::default();
    walk.take(data_len, Belongs::Audio);
    // A torn last block: no player has the rest of it.
    walk.take(source.len(), Belongs::Padding);
    Ok(Layout {
        container: Container::Raw,
        codec,
        rate,
        slowest: rate,
        channels: 1,
        data_start: 0,
        data_len,
        lengths: Lengths::Right,
        counted: None,
        account: walk.finish(source.len())?,
    })
}

#[cfg(test)]
mod tests {
    use crate::codec::Codec;
    use crate::container::locate;

    #[test]
    fn the_extension_is_the_format() {
        let zeros = vec![0xD5u8; 660];
        for (name, codec, frames) in [
            ("a.sln", Codec::Pcm16, 330),
            ("a.sln16", Codec::Pcm16, 330),
            ("dir.x/a.ulaw", Codec::Ulaw, 660),
            ("a.al", Codec::Alaw, 660),
            ("a.gsm", Codec::Gsm, 20 * 160),
        ] {
            let layout = locate(name, zeros.as_slice()).expect(name);
            assert_eq!((layout.codec, layout.frames()), (codec, frames), "{name}");
        }
        assert!(locate("notes.txt", zeros.as_slice()).is_err());
        assert!(locate("a.gsm", [0u8; 66].as_slice()).is_err());
    }
}
