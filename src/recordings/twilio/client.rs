//! Twilio's REST API, version 2010-04-01: calls, recordings and their media.
//! <https://www.twilio.com/docs/voice/api/recording>

use crate::config::twilio::TwilioConfig;
use chrono::{DateTime, NaiveDate, Utc};
use reqwest::header::{CONTENT_LENGTH, RANGE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Twilio's largest.
const PAGE_SIZE: &str = "1000";
/// Tries of one request that is answered 429 or 5xx.
const ATTEMPTS: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(300);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Why Twilio could not be asked. Never holds an answer's body.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TwilioError {
    #[error("Twilio cannot be reached: {0}")]
    Unreachable(String),
    #[error("Twilio did not answer in time")]
    TimedOut,
    #[error("Twilio refused the account and its token or API key")]
    Refused,
    #[error("Twilio does not know it")]
    NotFound,
    #[error("the recording has more than the limit of {0} bytes; raise limits.recording_mib")]
    TooLarge(u64),
    #[error("Twilio answered with status {0}")]
    Status(u16),
    #[error("Twilio's answer is not understood: {0}")]
    Answer(&'static str),
}

/// A call. Fields that nothing here needs are left out.
#[derive(Clone, Debug, Deserialize)]
pub struct ApiCall {
    pub sid: String,
    pub parent_call_sid: Option<String>,
    #[serde(default)]
    pub from: String,
    #[serde(default)]
    pub to: String,
    /// `inbound`, `outbound-api`, `outbound-dial`.
    #[serde(default)]
    pub direction: String,
    pub status: String,
    #[serde(default, deserialize_with = "date")]
    pub start_time: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "seconds")]
    pub duration: i64,
}

/// A recording's metadata.
#[derive(Clone, Debug, Deserialize)]
pub struct ApiRecording {
    pub sid: String,
    pub call_sid: String,
    /// `completed` once it can be fetched.
    pub status: String,
    #[serde(default)]
    pub channels: u32,
    #[serde(default, deserialize_with = "date")]
    pub date_created: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "date")]
    pub start_time: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "seconds")]
    pub duration: i64,
}

/// RFC 2822, as Twilio writes dates.
fn date<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    Ok(text.and_then(|t| DateTime::parse_from_rfc2822(&t).ok()).map(|d| d.to_utc()))
}

/// `"42"`, 42, or null.
fn seconds<'de, D: serde::Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    Ok(match serde_json::Value::deserialize(from)? {
        serde_json::Value::String(text) => text.parse().unwrap_or(0),
        value => value.as_i64().unwrap_or(0),
    })
}

/// One page of a list, and where the next is.
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

/// One account's API.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    config: TwilioConfig,
}

impl Client {
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(config: TwilioConfig) -> Result<Client, TwilioError> {
        let http = reqwest::Client::builder()
            .timeout(config.timeout)
            .connect_timeout(config.timeout.min(Duration::from_secs(15)))
            .build();
        Ok(Client { http: http.map_err(|e| unreached(&e))?, config })
    }

    /// Calls that began on `since` or later, or the page `next`.
    ///
    /// # Errors
    /// [`TwilioError`].
    pub async fn calls(&self, since: NaiveDate, next: Option<&str>) -> Result<Page<ApiCall>, TwilioError> {
        self.page("Calls", "calls", ("StartTime>", since), next).await
    }

    /// Recordings that were made on `since` or later, or the page `next`.
    ///
    /// # Errors
    /// [`TwilioError`].
    pub async fn recordings(
        &self,
        since: NaiveDate,
        next: Option<&str>,
    ) -> Result<Page<ApiRecording>, TwilioError> {
        self.page("Recordings", "recordings", ("DateCreated>", since), next).await
    }

    /// One call.
    ///
    /// # Errors
    /// [`TwilioError`].
    pub async fn call(&self, sid: &str) -> Result<ApiCall, TwilioError> {
        let url = self.url(&format!("Calls/{sid}.json"));
        let answer = self.send(|| self.http.get(&url)).await?;
        answer.json().await.map_err(|_| TwilioError::Answer("a call"))
    }

    /// A recording's audio as WAV, 16-bit PCM; both channels where it has two.
    ///
    /// # Errors
    /// [`TwilioError::TooLarge`] beyond `limit` bytes, and the others.
    pub async fn media(&self, sid: &str, channels: u32, limit: u64) -> Result<Vec<u8>, TwilioError> {
        let url = self.media_url(sid, channels);
        read(self.send(|| self.http.get(&url)).await?, limit).await
    }

    /// `len` bytes of it from `offset`; fewer at the end.
    ///
    /// # Errors
    /// [`TwilioError`].
    pub async fn media_range(
        &self,
        sid: &str,
        channels: u32,
        (offset, len): (u64, u64),
        limit: u64,
    ) -> Result<Vec<u8>, TwilioError> {
        let url = self.media_url(sid, channels);
        let range = format!("bytes={offset}-{}", offset.saturating_add(len).saturating_sub(1));
        let answer = match self.send(|| self.http.get(&url).header(RANGE, &range)).await {
            Err(TwilioError::Status(416)) => return Ok(Vec::new()),
            answer => answer?,
        };
        let is_part = answer.status() == StatusCode::PARTIAL_CONTENT;
        let bytes = read(answer, limit).await?;
        if is_part {
            return Ok(bytes);
        }
        Ok(bytes.into_iter().skip(offset as usize).take(len as usize).collect())
    }

