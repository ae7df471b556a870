//! What every engine behind HTTP shares. The retry policy is ours: 429 and 5xx
//! wait as long as `Retry-After` says, else with backoff and jitter; a used-up
//! quota is not retried. Bodies of failures are never read into an error or a
//! log: they may hold a transcript.

use super::SpeechError;
use crate::bus::retry::backoff;
use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use std::time::{Duration, SystemTime};

/// Waits longer than this are left to the stage's own retries.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// What a response's head says, told before its body is read.
#[derive(Debug, thiserror::Error)]
#[error("status {status}")]
pub(crate) struct HttpStatus {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) quota: bool,
}

/// A client with our time limits.
pub(super) fn plain(timeout: Duration) -> Result<reqwest::Client, SpeechError> {
    let builder = reqwest::Client::builder().timeout(timeout);
    let built = builder.connect_timeout(timeout.min(Duration::from_secs(15))).build();
    built.map_err(|e| SpeechError::Unreachable(e.without_url().to_string()))
}

/// A client for `base_url` that hands every response that is not 2xx to us as
/// an [`HttpStatus`], so that the library neither retries it nor reads it.
pub(crate) fn client(
    base_url: &str,
    api_key: &str,
    timeout: Duration,
) -> Result<Client<OpenAIConfig>, SpeechError> {
    let http = plain(timeout)?;
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
    let retry_after = after.and_then(|v| wait_of(v, SystemTime::now()));
    Some(HttpStatus { status: response.status().as_u16(), retry_after, quota: false })
}

/// `Retry-After`: seconds, or a date (RFC 9110, 10.2.3).
fn wait_of(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Some(Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default().min(Duration::from_secs(86_400)))
}

/// OpenAI answers 429 for "slow down" and for "pay": only the code tells.
async fn says_quota(response: reqwest::Response) -> bool {
    let body = response.bytes().await.unwrap_or_default();
    serde_json::from_slice::<serde_json::Value>(&body)
        .is_ok_and(|v| v.pointer("/error/code").and_then(|c| c.as_str()) == Some("insufficient_quota"))
}

/// Sends a request whose answer is read whole; failures as for [`client`].
pub(super) async fn send(request: reqwest::RequestBuilder) -> Result<Vec<u8>, SpeechError> {
    let response = request.send().await.map_err(|e| error_of(OpenAIError::Reqwest(e)))?;
    if let Some(mut status) = head_of(&response) {
        status.quota = status.status == 429 && says_quota(response).await;
        return Err(error_of(OpenAIError::Boxed(Box::new(status))));
    }
    let body = response.bytes().await.map_err(|e| error_of(OpenAIError::Reqwest(e)))?;
    Ok(body.to_vec())
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
        _ => SpeechError::NotUnderstood("it does not follow the API".to_owned()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        assert_eq!(wait_of(" 7 ", now), Some(Duration::from_secs(7)));
        let date = httpdate::fmt_http_date(now + Duration::from_secs(42));
        assert_eq!(wait_of(&date, now), Some(Duration::from_secs(42)));
        let past = httpdate::fmt_http_date(now - Duration::from_secs(42));
        assert_eq!(wait_of(&past, now), Some(Duration::ZERO));
        assert_eq!(wait_of("soon", now), None);
    }
}
