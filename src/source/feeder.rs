//! Brings one PBX's rows to topic `cdr`. The order in which things are safe:
//!
//! 1. The source reads on from the saved cursor, and proposes what it came to.
//! 2. What is news is published; all of it is acknowledged by the bus.
//! 3. The cursor is saved.
//! 4. The source takes up what it proposed.
//!
//! Whatever fails or stops in between, the next read begins at 1 with what was
//! there before it: rows may come twice, and none is lost.

use super::freepbx::Orphans;
use super::sent::Sent;
use super::{CdrSource, SourceError};
use crate::bus::{BusError, Topics};
use crate::call::{CallKey, CdrRow, PbxId, TenantId};
use crate::message::CdrChanged;
use crate::metrics::Metrics;
use crate::store::syncs::ReadNote;
use crate::store::{Store, StoreError};
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Rows on their way to the bus at once; they are acknowledged in order.
const PIPELINE: usize = 512;

/// How often it is looked whether somebody asked to read at once.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// For so long after that, a PBX is read often: its CDRs come when the call ends, and CEL's grace after.
const EAGER: Duration = Duration::from_secs(180);
const EAGER_INTERVAL: Duration = Duration::from_secs(5);

/// After a failure it is tried again: soon at first, and then ever later.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Why a feeder stopped short.
#[derive(Debug, thiserror::Error)]
enum FeedError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FeedError {
    /// What the failure means for the rows.
    fn meaning(&self) -> &'static str {
        match self {
            FeedError::Source(_) => "CDRs could not be read, trying again",
            FeedError::Bus(_) => {
                "CDRs were read but not published: none is lost, they are read and published again"
            }
            FeedError::Store(_) => {
                "the database did not answer the reading of CDRs: none is lost, it goes on from where it was"
            }
        }
    }
}

/// What came of somebody's asking to read at once.
struct Wakes {
    seen: DateTime<Utc>,
    eager_until: Option<tokio::time::Instant>,
}

impl Wakes {
    fn interval(&self, usual: Duration) -> Duration {
        let eager = self.eager_until.is_some_and(|until| tokio::time::Instant::now() < until);
        if eager { usual.min(EAGER_INTERVAL) } else { usual }
    }
}

/// Brings one PBX's rows to topic `cdr`.
pub struct Feeder {
    pub tenant: TenantId,
    pub pbx: PbxId,
    pub source: Box<dyn CdrSource>,
    pub topics: Topics,
    pub store: Store,
    pub metrics: Arc<Metrics>,
    pub orphans: Orphans,
}

