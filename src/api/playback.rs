//! Audio by byte range (RFC 9110 section 14): single and suffix ranges, 206
//! and 416. Only a recording whose redaction ended is played.

use super::ApiState;
use super::error::ApiError;
use crate::call::{CallKey, RecordingPath};
use crate::recordings::unchanged::Left;
use crate::recordings::{Recordings, RecordingsError, Stat, playback};
use crate::stage::pbx::Pbx;
use crate::store::changed::CHANGED;
use crate::store::recordings::RecordingRow;
use actix_web::body::SizedStream;
use actix_web::http::header::{self, ContentEncoding, Header, Range};
use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Deserialize;
use std::sync::Arc;
use unsaid_dsp::codec::pcm;
use unsaid_dsp::container::{Hint, locate, wav};
use unsaid_dsp::decode::decode;

/// A browser plays what is decoded in memory up to this size.
const LARGEST_DECODED: u64 = 64 << 20;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct AudioQuery {
    /// `wav` to get 16-bit PCM whatever the recording's codec; a browser plays no GSM.
    #[serde(rename = "as")]
    form: Option<String>,
}

/// The redacted recording's bytes.
#[utoipa::path(get, path = "/api/v1/recordings/{id}/audio", params(("id" = String, Path), AudioQuery), responses(
    (status = 200, description = "the whole file"), (status = 206, description = "the range asked for"),
    (status = 404, description = "no such recording"),
    (status = 409, description = "not redacted yet, or changed since: it is heard again"),
    (status = 416, description = "no byte of the range is there")))]
pub async fn audio(
    request: HttpRequest,
    state: Data<ApiState>,
    id: Path<String>,
    query: Query<AudioQuery>,
) -> Result<HttpResponse, ApiError> {
    let row = state.store.recording(&state.tenant, &id).await?;
    let row = row.ok_or(ApiError::NotFound("there is no such recording"))?;
    if !matches!(row.redaction_status.as_str(), "completed" | "not_needed") {
        let told = row.detail.as_deref() == Some(CHANGED);
        let why = if told { CHANGED } else { "the recording is not redacted yet, so it is not played" };
        return Err(ApiError::Conflict(why));
    }
    let (pbx, path) = place(&state, &row)?;
    let recordings = pbx.recordings.clone();
    let seen = unchanged(&state, &row, &recordings, &path).await?;
    if query.form.as_deref() == Some("wav") {
        let bytes = Bytes::from(decoded(&pbx, &path, seen).await?);
        let len = bytes.len() as u64;
        return Ok(ranged(&request, len, "audio/wav", |start, count| {
            let part = bytes.slice(start as usize..(start + count) as usize);
            futures::stream::iter([Ok::<_, actix_web::Error>(part)])
        }));
    }
    Ok(ranged(&request, seen.len, media_type(&path), |start, count| {
        let chunks = playback::stream(recordings, path.clone(), seen, start, count);
        futures::StreamExt::map(chunks, |chunk| chunk.map_err(|e| actix_web::Error::from(ApiError::from(e))))
    }))
}

/// The file as it is now, where it is what was heard; else it is heard again.
async fn unchanged(
    state: &ApiState,
    row: &RecordingRow,
    recordings: &Arc<dyn Recordings>,
    path: &RecordingPath,
) -> Result<Stat, ApiError> {
    let left = Left {
        id: &row.id,
        len: row.size_bytes.and_then(|len| u64::try_from(len).ok()),
        sha256: row.redacted_sha256.as_deref(),
    };
    match state.unchanged.check(recordings, path, left).await {
        Err(RecordingsError::Changed) => {
            state.store.note_changed(&state.tenant, &row.id).await?;
            Err(ApiError::Conflict(CHANGED))
        }
        checked => Ok(checked?),
    }
}