    /// Its length in bytes.
    ///
    /// # Errors
    /// [`TwilioError`].
    pub async fn media_len(&self, sid: &str, channels: u32, limit: u64) -> Result<u64, TwilioError> {
        let url = self.media_url(sid, channels);
        let told = match self.send(|| self.http.head(&url)).await {
            Ok(answer) => answer.headers().get(CONTENT_LENGTH).and_then(|l| l.to_str().ok()?.parse().ok()),
            Err(TwilioError::Status(405)) => None,
            Err(error) => return Err(error),
        };
        match told.filter(|len| *len > 0) {
            Some(len) => Ok(len),
            None => Ok(self.media(sid, channels, limit).await?.len() as u64),
        }
    }

    /// Deletes a recording; one that is not there is deleted already.
    ///
    /// # Errors
    /// [`TwilioError`].
    pub async fn delete(&self, sid: &str) -> Result<(), TwilioError> {
        let url = self.url(&format!("Recordings/{sid}.json"));
        match self.send(|| self.http.request(Method::DELETE, &url)).await {
            Ok(_) | Err(TwilioError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn url(&self, path: &str) -> String {
        let base = self.config.base_url.trim_end_matches('/');
        format!("{base}/2010-04-01/Accounts/{}/{path}", self.config.account_sid)
    }

    fn media_url(&self, sid: &str, channels: u32) -> String {
        let query = if channels == 2 { "?RequestedChannels=2" } else { "" };
        self.url(&format!("Recordings/{sid}.wav{query}"))
    }

    async fn page<T: DeserializeOwned>(
        &self,
        resource: &str,
        field: &str,
        (key, since): (&str, NaiveDate),
        next: Option<&str>,
    ) -> Result<Page<T>, TwilioError> {
        let answer = match next {
            Some(next) => {
                let url = format!("{}{next}", self.config.base_url.trim_end_matches('/'));
                self.send(|| self.http.get(&url)).await?
            }
            None => {
                let (url, since) = (self.url(&format!("{resource}.json")), since.to_string());
                let query = [(key, since.as_str()), ("PageSize", PAGE_SIZE)];
                let url = reqwest::Url::parse_with_params(&url, query)
                    .map_err(|_| TwilioError::Answer("pbx.source.base_url is no address"))?;
                self.send(|| self.http.get(url.clone())).await?
            }
        };
        let mut body: serde_json::Value = answer.json().await.map_err(|_| TwilioError::Answer("a list"))?;
        let items = body.get_mut(field).map(serde_json::Value::take).unwrap_or_default();
        let items = serde_json::from_value(items).map_err(|_| TwilioError::Answer("a list's entries"))?;
        // A path alone: the token goes to no other host than that of the settings.
        let next = body["next_page_uri"].as_str().filter(|n| n.starts_with('/')).map(str::to_owned);
        Ok(Page { items, next })
    }

    async fn send(&self, request: impl Fn() -> RequestBuilder) -> Result<Response, TwilioError> {
        let c = &self.config;
        let (user, secret) = match c.api_key.as_str() {
            "" => (c.account_sid.as_str(), &c.auth_token),
            key => (key, &c.api_key_secret),
        };
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            let sent = request().basic_auth(user, Some(secret.expose_secret())).send().await;
            let answer = sent.map_err(|e| unreached(&e))?;
            let status = answer.status();
            let passes = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
            if !passes || attempt >= ATTEMPTS {
                return checked(answer);
            }
            let told = answer.headers().get("retry-after").and_then(|v| v.to_str().ok()?.parse().ok());
            tokio::time::sleep(told.map_or(wait, Duration::from_secs).min(LONGEST_WAIT)).await;
            wait *= 2;
        }
        Err(TwilioError::TimedOut)
    }
}

fn checked(answer: Response) -> Result<Response, TwilioError> {
    match answer.status() {
        status if status.is_success() => Ok(answer),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(TwilioError::Refused),
        StatusCode::NOT_FOUND => Err(TwilioError::NotFound),
        status => Err(TwilioError::Status(status.as_u16())),
    }
}

async fn read(mut answer: Response, limit: u64) -> Result<Vec<u8>, TwilioError> {
    if answer.content_length().is_some_and(|len| len > limit) {
        return Err(TwilioError::TooLarge(limit));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|e| unreached(&e))? {
        if bytes.len() as u64 + chunk.len() as u64 > limit {
            return Err(TwilioError::TooLarge(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn unreached(error: &reqwest::Error) -> TwilioError {
    if error.is_timeout() {
        return TwilioError::TimedOut;
    }
    let what = if error.is_connect() {
        "the connection was refused or the name is not known"
    } else {
        "the connection broke off"
    };
    TwilioError::Unreachable(what.to_owned())
}
