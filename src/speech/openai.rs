//! Any server that speaks OpenAI's transcription API. The retry policy is
//! ours: 429 and 5xx wait as long as `Retry-After` says, else with backoff and
//! jitter; a used-up quota is not retried. Bodies of failures are never read
//! into an error or a log: they may hold a transcript.

use super::{SpeechError, Transcriber, Utterance, split, verbose_json};
use crate::bus::retry::backoff;
use crate::call::RawTranscript;
use crate::config::SpeechConfig;
use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use async_openai::types::InputSource;
use async_openai::types::audio::{
    AudioInput, AudioResponseFormat, CreateTranscriptionRequest, TimestampGranularity,
};
use async_trait::async_trait;
use secrecy::ExposeSecret;
use std::time::Duration;
use unsaid_dsp::Rate;
use unsaid_dsp::codec::pcm;
use unsaid_dsp::container::wav;

/// Waits longer than this are left to the stage's own retries.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// A compatible server.
pub struct OpenAiSpeech {
    client: Client<OpenAIConfig>,
    config: SpeechConfig,
}

/// What a response's head says, told before its body is read.
#[derive(Debug, thiserror::Error)]
#[error("status {status}")]
pub(crate) struct HttpStatus {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) quota: bool,
}

/// A client for `base_url` that hands every response that is not 2xx to us as
/// an [`HttpStatus`], so that the library neither retries it nor reads it.
pub(crate) fn client(
    base_url: &str,
    api_key: &str,
    timeout: Duration,
) -> Result<Client<OpenAIConfig>, SpeechError> {
    let http = reqwest::Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout.min(Duration::from_secs(15)))
        .build()
        .map_err(|e| SpeechError::Unreachable(e.without_url().to_string()))?;
    let config = OpenAIConfig::new().with_api_base(base_url.trim_end_matches('/')).with_api_key(api_key);
    let service = tower::service_fn(move |factory: HttpRequestFactory| {
        let http = http.clone();
        async move {
            let request = factory.build().await?;
            let response = http.execute(request).await.map_err(OpenAIError::Reqwest)?;
            match head_of(&response) {
                None => Ok(response),
                Some(mut status) => {
                    status.quota = status.status == 429 && says_quota(response).await;
                    Err(OpenAIError::Boxed(Box::new(status)))
                }
            }
        }
    });
    Ok(Client::with_config(config).with_http_service(service))
}

fn head_of(response: &reqwest::Response) -> Option<HttpStatus> {
    if response.status().is_success() {
        return None;
    }
    let after = response.headers().get("retry-after").and_then(|v| v.to_str().ok());
    let retry_after = after
        .and_then(|v| v.trim().parse::<f64>().ok())
        .map(|s| Duration::from_secs_f64(s.clamp(0.0, 86_400.0)));
    Some(HttpStatus { status: response.status().as_u16(), retry_after, quota: false })
}

/// OpenAI answers 429 for "slow down" and for "pay": only the code tells.
async fn says_quota(response: reqwest::Response) -> bool {
    let body = response.bytes().await.unwrap_or_default();
    serde_json::from_slice::<serde_json::Value>(&body)
        .is_ok_and(|v| v.pointer("/error/code").and_then(|c| c.as_str()) == Some("insufficient_quota"))
}

/// What went wrong, without the server's words.
pub(crate) fn error_of(error: OpenAIError) -> SpeechError {
    match error {
        OpenAIError::Reqwest(e) if e.is_timeout() => SpeechError::TimedOut,
        OpenAIError::Reqwest(e) => SpeechError::Unreachable(e.without_url().to_string()),
        OpenAIError::Boxed(boxed) => match boxed.downcast::<HttpStatus>() {
            Ok(s) if s.quota => SpeechError::Quota,
            Ok(s) if s.status == 429 || s.status >= 500 => SpeechError::Busy { retry_after: s.retry_after },
            Ok(s) => SpeechError::Refused { status: s.status },
            Err(_) => SpeechError::Unreachable("the request failed".to_owned()),
        },
        _ => SpeechError::NotUnderstood("it does not follow the API"),
    }
}

