//! Retention: recordings of days that are over go, by the `YYYY/MM/DD` folders,
//! once a day. Never outside the base, never through a link, never a call on
//! legal hold. What goes stands in the audit before it goes.

use super::schedule::Daily;
use crate::call::recording::is_audio_name;
use crate::call::{PbxId, RecordingPath, TenantId, Zone};
use crate::config::pbx::PbxConfig;
use crate::metrics::Metrics;
use crate::recordings::day_folders::{DayFolder, below, days};
use crate::recordings::{Entry, EntryKind, Recordings, RecordingsError};
use crate::store::retention::Deleted;
use crate::store::{Store, StoreError};
use chrono::{DateTime, Days, NaiveDate, Utc};
use std::collections::HashSet;
use std::sync::Arc;

/// Paths in one entry of the audit.
const LISTED: usize = 500;

/// Why a run did not get through.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    #[error(transparent)]
    Recordings(#[from] RecordingsError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The retention of one PBX.
pub struct Retention {
    pub tenant: TenantId,
    pub pbx: PbxId,
    /// Calendar days that are kept, today among them.
    pub days: u32,
    pub daily: Daily,
    pub recordings: Arc<dyn Recordings>,
    pub store: Store,
    pub metrics: Arc<Metrics>,
}

/// What a day's folder holds that is to go, and what stays for a hold.
#[derive(Debug, Default)]
pub struct Outgoing {
    pub files: Vec<(RecordingPath, u64)>,
    pub held: usize,
}

impl Retention {
    /// The retention of a PBX, where it is on.
    pub fn of(
        config: &PbxConfig,
        recordings: &Arc<dyn Recordings>,
        store: &Store,
        metrics: &Arc<Metrics>,
    ) -> Option<Retention> {
        let retention = config.retention.as_ref()?;
        let zone = retention.timezone.as_deref().and_then(Zone::parse).unwrap_or_else(|| config.zone());
        Some(Retention {
            tenant: config.tenant.clone(),
            pbx: config.id.clone(),
            days: retention.days,
            daily: Daily { at: retention.at, zone },
            recordings: recordings.clone(),
            store: store.clone(),
            metrics: metrics.clone(),
        })
    }

    /// The oldest day that is kept: `days` calendar days, today's among them.
    pub fn oldest_kept(&self, now: DateTime<Utc>) -> NaiveDate {
        let today = self.daily.day_of(now);
        let before = u64::from(self.days).saturating_sub(1);
        today.checked_sub_days(Days::new(before)).unwrap_or(NaiveDate::MIN)
    }

    /// The moment of a run that is due and has not been.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due(&self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError> {
        let since = self.store.retention_since(&self.tenant, &self.pbx).await?;
        let last = self.store.last_retention(&self.tenant, &self.pbx).await?;
        let Some(latest) = self.daily.latest(now) else { return Ok(None) };
        let done = last.as_ref().is_some_and(|l| l.scheduled_at >= latest && l.ended_at.is_some());
        Ok((latest > since && !done).then_some(latest))
    }

    /// The folders of days that are over, oldest first.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn expired(&self, now: DateTime<Utc>) -> Result<Vec<DayFolder>, RetentionError> {
        let kept = self.oldest_kept(now);
        Ok(days(self.recordings.as_ref()).await?.into_iter().filter(|d| d.day < kept).collect())
    }

    /// What is to go of one day: audio, and what lies beside it under its name.
    ///
    /// # Errors
    /// Those of the server and of the database.
    pub async fn outgoing(&self, day: &DayFolder) -> Result<Outgoing, RetentionError> {
        let held = self.store.held_paths(&self.tenant, &self.pbx, day.path.as_str()).await?;
        let held: HashSet<&str> = held.iter().map(|p| stem(p)).collect();
        let entries = self.recordings.list(Some(&day.path)).await?;
        let audio: HashSet<&str> = entries.iter().filter(|e| is_audio(e)).map(|e| stem(&e.name)).collect();
        let mut out = Outgoing::default();
        for entry in entries.iter().filter(|e| e.kind == EntryKind::File && audio.contains(stem(&e.name))) {
            let Some(path) = below(Some(&day.path), entry) else { continue };
            if held.contains(stem(path.as_str())) {
                out.held += 1;
            } else {
                out.files.push((path, entry.len));
            }
        }
        Ok(out)
    }

    /// Deletes what is over. `scheduled_at` names the run; false when another process has it.
    ///
    /// # Errors
    /// [`RetentionError`]: what was deleted until then is counted, and the run is tried again.
    pub async fn run(&self, scheduled_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool, RetentionError> {
        let kept = self.oldest_kept(now);
        let taken = self.store.begin_retention(&self.tenant, &self.pbx, scheduled_at, kept).await?;
        let Some(run) = taken else { return Ok(false) };
        let result = self.delete_all(&run, now).await;
        let told = result.as_ref().err().map(ToString::to_string);
        self.store.end_retention(&run, told.as_deref()).await?;
        let outcome = if told.is_none() { "done" } else { "failed" };
        self.metrics.retention_runs.with_label_values(&[self.pbx.as_str(), outcome]).inc();
        result.map(|()| true)
    }

    async fn delete_all(&self, run: &str, now: DateTime<Utc>) -> Result<(), RetentionError> {
        for day in self.expired(now).await? {
            let outgoing = self.outgoing(&day).await?;
            let paths: Vec<String> = outgoing.files.iter().map(|(p, _)| p.to_string()).collect();
            for listed in paths.chunks(LISTED) {
                self.store.audit_deletion(&self.tenant, run, listed).await?;
            }
            let mut done = Deleted { held: outgoing.held as i64, ..Deleted::default() };
            for (path, len) in &outgoing.files {
                match self.recordings.remove(path).await {
                    Ok(()) => {
                        done.files += 1;
                        done.bytes += i64::try_from(*len).unwrap_or(i64::MAX);
                    }
                    Err(RecordingsError::NotFound) => {}
                    Err(error) => {
                        self.store.add_deleted(&self.tenant, &self.pbx, run, done, &[]).await?;
                        return Err(error.into());
                    }
                }
            }
            let is_empty = self.recordings.list(Some(&day.path)).await.is_ok_and(|left| left.is_empty());
            if is_empty && self.recordings.remove_folder(&day.path).await.is_ok() {
                done.folders += 1;
            }
            self.metrics.retention_files.with_label_values(&[self.pbx.as_str()]).inc_by(done.files as u64);
            self.store.add_deleted(&self.tenant, &self.pbx, run, done, &paths).await?;
        }
        Ok(())
    }
}

fn is_audio(entry: &Entry) -> bool {
    entry.kind == EntryKind::File && is_audio_name(&entry.name)
}

/// A name without its extension.
fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}
