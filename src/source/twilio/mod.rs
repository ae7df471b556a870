//! Twilio: calls and recordings are listed by day with overlap, each becomes a
//! CDR row; what is known is not published again. A webhook only wakes it.

mod rows;

use super::{CdrSource, Chunk, Memory, SourceError};
use crate::call::CdrRow;
use crate::config::twilio::TwilioConfig;
use crate::recordings::twilio::client::{ApiCall, Client, TwilioError};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rows::{call_row, recording_row};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Calls that are remembered for their recordings.
const CALLS: usize = 100_000;

/// Where a reading is: all calls first, then their recordings.
#[derive(Clone, Debug)]
enum Turn {
    Calls { next: Option<String> },
    Recordings { next: Option<String> },
}

impl Default for Turn {
    fn default() -> Turn {
        Turn::Calls { next: None }
    }
}

/// What is remembered of the reading.
#[derive(Clone, Debug, Default)]
struct Progress {
    turn: Turn,
    /// The beginning of the reading that is under way.
    since: Option<NaiveDate>,
    /// When it began.
    began: Option<DateTime<Utc>>,
    /// Rows of calls, a page each, told after those of their recordings: a call is not over before them.
    ended: Vec<Arc<Vec<CdrRow>>>,
}

/// The `twilio` source.
pub struct TwilioSource {
    config: TwilioConfig,
    client: Option<Client>,
    progress: Memory<Progress>,
    /// As they were listed last; one that is not here is asked for.
    calls: HashMap<String, ApiCall>,
}

impl TwilioSource {
    pub fn new(config: TwilioConfig) -> TwilioSource {
        TwilioSource { config, client: None, progress: Memory::default(), calls: HashMap::new() }
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
    async fn page(&mut self, progress: &mut Progress, since: NaiveDate) -> Result<Vec<CdrRow>, TwilioError> {
        match std::mem::take(&mut progress.turn) {
            Turn::Calls { next } => {
                let page = self.client()?.calls(since, next.as_deref()).await?;
                progress.ended.push(Arc::new(page.items.iter().filter_map(call_row).collect()));
                if self.calls.len() + page.items.len() > CALLS {
                    self.calls.clear();
                }
                self.calls.extend(page.items.into_iter().map(|c| (c.sid.clone(), c)));
                progress.turn = match page.next {
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
                progress.turn = match page.next {
                    Some(next) => Turn::Recordings { next: Some(next) },
                    None => {
                        let ended = std::mem::take(&mut progress.ended);
                        rows.extend(ended.iter().flat_map(|page| page.iter().cloned()));
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
        let mut progress = self.progress.begin();
        let now = Utc::now();
        let began = *progress.began.get_or_insert(now);
        let since = match progress.since {
            Some(since) => since,
            None => *progress.since.insert(self.beginning(cursor, now)),
        };
        let rows = match self.page(&mut progress, since).await {
            Ok(rows) => rows,
            Err(error) => {
                // From the first page again: a page's address does not live long.
                self.progress = Memory::default();
                return Err(told(error, &self.config));
            }
        };
        let ended = matches!(&progress.turn, Turn::Calls { next: None });
        let cursor = match ended {
            true => began.to_rfc3339(),
            false => cursor.map_or_else(|| format!("{since}T00:00:00Z"), str::to_owned),
        };
        self.progress.propose(if ended { Progress::default() } else { progress });
        Ok(Chunk { rows, cursor, more: !ended, reached: None })
    }

    fn acknowledge(&mut self) {
        self.progress.acknowledge();
    }
}
