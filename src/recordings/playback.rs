//! A recording as a stream of bytes for a player, range by range.

use super::{Recordings, RecordingsError, Stat};
use crate::call::RecordingPath;
use bytes::Bytes;
use futures::Stream;
use std::sync::Arc;

/// What is read at once: an eighth of a minute of 16-bit 8 kHz audio.
const CHUNK: u64 = 128 << 10;

/// The bytes `start..start + len` of a recording, in order, while it stays as it
/// was `seen`: what is written to it meanwhile was not heard yet.
pub fn stream(
    recordings: Arc<dyn Recordings>,
    path: RecordingPath,
    seen: Stat,
    start: u64,
    len: u64,
) -> impl Stream<Item = Result<Bytes, RecordingsError>> {
    let end = start + len;
    futures::stream::try_unfold(start, move |at| {
        let (recordings, path) = (recordings.clone(), path.clone());
        async move {
            if at >= end {
                return Ok(None);
            }
            let bytes = recordings.read(&path, at, CHUNK.min(end - at)).await?;
            if bytes.is_empty() || recordings.stat(&path).await? != seen {
                return Err(RecordingsError::Changed);
            }
            let next = at + bytes.len() as u64;
            Ok(Some((Bytes::from(bytes), next)))
        }
    })
}
