//! FreePBX's player keeps a transcoded copy of every recording that somebody
//! listened to: `AMPPLAYBACK/NAME-MD5.EXT`, with NAME the recording's without
//! its extension and dots as underscores (framework, `Media.class.php`). After
//! a redaction the old copy would still be served, unredacted.

use super::{EntryKind, Recordings, RecordingsError, Result};
use crate::call::RecordingPath;

/// Is `name`, in the player's folder, a copy of `recording`?
pub fn is_copy(name: &str, recording: &RecordingPath) -> bool {
    let file = recording.file_name();
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem).replace('.', "_");
    let rest = name.strip_prefix(&stem).and_then(|rest| rest.strip_prefix('-'));
    let Some((md5, extension)) = rest.and_then(|rest| rest.split_once('.')) else { return false };
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    md5.len() == 32
        && md5.bytes().all(hex)
        && !extension.is_empty()
        && extension.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Deletes the player's copies of `recording`; the answer is how many there were.
///
/// # Errors
/// Those of the folder; one that is not there holds no copies.
pub async fn forget(cache: &dyn Recordings, recording: &RecordingPath) -> Result<usize> {
    let entries = match cache.list(None).await {
        Err(RecordingsError::NotFound) => return Ok(0),
        entries => entries?,
    };
    let mut deleted = 0;
    let copies = entries.iter().filter(|e| e.kind == EntryKind::File && is_copy(&e.name, recording));
    for copy in copies {
        let Ok(path) = RecordingPath::parse(&copy.name) else { continue };
        match cache.remove(&path).await {
            // FreePBX cleans up too.
            Ok(()) | Err(RecordingsError::NotFound) => deleted += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(deleted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_copies_of_this_recording_are_copies() {
        let recording =
            RecordingPath::parse("2024/05/14/out-1-201-20240514-093012-1715693412.34.wav").expect("a path");
        let md5 = "0123456789abcdef0123456789abcdef";
        let stem = "out-1-201-20240514-093012-1715693412_34";
        for copy in [format!("{stem}-{md5}.ogg"), format!("{stem}-{md5}.mp3"), format!("{stem}-{md5}.wav")] {
            assert!(is_copy(&copy, &recording), "{copy}");
        }
        for other in [
            format!("{stem}5-{md5}.ogg"),
            format!("{stem}-{md5}"),
            format!("{stem}-{md5}.o/../g"),
            format!("{stem}-short.ogg"),
            format!("x{stem}-{md5}.ogg"),
            stem.to_owned(),
        ] {
            assert!(!is_copy(&other, &recording), "{other}");
        }
    }
}