/// The answer to one range, or to the whole.
fn ranged<S>(
    request: &HttpRequest,
    len: u64,
    media_type: &str,
    body: impl FnOnce(u64, u64) -> S,
) -> HttpResponse
where
    S: futures::Stream<Item = Result<Bytes, actix_web::Error>> + 'static,
{
    let (mut response, start, count) = match wanted(request, len) {
        Wanted::Whole => (HttpResponse::Ok(), 0, len),
        Wanted::Part(first, last) => {
            let mut response = HttpResponse::PartialContent();
            response.insert_header((header::CONTENT_RANGE, format!("bytes {first}-{last}/{len}")));
            (response, first, last - first + 1)
        }
        Wanted::Nothing => {
            return HttpResponse::RangeNotSatisfiable()
                .insert_header((header::CONTENT_RANGE, format!("bytes */{len}")))
                .finish();
        }
    };
    head(&mut response, media_type);
    response.body(SizedStream::new(count, body(start, count)))
}

fn head(response: &mut HttpResponseBuilder, media_type: &str) {
    response
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::CONTENT_TYPE, media_type))
        // Compression would break ranges.
        .insert_header(ContentEncoding::Identity);
}

enum Wanted {
    Whole,
    /// First and last byte, both inclusive.
    Part(u64, u64),
    Nothing,
}

/// A malformed header and several ranges at once are answered with the whole, as RFC 9110 allows.
fn wanted(request: &HttpRequest, len: u64) -> Wanted {
    if !request.headers().contains_key(header::RANGE) {
        return Wanted::Whole;
    }
    match Range::parse(request) {
        Ok(Range::Bytes(specs)) if specs.len() == 1 => match specs[0].to_satisfiable_range(len) {
            Some((first, last)) => Wanted::Part(first, last),
            None => Wanted::Nothing,
        },
        _ => Wanted::Whole,
    }
}

fn place(state: &ApiState, row: &RecordingRow) -> Result<(Arc<Pbx>, RecordingPath), ApiError> {
    let gone = ApiError::NotFound("the recording's PBX is not configured here");
    let Ok(pbx) = row.pbx.clone().try_into() else { return Err(gone) };
    let key = CallKey { tenant: state.tenant.clone(), pbx, linkedid: String::new() };
    let pbx = state.pbxs.of(&key).ok_or(gone)?;
    let path = RecordingPath::parse(row.path.as_deref().unwrap_or_default())
        .map_err(|_| ApiError::NotFound("the recording has no path"))?;
    Ok((pbx.clone(), path))
}

/// The recording as 16-bit PCM WAV.
async fn decoded(pbx: &Pbx, path: &RecordingPath, seen: Stat) -> Result<Vec<u8>, ApiError> {
    let bytes = pbx.recordings.fetch(path, LARGEST_DECODED).await?;
    if pbx.recordings.stat(path).await? != seen {
        return Err(RecordingsError::Changed.into());
    }
    let (name, channels) = (path.file_name().to_owned(), pbx.config.raw_channels);
    let work = tokio::task::spawn_blocking(move || {
        let layout = locate(Hint { name: &name, channels }, bytes.as_slice())?;
        let samples = decode(bytes.as_slice(), &layout)?;
        let channels = samples.planes.len() as u16;
        let data_len = (samples.frames() * usize::from(channels) * 2) as u32;
        let mut out = wav::pcm16_header(layout.rate, channels, data_len).to_vec();
        for frame in 0..samples.frames() {
            out.extend(samples.planes.iter().flat_map(|p| pcm::to_i16(p[frame]).to_le_bytes()));
        }
        Ok::<_, unsaid_dsp::container::ContainerError>(out)
    });
    let decoded = work.await.map_err(|_| ApiError::Internal)?;
    decoded.map_err(|error| {
        tracing::warn!(%error, "playback");
        ApiError::Conflict("the recording is not understood")
    })
}

fn media_type(path: &RecordingPath) -> &'static str {
    match path.as_str().rsplit('.').next() {
        Some("wav" | "WAV" | "wav16") => "audio/wav",
        Some("gsm") => "audio/gsm",
        Some("ogg" | "oga" | "opus") => "audio/ogg",
        Some("webm") => "audio/webm",
        Some("mka" | "mkv") => "audio/x-matroska",
        Some("ulaw" | "ul" | "pcm" | "au" | "snd") => "audio/basic",
        _ => "application/octet-stream",
    }
}
