//! Any server that speaks OpenAI's transcription API: OpenAI, Azure,
//! faster-whisper servers, whisper.cpp's, LocalAI, vLLM, Groq. What is silent
//! is not sent: less is hallucinated, and less is paid.

use super::http::{plain, send, with_retries};
use super::limits::Limits;
use super::split;
use super::{SpeechError, Transcriber, Utterance, shapes, upload};
use crate::call::{RawTranscript, TenantId};
use crate::config::{SpeechAuth, SpeechConfig};
use async_trait::async_trait;
use reqwest::multipart::{Form, Part};
use secrecy::ExposeSecret;
use unsaid_dsp::Rate;
use unsaid_dsp::silence::Silence;

/// A compatible server.
pub struct OpenAiSpeech {
    http: reqwest::Client,
    endpoint: String,
    limits: Limits,
    config: SpeechConfig,
}

impl OpenAiSpeech {
    /// A client for the configured server.
    ///
    /// # Errors
    /// When no HTTP client can be built.
    pub fn new(config: SpeechConfig) -> Result<OpenAiSpeech, SpeechError> {
        let mut endpoint = format!("{}{}", config.base_url.trim_end_matches('/'), config.path);
        if !config.api_version.is_empty() {
            endpoint.push_str(&format!("?api-version={}", config.api_version));
        }
        let limits = Limits::new(config.concurrency, config.requests_per_minute);
        Ok(OpenAiSpeech { http: plain(config.timeout)?, endpoint, limits, config })
    }

    /// The words of one piece, in the piece's own time.
    async fn piece(&self, tenant: &TenantId, plane: &[f32]) -> Result<RawTranscript, SpeechError> {
        let (name, bytes) = upload::encoded(plane, self.config.upload);
        let body = with_retries(self.config.attempts, || async {
            let _permit = self.limits.permit(tenant).await;
            send(self.request(name, bytes.clone())?).await
        })
        .await?;
        shapes::parse(&body, Rate::SPEECH.seconds(plane.len() as u64))
    }

    fn request(&self, name: &'static str, bytes: Vec<u8>) -> Result<reqwest::RequestBuilder, SpeechError> {
        let file = Part::bytes(bytes).file_name(name);
        let mut form = Form::new()
            .part("file", file)
            .text("model", self.config.model.clone())
            .text("response_format", "verbose_json")
            .text("temperature", "0")
            // Repeated under exactly this name: some servers know no other, and without
            // segments some give no words.
            .text("timestamp_granularities[]", "word")
            .text("timestamp_granularities[]", "segment");
        if !self.config.language.is_empty() {
            form = form.text("language", self.config.language.clone());
        }
        let key = self.config.api_key.expose_secret();
        let request = self.http.post(&self.endpoint).multipart(form);
        Ok(match self.config.auth {
            SpeechAuth::None => request,
            _ if key.is_empty() => request,
            SpeechAuth::Bearer => request.bearer_auth(key),
            SpeechAuth::ApiKey => request.header("api-key", key),
        })
    }
}

#[async_trait]
impl Transcriber for OpenAiSpeech {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn price_per_minute(&self) -> f64 {
        self.config.price_per_minute
    }

    async fn transcribe(&self, audio: Utterance<'_>) -> Result<RawTranscript, SpeechError> {
        let most = upload::most_samples(self.config.upload_mib << 20);
        let silence = Silence::of(audio.plane, Rate::SPEECH);
        let mut all = RawTranscript { word_times: true, ..RawTranscript::default() };
        // Nothing is said: no words, and no request.
        for piece in split::spoken(audio.plane, &silence, most) {
            let heard = self.piece(audio.tenant, &audio.plane[piece.heard.clone()]).await?;
            all.sent_s += Rate::SPEECH.seconds(piece.heard.len() as u64);
            split::join(&mut all, &piece, heard);
        }
        Ok(all)
    }
}
