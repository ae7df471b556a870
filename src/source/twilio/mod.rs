//! Twilio: calls and recordings are listed by day with overlap, each becomes a
//! CDR row; what is known is not published again. A webhook only wakes it.

mod rows;

use super::{CdrSource, Chunk, SourceError};
use crate::call::CdrRow;
use crate::config::twilio::TwilioConfig;
use crate::recordings::twilio::client::{ApiCall, Client, TwilioError};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rows::{call_row, recording_row};
use std::collections::HashMap;
use std::time::Duration;

/// Calls that are remembered for their recordings.
const CALLS: usize = 100_000;

/// Where a reading is: all calls first, then their recordings.
#[derive(Clone, Debug)]
enum Turn {
    Calls { next: Option<String> },
    Recordings { next: Option<String> },
}

/// The `twilio` source.
pub struct TwilioSource {
    config: TwilioConfig,
    client: Option<Client>,
    turn: Turn,
    /// The beginning of the reading that is under way.
    since: Option<NaiveDate>,
    /// When it began.
    began: Option<DateTime<Utc>>,
    calls: HashMap<String, ApiCall>,
    /// Rows of calls, told after those of their recordings: a call is not over before them.
    ended: Vec<CdrRow>,
}

impl TwilioSource {
    pub fn new(config: TwilioConfig) -> TwilioSource {
        let turn = Turn::Calls { next: None };
        let (calls, ended) = (HashMap::new(), Vec::new());
        TwilioSource { config, client: None, turn, since: None, began: None, calls, ended }
    }

    fn client(&mut self) -> Result<&Client, TwilioError> {
        if self.client.is_none() {
            self.client = Some(Client::new(self.config.clone())?);
        }
        self.client.as_ref().ok_or(TwilioError::Refused)
    }

    /// Where a reading begins: the overlap before what was read, or the configured day.
    fn beginning(&self, cursor: Option<&str>, now: DateTime<Utc>) -> NaiveDate {
        let overlap = TimeDelta::from_std(self.config.overlap).unwrap_or(TimeDelta::days(1));
        let read = cursor.and_then(|c| DateTime::parse_from_rfc3339(c).ok()).map(|c| c.to_utc());
        match (read, self.config.since) {
            (Some(read), _) => (read - overlap).date_naive(),
            (None, Some(since)) => since,
            (None, None) => now.date_naive(),
        }
    }

    /// One page's rows; then the turn is the next page's.
    async fn page(&mut self, since: NaiveDate) -> Result<Vec<CdrRow>, TwilioError> {
        match self.turn.clone() {
            Turn::Calls { next } => {
                let page = self.client()?.calls(since, next.as_deref()).await?;
                self.ended.extend(page.items.iter().filter_map(call_row));
                if self.calls.len() + page.items.len() > CALLS {
                    self.calls.clear();
                }
                self.calls.extend(page.items.into_iter().map(|c| (c.sid.clone(), c)));
                self.turn = match page.next {
                    Some(next) => Turn::Calls { next: Some(next) },
                    None => Turn::Recordings { next: None },
                };
                Ok(Vec::new())
            }
            Turn::Recordings { next } => {
                let page = self.client()?.recordings(since, next.as_deref()).await?;
                let mut rows = Vec::with_capacity(page.items.len());
                for recording in page.items {
                    let call = self.call_of(&recording.call_sid).await?;
                    rows.extend(recording_row(&recording, call.as_ref()));
                }
                self.turn = match page.next {
                    Some(next) => Turn::Recordings { next: Some(next) },
                    None => {
                        rows.append(&mut self.ended);
                        Turn::Calls { next: None }
                    }
                };
                Ok(rows)
            }
        }
    }

    /// A recording may be of a call that began before the list does.
    async fn call_of(&mut self, sid: &str) -> Result<Option<ApiCall>, TwilioError> {
        if let Some(call) = self.calls.get(sid) {
            return Ok(Some(call.clone()));
        }
        match self.client()?.call(sid).await {
            Ok(call) => {
                self.calls.insert(sid.to_owned(), call.clone());
                Ok(Some(call))
            }
            // Deleted at Twilio: the recording is a call by itself.
            Err(TwilioError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Asks for today's calls: "Test".
///
/// # Errors
/// [`SourceError`] with what is wrong and how to mend it.
pub async fn check(config: &TwilioConfig) -> Result<String, SourceError> {
    let listed = async { Client::new(config.clone())?.calls(Utc::now().date_naive(), None).await };
    let page = listed.await.map_err(|e| told(e, config))?;
    Ok(format!("{}: answers; {} calls on the first page of today", config.account_sid, page.items.len()))
}

fn told(error: TwilioError, config: &TwilioConfig) -> SourceError {
    match error {
        TwilioError::Refused => SourceError::Failed(format!(
            "Twilio refused account {}; check account_sid with auth_token, or api_key with api_key_secret",
            config.account_sid
        )),
        TwilioError::TimedOut => {
            SourceError::Failed(format!("Twilio did not answer within {:?}", config.timeout))
        }
        other => SourceError::Failed(other.to_string()),
    }
}

#[async_trait]
impl CdrSource for TwilioSource {
    fn name(&self) -> &'static str {
        "twilio"
    }

    fn interval(&self) -> Duration {
        self.config.interval
    }

    /// A page at a time; the cursor moves when all pages of all lists are read.
    async fn next(&mut self, cursor: Option<&str>) -> Result<Chunk, SourceError> {
        let now = Utc::now();
        let began = *self.began.get_or_insert(now);
        let since = match self.since {
            Some(since) => since,
            None => *self.since.insert(self.beginning(cursor, now)),
        };
        let read = self.page(since).await;
        let ended = matches!(&self.turn, Turn::Calls { next: None });
        if ended || read.is_err() {
            (self.since, self.began) = (None, None);
        }
        let rows = read.map_err(|error| {
            // From the first page again: a page's address does not live long.
            (self.turn, self.ended) = (Turn::Calls { next: None }, Vec::new());
            told(error, &self.config)
        })?;
        let cursor = match ended {
            true => began.to_rfc3339(),
            false => cursor.map_or_else(|| format!("{since}T00:00:00Z"), str::to_owned),
        };
        Ok(Chunk { rows, cursor, more: !ended, reached: None })
    }
}
