//! Recordings at Twilio. Twilio cannot take one back: what is redacted is kept
//! in a place of our own under the same name, and from then on that is the
//! recording. The one at Twilio is deleted after that, where it is switched on.

pub mod client;
pub mod signature;

use super::kept::KeptFiles;
use super::{Entry, Recordings, RecordingsError, Result, Stat};
use crate::call::RecordingPath;
use crate::config::twilio::TwilioRecordingsConfig;
use async_trait::async_trait;
use chrono::NaiveDate;
use client::{Client, TwilioError};
use unsaid_dsp::mute::{self, Patch};

/// A recording is at most so long in memory, whatever the caller's own limit.
const MOST: u64 = 1 << 30;

/// `YYYY/MM/DD/RE….wav`, with `-2` before the extension where it has two channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaName {
    pub day: NaiveDate,
    pub sid: String,
    pub channels: u32,
}

impl MediaName {
    pub fn to_path(&self) -> String {
        let suffix = if self.channels == 2 { "-2" } else { "" };
        format!("{}/{}{suffix}.wav", self.day.format("%Y/%m/%d"), self.sid)
    }

    pub fn parse(path: &RecordingPath) -> Option<MediaName> {
        let (day, name) = path.as_str().rsplit_once('/')?;
        let day = NaiveDate::parse_from_str(day, "%Y/%m/%d").ok()?;
        let stem = name.strip_suffix(".wav")?;
        let (sid, channels) = stem.strip_suffix("-2").map_or((stem, 1), |sid| (sid, 2));
        let is_sid = is_sid(sid, "RE");
        is_sid.then(|| MediaName { day, sid: sid.to_owned(), channels })
    }
}

