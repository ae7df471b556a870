//! Runs of retention, and what they may not delete.

use super::audit::audit;
use super::{Result, Store, now, read, write_tx};
use crate::call::{PbxId, TenantId};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

/// A run that has not been heard of for so long has stopped.
const STOPPED: TimeDelta = TimeDelta::minutes(10);

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct RetentionRun {
    #[serde(skip)]
    pub id: String,
    pub scheduled_at: DateTime<Utc>,
    pub started_at: DateTime<Utc>,
    /// Absent while it runs, and after it failed.
    pub ended_at: Option<DateTime<Utc>>,
    /// `YYYY-MM-DD`: recordings of earlier days went.
    pub oldest_kept_day: String,
    pub files_deleted: i64,
    pub bytes_deleted: i64,
    pub folders_deleted: i64,
    /// Files of calls on legal hold, and of those kept.
    pub files_held: i64,
    /// Why it failed.
    pub detail: Option<String>,
}

/// What was done to one day's folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    pub files: i64,
    pub bytes: i64,
    pub folders: i64,
    pub held: i64,
}

impl Store {
    /// Since when retention is on; from now, where it was not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retention_since(&self, tenant: &TenantId, pbx: &PbxId) -> Result<DateTime<Utc>> {
        let since: DateTime<Utc> = write_tx!(self, |tx| {
            sqlx::query_scalar(
                "INSERT INTO retention_since (tenant, pbx, since) VALUES ($1, $2, $3)
                 ON CONFLICT (tenant, pbx) DO UPDATE SET tenant = excluded.tenant RETURNING since",
            )
            .bind(tenant.as_str())
            .bind(pbx.as_str())
            .bind(now())
            .fetch_one(&mut *tx)
            .await?
        });
        Ok(since)
    }

    /// Retention is off: switched on again, it begins anew.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_retention(&self, tenant: &TenantId, pbx: &PbxId) -> Result<()> {
        write_tx!(self, |tx| {
            sqlx::query("DELETE FROM retention_since WHERE tenant = $1 AND pbx = $2")
                .bind(tenant.as_str())
                .bind(pbx.as_str())
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }

    /// The last run of a PBX.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_retention(&self, tenant: &TenantId, pbx: &PbxId) -> Result<Option<RetentionRun>> {
        Ok(read!(self, |pool| {
            sqlx::query_as(
                "SELECT id, scheduled_at, started_at, ended_at, oldest_kept_day, files_deleted, bytes_deleted,
                   folders_deleted, files_held, detail
                 FROM retention_runs WHERE tenant = $1 AND pbx = $2 ORDER BY scheduled_at DESC LIMIT 1",
            )
            .bind(tenant.as_str())
            .bind(pbx.as_str())
            .fetch_optional(pool)
            .await?
        }))
    }

    /// Takes the run of a moment: `None` when another process has it, or it has ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_retention(
        &self,
        tenant: &TenantId,
        pbx: &PbxId,
        scheduled_at: DateTime<Utc>,
        oldest_kept_day: NaiveDate,
    ) -> Result<Option<String>> {
        let taken: Option<String> = write_tx!(self, |tx| {
            sqlx::query_scalar(
                "INSERT INTO retention_runs (id, tenant, pbx, scheduled_at, started_at, beat_at, oldest_kept_day,
                   files_deleted, bytes_deleted, folders_deleted, files_held)
                 VALUES ($1, $2, $3, $4, $5, $5, $6, 0, 0, 0, 0)
                 ON CONFLICT (tenant, pbx, scheduled_at) DO UPDATE
                   SET beat_at = excluded.beat_at, detail = NULL
                   WHERE retention_runs.ended_at IS NULL AND retention_runs.beat_at < $7
                 RETURNING id",
            )
            .bind(uuid::Uuid::now_v7().to_string())
            .bind(tenant.as_str())
            .bind(pbx.as_str())
            .bind(scheduled_at)
            .bind(now())
            .bind(oldest_kept_day.to_string())
            .bind(now() - STOPPED)
            .fetch_optional(&mut *tx)
            .await?
        });
        Ok(taken)
    }

    /// What is about to be deleted of a day, in the audit before the first file goes.
    ///
    /// # Errors
    /// When the database fails: nothing may then be deleted.
    pub async fn audit_deletion(&self, tenant: &TenantId, run: &str, paths: &[String]) -> Result<()> {
        write_tx!(self, |tx| {
            audit!(
                tx,
                tenant.as_str(),
                "retention",
                run,
                serde_json::json!({ "count": paths.len(), "paths": paths })
            );
        });
        Ok(())
    }

    /// One day's folder is done.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_deleted(
        &self,
        tenant: &TenantId,
        pbx: &PbxId,
        run: &str,
        done: Deleted,
        paths: &[String],
    ) -> Result<()> {
        write_tx!(self, |tx| {
            sqlx::query(
                "UPDATE retention_runs SET beat_at = $2, files_deleted = files_deleted + $3,
                   bytes_deleted = bytes_deleted + $4, folders_deleted = folders_deleted + $5,
                   files_held = files_held + $6 WHERE id = $1",
            )
            .bind(run)
            .bind(now())
            .bind(done.files)
            .bind(done.bytes)
            .bind(done.folders)
            .bind(done.held)
            .execute(&mut *tx)
            .await?;
            for path in paths {
                sqlx::query(
                    "UPDATE recordings SET deleted_at = $4, updated_at = $4
                     WHERE tenant = $1 AND pbx = $2 AND path = $3",
                )
                .bind(tenant.as_str())
                .bind(pbx.as_str())
                .bind(path)
                .bind(now())
                .execute(&mut *tx)
                .await?;
            }
        });
        Ok(())
    }

    /// The run is over, or failed with a sentence and is tried again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_retention(&self, run: &str, failed: Option<&str>) -> Result<()> {
        write_tx!(self, |tx| {
            sqlx::query("UPDATE retention_runs SET ended_at = $2, detail = $3, beat_at = $4 WHERE id = $1")
                .bind(run)
                .bind(failed.is_none().then(now))
                .bind(failed)
                .bind(now())
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }

    /// Paths below `folder` that belong to a call on legal hold.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn held_paths(&self, tenant: &TenantId, pbx: &PbxId, folder: &str) -> Result<Vec<String>> {
        Ok(read!(self, |pool| {
            sqlx::query_scalar(
                "SELECT DISTINCT r.path FROM recordings r JOIN call_recordings c ON c.recording_id = r.id
                 JOIN calls k ON k.id = c.call_id
                 WHERE r.tenant = $1 AND r.pbx = $2 AND k.legal_hold = $4
                   AND SUBSTR(r.path, 1, LENGTH(CAST($3 AS TEXT)) + 1) = CAST($3 AS TEXT) || '/'",
            )
            .bind(tenant.as_str())
            .bind(pbx.as_str())
            .bind(folder)
            .bind(true)
            .fetch_all(pool)
            .await?
        }))
    }

    /// Puts a call on legal hold, or takes it off. False when there is no such call.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_legal_hold(&self, tenant: &TenantId, call_id: &str, held: bool) -> Result<bool> {
        let changed = write_tx!(self, |tx| {
            let done = sqlx::query(
                "UPDATE calls SET legal_hold = $3, updated_at = $4 WHERE tenant = $1 AND id = $2",
            )
            .bind(tenant.as_str())
            .bind(call_id)
            .bind(held)
            .bind(now())
            .execute(&mut *tx)
            .await?;
            if done.rows_affected() > 0 {
                audit!(tx, tenant.as_str(), "legal_hold", call_id, serde_json::json!({ "held": held }));
            }
            done.rows_affected() > 0
        });
        Ok(changed)
    }

    /// Our own copies of what was said go too: sanitized transcripts and what
    /// was made of them, of calls before `before` that are not held. How many
    /// recordings had one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_transcripts(&self, tenant: &TenantId, before: DateTime<Utc>) -> Result<u64> {
        let forgotten = write_tx!(self, |tx| {
            let done = sqlx::query(
                "UPDATE recordings SET transcript = NULL, updated_at = $3
                 WHERE tenant = $1 AND transcript IS NOT NULL AND NOT EXISTS (
                   SELECT 1 FROM call_recordings c JOIN calls k ON k.id = c.call_id
                   WHERE c.recording_id = recordings.id AND (k.started_at >= $2 OR k.legal_hold = $4))",
            )
            .bind(tenant.as_str())
            .bind(before)
            .bind(now())
            .bind(true)
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "UPDATE calls SET summary = NULL, sentiment = NULL, booking = NULL, updated_at = $3
                 WHERE tenant = $1 AND started_at < $2 AND legal_hold <> $4 AND status = 'completed'
                   AND (summary IS NOT NULL OR sentiment IS NOT NULL OR booking IS NOT NULL)",
            )
            .bind(tenant.as_str())
            .bind(before)
            .bind(now())
            .bind(true)
            .execute(&mut *tx)
            .await?;
            if done.rows_affected() > 0 {
                let detail = serde_json::json!({ "count": done.rows_affected(), "before": before });
                audit!(tx, tenant.as_str(), "transcripts_forgotten", tenant.as_str(), detail);
            }
            done.rows_affected()
        });
        Ok(forgotten)
    }
}