impl Feeder {
    /// Reads every interval until `shutdown`. A failure is logged with what to
    /// do, counted, and tried again.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut sent = Sent::default();
        let mut last_read = tokio::time::Instant::now();
        let mut wakes = Wakes { seen: Utc::now(), eager_until: None };
        let mut after_failure = FIRST_WAIT;
        while !shutdown.is_cancelled() {
            let read = tokio::select! {
                // At least once: what was under way is read again.
                () = shutdown.cancelled() => break,
                read = self.read_unless_paused(&mut sent) => read,
            };
            let wait = match read {
                Ok(more) => {
                    after_failure = FIRST_WAIT;
                    last_read = if more { last_read } else { tokio::time::Instant::now() };
                    if more { Duration::ZERO } else { wakes.interval(self.source.interval()) }
                }
                Err(error) => {
                    self.metrics.source_errors_total.with_label_values(&[self.pbx.as_str()]).inc();
                    tracing::warn!(pbx = %self.pbx, %error, "{}", error.meaning());
                    self.note_problem(&error).await;
                    let wait = after_failure;
                    after_failure = (wait * 2).min(LONGEST_WAIT);
                    wait
                }
            };
            let age = last_read.elapsed().as_secs_f64();
            self.metrics.source_cursor_age_seconds.with_label_values(&[self.pbx.as_str()]).set(age);
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
                () = self.asked(&mut wakes) => {}
            }
        }
    }

    /// Until somebody asks to read at once.
    async fn asked(&self, wakes: &mut Wakes) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match self.store.woken_at(&self.tenant, &self.pbx).await {
                Ok(Some(at)) if at > wakes.seen => {
                    wakes.seen = at;
                    wakes.eager_until = Some(tokio::time::Instant::now() + EAGER);
                    return;
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(pbx = %self.pbx, %error, "wakes"),
            }
        }
    }

    async fn note_problem(&self, error: &FeedError) {
        let noted = self.store.note_read_problem(&self.tenant, &self.pbx, &error.to_string()).await;
        noted.unwrap_or_else(
            |error| tracing::debug!(pbx = %self.pbx, %error, "the problem could not be noted"),
        );
    }

    async fn read_unless_paused(&mut self, sent: &mut Sent) -> Result<bool, FeedError> {
        match self.store.is_sync_paused(&self.tenant, &self.pbx).await? {
            true => Ok(false),
            false => self.read_once(sent).await,
        }
    }

    /// One chunk; true when there is more.
    async fn read_once(&mut self, sent: &mut Sent) -> Result<bool, FeedError> {
        if sent.version() == 0 {
            sent.begin(self.store.last_version(&self.tenant, &self.pbx).await?);
        }
        let name = self.source.name();
        let cursor = self.store.cursor(&self.tenant, &self.pbx, name).await?;
        let chunk = self.source.next(cursor.as_deref()).await?;
        let is_new = cursor.as_ref() != Some(&chunk.cursor);
        if chunk.rows.is_empty() && !chunk.more && !is_new && !self.orphans.is_due() {
            // A stream on which nothing came: nothing is to be written.
            self.source.acknowledge();
            return Ok(false);
        }
        let rows_read = chunk.rows.len() as i64;
        self.orphans.expect(&chunk.rows);
        let rows_sent = self.publish(chunk.rows, &chunk.cursor, sent).await? as i64;
        self.store.save_cursor(&self.tenant, &self.pbx, name, &chunk.cursor).await?;
        self.source.acknowledge();
        let (catching_up, reached, version) = (chunk.more, chunk.reached, sent.version());
        let note = ReadNote { rows_read, rows_sent, catching_up, reached, version };
        self.store.note_read(&self.tenant, &self.pbx, &note).await?;
        sent.trim();
        // Once the CDRs are read to their end, what no row names is looked for.
        if !chunk.more && self.orphans.is_due() && self.orphans.is_registered(&self.store).await? {
            self.sweep(sent).await?;
        }
        Ok(chunk.more)
    }

    /// Folders that cannot be listed hold up no CDR: they are looked at again later.
    async fn sweep(&mut self, sent: &mut Sent) -> Result<(), FeedError> {
        let swept = self.orphans.sweep(&self.store, Utc::now()).await;
        let found = match swept {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(pbx = %self.pbx, %error, "the folders could not be swept, trying again later");
                return Ok(());
            }
        };
        if !found.is_empty() {
            tracing::warn!(pbx = %self.pbx, count = found.len(), "recordings that no CDR names");
        }
        self.publish(found, "", sent).await?;
        self.orphans.acknowledge();
        Ok(())
    }

    /// Sends the rows that are news, and returns how many once all are acknowledged.
    async fn publish(&self, rows: Vec<CdrRow>, cursor: &str, sent: &mut Sent) -> Result<u64, FeedError> {
        let named: Vec<(String, &str)> =
            rows.iter().map(|row| (row.identity(), row.recordingfile.as_str())).collect();
        let known = self.store.known_rows(self.tenant.as_str(), self.pbx.as_str(), &named).await?;
        let identities: Vec<String> = named.into_iter().map(|(identity, _)| identity).collect();
        let mut fresh = Vec::new();
        for (row, identity) in rows.into_iter().zip(identities) {
            if let Some(version) = sent.news(&identity, &row.recordingfile, known.contains(&identity)) {
                fresh.push(self.changed(row, identity, cursor, version));
            }
        }
        let count = fresh.len() as u64;
        let sends: Vec<_> = fresh.iter().map(|changed| self.topics.publish(changed, &[])).collect();
        let acks: Result<Vec<_>, BusError> =
            futures::stream::iter(sends).buffered(PIPELINE).try_collect().await;
        if let Err(error) = acks {
            // Not all are acknowledged: the next read offers every one of them again.
            fresh.iter().for_each(|changed| sent.forget(&changed.identity));
            return Err(error.into());
        }
        self.metrics.source_rows_total.with_label_values(&[self.pbx.as_str()]).inc_by(count);
        Ok(count)
    }

    fn changed(&self, row: CdrRow, identity: String, cursor: &str, version: i64) -> CdrChanged {
        let call = CallKey { tenant: self.tenant.clone(), pbx: self.pbx.clone(), linkedid: row.linkedid() };
        let (source, cursor) = (self.source.name().to_owned(), cursor.to_owned());
        CdrChanged { call, source, identity, cursor, version, row }
    }
}