/// `RE` or `CA` and 32 hexadecimal digits.
pub fn is_sid(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The recordings of one account.
pub struct TwilioRecordings {
    client: std::result::Result<Client, TwilioError>,
    kept: Result<KeptFiles>,
    delete_originals: bool,
}

impl TwilioRecordings {
    /// What is wrong with the settings is told when something is asked for.
    pub fn new(config: &TwilioRecordingsConfig) -> TwilioRecordings {
        let account = config.account.as_deref().cloned();
        let client = account.ok_or(TwilioError::Refused).and_then(Client::new);
        let kept = KeptFiles::open(&config.keep);
        TwilioRecordings { client, kept, delete_originals: config.delete_originals }
    }

    fn client(&self) -> Result<&Client> {
        self.client.as_ref().map_err(|e| e.clone().into())
    }

    fn kept(&self) -> Result<&KeptFiles> {
        self.kept.as_ref().map_err(Clone::clone)
    }
}

impl From<TwilioError> for RecordingsError {
    fn from(error: TwilioError) -> RecordingsError {
        match error {
            TwilioError::NotFound => RecordingsError::NotFound,
            TwilioError::TimedOut => RecordingsError::TimedOut,
            TwilioError::Refused => {
                RecordingsError::AuthRefused { takes: "an account and its token, or an API key".to_owned() }
            }
            TwilioError::TooLarge(limit) => RecordingsError::TooLarge { len: limit + 1, limit },
            TwilioError::Unreachable(_) | TwilioError::Status(429 | 500..) => {
                RecordingsError::Unreachable(error.to_string())
            }
            TwilioError::Status(_) | TwilioError::Answer(_) => RecordingsError::Io(error.to_string()),
        }
    }
}

fn named(path: &RecordingPath) -> Result<MediaName> {
    MediaName::parse(path).ok_or(RecordingsError::NotFound)
}

#[async_trait]
impl Recordings for TwilioRecordings {
    /// A recording at Twilio never changes once it is complete: its time is its day's beginning.
    async fn stat(&self, path: &RecordingPath) -> Result<Stat> {
        let name = named(path)?;
        let mtime_s = name.day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
        let len = match self.kept()?.size(path.as_str()).await {
            Err(RecordingsError::NotFound) => {
                self.client()?.media_len(&name.sid, name.channels, MOST).await?
            }
            len => len?,
        };
        Ok(Stat { len, mtime_s })
    }

    async fn fetch(&self, path: &RecordingPath, limit: u64) -> Result<Vec<u8>> {
        match self.kept()?.get(path.as_str(), limit).await {
            Err(RecordingsError::NotFound) => {
                let name = named(path)?;
                Ok(self.client()?.media(&name.sid, name.channels, limit).await?)
            }
            bytes => bytes,
        }
    }

    async fn read(&self, path: &RecordingPath, offset: u64, len: u64) -> Result<Vec<u8>> {
        match self.kept()?.get_range(path.as_str(), offset, len).await {
            Err(RecordingsError::NotFound) => {
                let name = named(path)?;
                Ok(self.client()?.media_range(&name.sid, name.channels, (offset, len), MOST).await?)
            }
            bytes => bytes,
        }
    }

    /// The redacted copy is kept whole, or not at all.
    async fn overwrite(&self, path: &RecordingPath, patches: &[Patch]) -> Result<()> {
        if patches.is_empty() {
            return Ok(());
        }
        let mut bytes = self.fetch(path, MOST).await?;
        let reaches = patches.iter().map(|p| p.offset + p.bytes.len() as u64).max().unwrap_or(0);
        if reaches > bytes.len() as u64 {
            return Err(RecordingsError::Changed);
        }
        mute::apply(&mut bytes, patches);
        self.kept()?.put(path.as_str(), bytes).await
    }

    async fn set_mtime(&self, _: &RecordingPath, _: i64) -> Result<()> {
        Ok(())
    }

    async fn check_sole_name(&self, _: &RecordingPath) -> Result<()> {
        Ok(())
    }

    async fn create(&self, _: &RecordingPath, _: &[u8]) -> Result<()> {
        Err(not_there())
    }

    async fn adopt(&self, _: &RecordingPath, _: &RecordingPath) -> Result<()> {
        Err(not_there())
    }

    async fn rename_over(&self, _: &RecordingPath, _: &RecordingPath) -> Result<()> {
        Err(not_there())
    }

    async fn rename(&self, _: &RecordingPath, _: &RecordingPath) -> Result<()> {
        Err(not_there())
    }

    async fn remove(&self, path: &RecordingPath) -> Result<()> {
        self.kept()?.delete(path.as_str()).await?;
        if self.delete_originals
            && let Some(name) = MediaName::parse(path)
        {
            self.client()?.delete(&name.sid).await?;
        }
        Ok(())
    }

    /// What is kept; recordings that hold no secret stay at Twilio, by Twilio's own rules.
    async fn list(&self, folder: Option<&RecordingPath>) -> Result<Vec<Entry>> {
        self.kept()?.list(folder.map(RecordingPath::as_str)).await
    }

    /// A folder goes with its last file.
    async fn remove_folder(&self, _: &RecordingPath) -> Result<()> {
        Ok(())
    }

    async fn settle(&self, path: &RecordingPath) -> Result<bool> {
        if !self.delete_originals {
            return Ok(false);
        }
        let name = named(path)?;
        // Read back when it was written: that it is there still is what is asked for.
        self.kept()?.size(path.as_str()).await?;
        self.client()?.delete(&name.sid).await?;
        Ok(true)
    }
}

fn not_there() -> RecordingsError {
    RecordingsError::Io("a recording at Twilio cannot be replaced; write_back must be in_place".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_day_the_recording_and_its_channels_and_no_other_name_is_asked_for() {
        let sid = format!("RE{}", "0123456789abcdef".repeat(2));
        for channels in [1, 2] {
            let day = NaiveDate::from_ymd_opt(2024, 5, 14).expect("a day");
            let name = MediaName { day, sid: sid.clone(), channels };
            let path = RecordingPath::parse(&name.to_path()).expect("a path");
            assert_eq!(MediaName::parse(&path), Some(name));
        }
        for other in [
            "2024/05/14/call.wav",
            "2024/05/14/REshort.wav",
            &format!("{sid}.wav"),
            &format!("2024/05/14/{sid}.json"),
        ] {
            assert_eq!(MediaName::parse(&RecordingPath::parse(other).expect("a path")), None, "{other}");
        }
    }
}