/// Tries `request` up to `attempts` times while the engine is busy.
pub(crate) async fn with_retries<T, F>(
    attempts: u32,
    mut request: impl FnMut() -> F,
) -> Result<T, SpeechError>
where
    F: Future<Output = Result<T, SpeechError>>,
{
    let mut attempt = 0;
    loop {
        let result = request().await;
        attempt += 1;
        let wait = match &result {
            Err(SpeechError::Busy { retry_after }) => {
                retry_after.unwrap_or_else(|| backoff(FIRST_WAIT, attempt, LONGEST_WAIT))
            }
            Err(SpeechError::Unreachable(_)) => backoff(FIRST_WAIT, attempt, LONGEST_WAIT),
            _ => return result,
        };
        if attempt >= attempts || wait > LONGEST_WAIT {
            return result;
        }
        tokio::time::sleep(wait).await;
    }
}

impl OpenAiSpeech {
    /// A client for the configured server.
    ///
    /// # Errors
    /// When no HTTP client can be built.
    pub fn new(config: SpeechConfig) -> Result<OpenAiSpeech, SpeechError> {
        let client = client(&config.base_url, config.api_key.expose_secret(), config.timeout)?;
        Ok(OpenAiSpeech { client, config })
    }

    async fn piece(&self, plane: &[f32]) -> Result<RawTranscript, SpeechError> {
        let request = CreateTranscriptionRequest {
            file: AudioInput {
                source: InputSource::VecU8 { filename: "call.wav".to_owned(), vec: wav_of(plane) },
            },
            model: self.config.model.clone(),
            language: Some(self.config.language.clone()).filter(|l| !l.is_empty()),
            response_format: Some(AudioResponseFormat::VerboseJson),
            temperature: Some(0.0),
            timestamp_granularities: Some(vec![TimestampGranularity::Word, TimestampGranularity::Segment]),
            ..CreateTranscriptionRequest::default()
        };
        let body = with_retries(self.config.attempts, || async {
            let audio = self.client.audio();
            audio.transcription().create_raw(request.clone()).await.map_err(error_of)
        })
        .await?;
        verbose_json::parse(&body, Rate::SPEECH.seconds(plane.len() as u64))
    }
}

/// A plane at 16 kHz as a 16-bit WAV file.
fn wav_of(plane: &[f32]) -> Vec<u8> {
    let data_len = u32::try_from(plane.len() * 2).unwrap_or(u32::MAX);
    let mut bytes = wav::pcm16_header(Rate::SPEECH, 1, data_len).to_vec();
    bytes.extend(plane.iter().flat_map(|s| pcm::to_i16(*s).to_le_bytes()));
    bytes
}

#[async_trait]
impl Transcriber for OpenAiSpeech {
    fn name(&self) -> &'static str {
        "openai"
    }

    async fn transcribe(&self, audio: Utterance<'_>) -> Result<RawTranscript, SpeechError> {
        let most = ((self.config.upload_mib << 20).saturating_sub(4_096) / 2) as usize;
        let mut all = RawTranscript { word_times: true, ..RawTranscript::default() };
        for piece in split::pieces(audio.plane, most) {
            let heard = self.piece(&audio.plane[piece.heard.clone()]).await?;
            all.word_times &= heard.word_times;
            all.language = all.language.or(heard.language);
            // Segments that reach over a cut are kept from both sides: better twice than not.
            if heard.word_times {
                all.words.extend(split::own_words(&piece, heard.words));
            } else {
                let whole = split::Piece { own_s: f64::NEG_INFINITY..f64::INFINITY, ..piece };
                all.words.extend(split::own_words(&whole, heard.words));
            }
        }
        Ok(all)
    }
}
