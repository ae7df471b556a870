//! How far the reading of a PBX's calls is, and whether somebody has paused it.
//! In the store, so that the API and the source may be two processes.

use super::audit::audit;
use super::{Result, Store, now, read, write_tx};
use crate::call::{PbxId, TenantId};
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Serialize;

/// What one read brought.
#[derive(Clone, Debug, Default)]
pub struct ReadNote {
    pub rows_read: i64,
    /// Those that were news.
    pub rows_sent: i64,
    /// There is more to read at once.
    pub catching_up: bool,
    /// How far it came, and where the reading ends, in the PBX's own time.
    pub reached: Option<(NaiveDateTime, NaiveDateTime)>,
    /// The version of the newest row that was sent.
    pub version: i64,
}

/// A PBX's reading.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Sync {
    pub pbx: String,
    /// Somebody stopped the reading; it goes on from where it was.
    pub paused: bool,
    /// CDR rows read since the beginning; a row that is read again counts again.
    pub rows_read: i64,
    /// CDR rows that were news and are in topic `cdr`.
    pub rows_sent: i64,
    /// CDR rows that have become calls.
    pub rows_registered: i64,
    /// History is being read.
    pub catching_up: bool,
    /// Where the reading began, how far it came and where it ends, in the PBX's own time.
    #[schema(value_type = Option<String>)]
    pub began_at: Option<NaiveDateTime>,
    #[schema(value_type = Option<String>)]
    pub reached_at: Option<NaiveDateTime>,
    #[schema(value_type = Option<String>)]
    pub until_at: Option<NaiveDateTime>,
    pub read_at: Option<DateTime<Utc>>,
    /// Why the last read failed, and what to do.
    pub problem: Option<String>,
}

/// A row for the PBX, where it has none yet.
macro_rules! ensure_sync {
    ($tx:expr, $tenant:expr, $pbx:expr) => {
        sqlx::query(
            "INSERT INTO syncs (tenant, pbx, paused, rows_read, rows_sent, catching_up)
             VALUES ($1, $2, $3, 0, 0, $3) ON CONFLICT (tenant, pbx) DO NOTHING",
        )
        .bind($tenant.as_str())
        .bind($pbx.as_str())
        .bind(false)
        .execute(&mut *$tx)
        .await?
    };
}

impl Store {
    /// Notes what a read brought.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_read(&self, tenant: &TenantId, pbx: &PbxId, note: &ReadNote) -> Result<()> {
        write_tx!(self, |tx| {
            ensure_sync!(tx, tenant, pbx);
            sqlx::query(
                "UPDATE syncs SET rows_read = rows_read + $3, rows_sent = rows_sent + $4, catching_up = $5,
                   began_at = COALESCE(began_at, $6), reached_at = COALESCE($6, reached_at),
                   until_at = COALESCE($7, until_at), read_at = $8, problem = NULL,
                   version = CASE WHEN version > $9 THEN version ELSE $9 END
                 WHERE tenant = $1 AND pbx = $2",
            )
            .bind(tenant.as_str())
            .bind(pbx.as_str())
            .bind(note.rows_read)
            .bind(note.rows_sent)
            .bind(note.catching_up)
            .bind(note.reached.map(|r| r.0))
            .bind(note.reached.map(|r| r.1))
            .bind(now())
            .bind(note.version)
            .execute(&mut *tx)
            .await?;
        });
        Ok(())
    }

    /// The version of the newest row that was sent; 0 where none was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_version(&self, tenant: &TenantId, pbx: &PbxId) -> Result<i64> {
        let version: Option<i64> = read!(self, |pool| {
            sqlx::query_scalar("SELECT version FROM syncs WHERE tenant = $1 AND pbx = $2")
                .bind(tenant.as_str())
                .bind(pbx.as_str())
                .fetch_optional(pool)
                .await?
        });
        Ok(version.unwrap_or(0))
    }

    /// Notes that a read failed, in a sentence that says what to do.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_read_problem(&self, tenant: &TenantId, pbx: &PbxId, problem: &str) -> Result<()> {
        write_tx!(self, |tx| {
            ensure_sync!(tx, tenant, pbx);
            sqlx::query("UPDATE syncs SET problem = $3 WHERE tenant = $1 AND pbx = $2")
                .bind(tenant.as_str())
                .bind(pbx.as_str())
                .bind(problem)
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }

    /// Stops the reading of a PBX's calls, or lets it go on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pause_sync(&self, tenant: &TenantId, pbx: &PbxId, paused: bool) -> Result<()> {
        write_tx!(self, |tx| {
            ensure_sync!(tx, tenant, pbx);
            sqlx::query("UPDATE syncs SET paused = $3 WHERE tenant = $1 AND pbx = $2")
                .bind(tenant.as_str())
                .bind(pbx.as_str())
                .bind(paused)
                .execute(&mut *tx)
                .await?;
            let action = if paused { "sync_paused" } else { "sync_resumed" };
            audit!(tx, tenant.as_str(), action, pbx.as_str(), serde_json::json!({}));
        });
        Ok(())
    }

    /// Has somebody paused the reading?
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_sync_paused(&self, tenant: &TenantId, pbx: &PbxId) -> Result<bool> {
        let paused: Option<bool> = read!(self, |pool| {
            sqlx::query_scalar("SELECT paused FROM syncs WHERE tenant = $1 AND pbx = $2")
                .bind(tenant.as_str())
                .bind(pbx.as_str())
                .fetch_optional(pool)
                .await?
        });
        Ok(paused.unwrap_or(false))
    }

    /// The readings of a tenant's PBXs.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn syncs(&self, tenant: &TenantId) -> Result<Vec<Sync>> {
        Ok(read!(self, |pool| {
            sqlx::query_as(
                "SELECT s.pbx, s.paused, s.rows_read, s.rows_sent, s.catching_up, s.began_at, s.reached_at,
                   s.until_at, s.read_at, s.problem,
                   (SELECT COUNT(*) FROM legs l WHERE l.tenant = s.tenant AND l.pbx = s.pbx) AS rows_registered
                 FROM syncs s WHERE s.tenant = $1 ORDER BY s.pbx",
            )
            .bind(tenant.as_str())
            .fetch_all(pool)
            .await?
        }))
    }
}
