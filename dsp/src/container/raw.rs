//! Headerless files as Asterisk writes them: the extension is the format
//! (Asterisk `formats/format_{sln,pcm,gsm,g722,…}.c`).

use super::{Accountant, Belongs, Container, ContainerError, Layout, Lengths, ReadAt, parties};
use crate::audio::Rate;
use crate::codec::Codec;

/// Codec and rate of a headerless extension, matched as Asterisk spells it.
fn format_of(extension: &str) -> Option<(Codec, u32)> {
    Some(match extension {
        "sln" | "sln8" | "raw" => (Codec::Pcm16, 8_000),
        "sln12" => (Codec::Pcm16, 12_000),
        "sln16" => (Codec::Pcm16, 16_000),
        "sln24" => (Codec::Pcm16, 24_000),
        "sln32" => (Codec::Pcm16, 32_000),
        "sln44" => (Codec::Pcm16, 44_100),
        "sln48" => (Codec::Pcm16, 48_000),
        "sln96" => (Codec::Pcm16, 96_000),
        "sln192" => (Codec::Pcm16, 192_000),
        "ulaw" | "ul" | "pcm" | "mu" | "ulw" => (Codec::Ulaw, 8_000),
        "alaw" | "al" | "alw" => (Codec::Alaw, 8_000),
        "gsm" => (Codec::Gsm, 8_000),
        "g722" => (Codec::G722, 16_000),
        _ => return None,
    })
}

/// What Asterisk writes under other extensions, and what cannot be heard.
fn unsupported(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "siren7" | "g7221" => "Siren 7 (G.722.1)",
        "siren14" => "Siren 14 (G.722.1 Annex C)",
        "g719" => "G.719",
        "ilbc" => "iLBC",
        "g729" => "G.729",
        "g723" | "g723sf" => "G.723.1",
        "g726" | "g726-16" | "g726-24" | "g726-32" | "g726-40" => "G.726",
        "vox" => "Dialogic ADPCM (.vox)",
        "spx" => "Speex outside Ogg",
        "speex" | "speex16" | "speex32" => "Speex",
        "lpc10" => "LPC-10",
        "amr" | "awb" => "AMR",
        "aac" | "m4a" => "AAC",
        "wma" | "asf" => "Windows Media Audio",
        "aif" | "aiff" | "aifc" => "AIFF",
        "caf" => "CAF",
        "h261" | "h263" | "h263p" | "h264" | "h265" | "mpeg4" | "vp8" | "vp9" => "video",
        _ => return None,
    })
}

/// The layout of a headerless file of `channels`, where somebody said how many;
/// otherwise `.raw` is listened to, because MixMonitor's option D writes both
/// parties side by side there, and everything else is mono.
///
/// # Errors
/// [`ContainerError`] when the extension names no format that can be heard, or
/// it is not clear how many parties a `.raw` file holds.
pub fn locate(
    extension: &str,
    channels: Option<u16>,
    source: &(impl ReadAt + ?Sized),
) -> Result<Layout, ContainerError> {
    let lower = extension.to_ascii_lowercase();
    if let Some(codec) = unsupported(&lower) {
        return Err(ContainerError::Unsupported(codec));
    }
    let unknown = || ContainerError::UnknownExtension(extension.chars().take(16).collect());
    let (codec, hz) = format_of(&lower).ok_or_else(unknown)?;
    let rate = Rate::new(hz).ok_or_else(unknown)?;
    if codec == Codec::Gsm {
        let mut first = [0u8; 1];
        source.read_at(0, &mut first)?;
        if first[0] >> 4 != 0xD {
            return Err(ContainerError::Damaged("a GSM frame must begin with 0xD"));
        }
    }
    let channels = match channels {
        // Samples that stand alone can stand side by side.
        Some(said) if codec.is_sampled() => said,
        None if lower == "raw" => parties::count(source)?,
        _ => 1,
    };
    let mut walk = Accountant::default();
    walk.take(source.len(), Belongs::Audio);
    let account = walk.finish(source.len())?;
    Layout::of_blocks(Container::Raw, codec, (rate, channels), (0, source.len()), Lengths::Right, account)
}

#[cfg(test)]
mod tests {
    use crate::codec::Codec;
    use crate::container::{ContainerError, locate};

    #[test]
    fn the_extension_is_the_format() {
        let zeros = vec![0xD5u8; 660];
        for (name, codec, hz, frames) in [
            ("a.sln", Codec::Pcm16, 8_000, 330),
            ("a.sln16", Codec::Pcm16, 16_000, 330),
            ("a.sln192", Codec::Pcm16, 192_000, 330),
            ("dir.x/a.ulaw", Codec::Ulaw, 8_000, 660),
            ("a.al", Codec::Alaw, 8_000, 660),
            ("a.gsm", Codec::Gsm, 8_000, 20 * 160),
        ] {
            let layout = locate(name, zeros.as_slice()).expect(name);
            assert_eq!((layout.codec, layout.rate.hz(), layout.frames()), (codec, hz, frames), "{name}");
        }
        assert!(locate("notes.txt", zeros.as_slice()).is_err());
        assert!(locate("a.gsm", [0u8; 66].as_slice()).is_err());
    }

    #[test]
    fn what_asterisk_writes_and_nobody_here_hears_is_refused_by_its_name() {
        for (name, codec) in
            [("a.g729", "G.729"), ("a.siren14", "Siren 14"), ("a.G726-32", "G.726"), ("a.h264", "video")]
        {
            let refused = locate(name, [1u8; 60].as_slice()).expect_err(name);
            assert!(matches!(refused, ContainerError::Unsupported(_)), "{name}");
            assert!(
                refused.to_string().contains(codec) && refused.to_string().contains("record in WAV"),
                "{refused}"
            );
        }
    }
}
