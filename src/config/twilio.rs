//! A Twilio account: where its calls are read, and where redacted copies of its recordings are kept.

use super::keep::KeepConfig;
use chrono::NaiveDate;
use secrecy::SecretString;
use serde::Deserialize;
use std::time::Duration;

/// `[pbx.source]` of kind `twilio`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwilioConfig {
    /// `AC…`.
    pub account_sid: String,
    /// Signs what Twilio posts, and requests where there is no API key.
    pub auth_token: SecretString,
    /// `SK…`; absent: the account and its token.
    #[serde(default)]
    pub api_key: String,
    #[serde(default)]
    pub api_key_secret: SecretString,
    #[serde(default = "twilio")]
    pub base_url: String,
    /// The address that Twilio was told to post to, letter by letter: it is part of the signature.
    #[serde(default)]
    pub webhook_url: String,
    #[serde(default = "ten_minutes", with = "humantime_serde")]
    pub interval: Duration,
    /// Calls and recordings are listed again so far back: they appear when they end.
    #[serde(default = "a_day", with = "humantime_serde")]
    pub overlap: Duration,
    /// Calls from this day on are read at first; absent: from the first start on.
    #[serde(default)]
    pub since: Option<NaiveDate>,
    /// One request.
    #[serde(default = "one_minute", with = "humantime_serde")]
    pub timeout: Duration,
}

/// `[pbx.recordings]` of kind `twilio`: Twilio cannot take a recording back.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwilioRecordingsConfig {
    /// Where redacted copies are kept, and played from.
    pub keep: KeepConfig,
    /// Once the redacted copy is kept and verified, the recording at Twilio is deleted.
    #[serde(default)]
    pub delete_originals: bool,
    /// Of `[pbx.source]`.
    #[serde(skip)]
    pub account: Option<Box<TwilioConfig>>,
}

fn twilio() -> String {
    "https://api.twilio.com".to_owned()
}
fn ten_minutes() -> Duration {
    Duration::from_secs(600)
}
fn a_day() -> Duration {
    Duration::from_secs(24 * 3_600)
}
fn one_minute() -> Duration {
    Duration::from_secs(60)
}
