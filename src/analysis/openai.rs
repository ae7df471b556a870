//! Any server that speaks OpenAI's chat API with structured output
//! (`response_format: json_schema`).

use super::{AnalysisError, Analyst, Meaning};
use crate::config::AnalysisConfig;
use crate::detect::SanitizedText;
use crate::speech::http::{client, error_of, with_retries};
use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_trait::async_trait;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// Tries of one request while the server is busy.
const ATTEMPTS: u32 = 4;

/// A compatible server.
pub struct OpenAiAnalyst {
    client: Client<OpenAIConfig>,
    model: String,
}

const INSTRUCTIONS: &str = "You read the transcript of a business phone call. Secrets in it were \
replaced by [REDACTED]; never guess them. Answer with a summary of at most three sentences, the \
caller's sentiment, and whether the call ended in a booking or appointment.";

impl OpenAiAnalyst {
    /// A client for the configured server.
    ///
    /// # Errors
    /// When no HTTP client can be built.
    pub fn new(config: &AnalysisConfig) -> Result<OpenAiAnalyst, AnalysisError> {
        let client = client(&config.base_url, config.api_key.expose_secret(), config.timeout)?;
        Ok(OpenAiAnalyst { client, model: config.model.clone() })
    }

    fn request(&self, text: &SanitizedText) -> Value {
        json!({
            "model": self.model,
            "temperature": 0,
            "messages": [
                { "role": "system", "content": INSTRUCTIONS },
                { "role": "user", "content": text.as_str() },
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": { "name": "call", "strict": true, "schema": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["summary", "sentiment", "booking"],
                    "properties": {
                        "summary": { "type": "string" },
                        "sentiment": { "type": "string", "enum": ["positive", "neutral", "negative"] },
                        "booking": { "type": "string", "enum": ["yes", "no", "unclear"] },
                    },
                } },
            },
        })
    }
}

#[async_trait]
impl Analyst for OpenAiAnalyst {
    fn model(&self) -> &str {
        &self.model
    }

    async fn analyse(&self, text: &SanitizedText) -> Result<Meaning, AnalysisError> {
        let request = self.request(text);
        let answer: Value = with_retries(ATTEMPTS, || async {
            self.client.chat().create_byot(request.clone()).await.map_err(error_of)
        })
        .await?;
        let content = answer.pointer("/choices/0/message/content").and_then(Value::as_str);
        content
            .and_then(|c| serde_json::from_str(c).ok())
            .ok_or(AnalysisError::NotUnderstood("it is not the structure that was asked for".to_owned()))
    }
}
