//! Where calls come from. A source reads rows; the feeder publishes those that
//! are not known yet and saves the cursor after the bus acknowledged them all.

pub mod freepbx;
pub mod twilio;

use crate::bus::{BusError, Topics};
use crate::call::{CallKey, CdrRow, PbxId, TenantId};
use crate::message::CdrChanged;
use crate::metrics::Metrics;
use crate::store::syncs::ReadNote;
use crate::store::{Store, StoreError};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime, Utc};
use freepbx::Orphans;
use futures::{StreamExt, TryStreamExt};
use std::collections::HashSet;
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

/// Why a source could not be read. Says what to do, never a password.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error(
        "the CDR database at {host}:{port} cannot be reached: {reason}; check that MariaDB listens there and the firewall lets unsaid in"
    )]
    Unreachable { host: String, port: u16, reason: String },
    #[error(
        "the CDR database refused the user {user:?}; check user name and password, and SHOW GRANTS for it"
    )]
    AccessDenied { user: String },
    #[error("the CDR database does not offer TLS, which pbx.source.tls asks for")]
    NoTls,
    #[error("the CDR database's certificate is not accepted: {0}")]
    Certificate(String),
    #[error("the binary log cannot be followed: {0}")]
    NoBinlog(String),
    #[error("the table {0} is not there")]
    NoTable(String),
    #[error("the CDR database did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("reading CDRs failed: {0}")]
    Failed(String),
    #[error("{path} cannot be read: {reason}")]
    File { path: String, reason: String },
}

/// What one read gave.
#[derive(Debug, Default)]
pub struct Chunk {
    pub rows: Vec<CdrRow>,
    /// To be saved once the rows are acknowledged.
    pub cursor: String,
    /// There is more to read at once.
    pub more: bool,
    /// How far it came, and where the reading ends, in the PBX's own time.
    pub reached: Option<(NaiveDateTime, NaiveDateTime)>,
}

/// A place that rows are read from.
#[async_trait]
pub trait CdrSource: Send + Sync {
    /// `freepbx` or `csv`.
    fn name(&self) -> &'static str;

    fn interval(&self) -> Duration;

    /// Reads on from `cursor`.
    async fn next(&mut self, cursor: Option<&str>) -> Result<Chunk, SourceError>;
}

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
        let mut published = HashSet::new();
        let mut last_read = tokio::time::Instant::now();
        let mut wakes = Wakes { seen: Utc::now(), eager_until: None };
        while !shutdown.is_cancelled() {
            let read = tokio::select! {
                // At least once: what was under way is read again.
                () = shutdown.cancelled() => break,
                read = self.read_unless_paused(&mut published) => read,
            };
            let wait = match read {
                Ok(true) => Duration::ZERO,
                Ok(false) => {
                    last_read = tokio::time::Instant::now();
                    wakes.interval(self.source.interval())
                }
                Err(error) => {
                    self.metrics.source_errors_total.with_label_values(&[self.pbx.as_str()]).inc();
                    tracing::warn!(pbx = %self.pbx, %error, "CDRs could not be read, trying again");
                    self.note_problem(&error).await;
                    self.source.interval().min(Duration::from_secs(5))
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

    async fn read_unless_paused(&mut self, published: &mut HashSet<String>) -> Result<bool, FeedError> {
        match self.store.is_sync_paused(&self.tenant, &self.pbx).await? {
            true => Ok(false),
            false => self.read_once(published).await,
        }
    }

    /// One chunk; true when there is more.
    async fn read_once(&mut self, published: &mut HashSet<String>) -> Result<bool, FeedError> {
        let name = self.source.name();
        let cursor = self.store.cursor(&self.tenant, &self.pbx, name).await?;
        let chunk = self.source.next(cursor.as_deref()).await?;
        if chunk.rows.is_empty()
            && !chunk.more
            && cursor.as_ref() == Some(&chunk.cursor)
            && !self.orphans.is_due()
        {
            // A stream on which nothing came: nothing is to be written.
            return Ok(false);
        }
        let rows_read = chunk.rows.len() as i64;
        self.orphans.expect(&chunk.rows);
        let rows_sent = self.publish(chunk.rows, &chunk.cursor, published).await? as i64;
        self.store.save_cursor(&self.tenant, &self.pbx, name, &chunk.cursor).await?;
        let note = ReadNote { rows_read, rows_sent, catching_up: chunk.more, reached: chunk.reached };
        self.store.note_read(&self.tenant, &self.pbx, &note).await?;
        if published.len() > 500_000 {
            published.clear();
        }
        // Once the CDRs are read to their end, what no row names is looked for.
        if !chunk.more && self.orphans.is_due() && self.orphans.is_registered(&self.store).await? {
            self.sweep(published).await?;
        }
        Ok(chunk.more)
    }

    /// Folders that cannot be listed hold up no CDR: they are looked at again later.
    async fn sweep(&mut self, published: &mut HashSet<String>) -> Result<(), FeedError> {
        let swept = self.orphans.sweep(&self.store, Utc::now()).await;
        let found = swept.unwrap_or_else(|error| {
            tracing::warn!(pbx = %self.pbx, %error, "the folders could not be swept, trying again later");
            Vec::new()
        });
        if !found.is_empty() {
            tracing::warn!(pbx = %self.pbx, count = found.len(), "recordings that no CDR names");
        }
        self.publish(found, "", published).await.map(drop)
    }

    /// Sends the rows that are news, and returns how many once all are acknowledged.
    async fn publish(
        &self,
        rows: Vec<CdrRow>,
        cursor: &str,
        published: &mut HashSet<String>,
    ) -> Result<u64, FeedError> {
        let named: Vec<(String, &str)> =
            rows.iter().map(|row| (row.identity(), row.recordingfile.as_str())).collect();
        let known = self.store.known_rows(self.tenant.as_str(), self.pbx.as_str(), &named).await?;
        let identities: Vec<String> = named.into_iter().map(|(identity, _)| identity).collect();
        let mut fresh = Vec::new();
        for (row, identity) in rows.into_iter().zip(identities) {
            let news = format!("{identity} {}", row.recordingfile);
            if !known.contains(&identity) && published.insert(news) {
                fresh.push(self.changed(row, identity, cursor));
            }
        }
        let count = fresh.len() as u64;
        let sends: Vec<_> = fresh.iter().map(|changed| self.topics.publish(changed, &[])).collect();
        let sent: Result<Vec<_>, BusError> =
            futures::stream::iter(sends).buffered(PIPELINE).try_collect().await;
        if let Err(error) = sent {
            // Not all are acknowledged: the next read offers every one of them again.
            fresh.iter().for_each(|c| {
                published.remove(&format!("{} {}", c.identity, c.row.recordingfile));
            });
            return Err(error.into());
        }
        self.metrics.source_rows_total.with_label_values(&[self.pbx.as_str()]).inc_by(count);
        Ok(count)
    }

    fn changed(&self, row: CdrRow, identity: String, cursor: &str) -> CdrChanged {
        let call = CallKey { tenant: self.tenant.clone(), pbx: self.pbx.clone(), linkedid: row.linkedid() };
        CdrChanged { call, source: self.source.name().to_owned(), identity, cursor: cursor.to_owned(), row }
    }
}
