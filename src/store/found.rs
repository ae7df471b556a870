//! Files that the sweep of the folders found: whose they may be, and where a
//! recording lies that was not where its CDR says.

use super::calls::settle_call;
use super::recordings::settle_calls_of;
use super::{Result, Store, now, read, write_tx};
use crate::call::{PbxId, TenantId};
use chrono::{DateTime, Utc};

/// One leg of a call, with what tells the call from others.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct LegOfCall {
    pub linkedid: String,
    pub uniqueid: Option<String>,
    pub recordingfile: Option<String>,
    pub started_at: DateTime<Utc>,
    pub duration_s: i64,
    pub from_number: String,
    pub to_number: String,
    pub extension: Option<String>,
}

impl Store {
    /// The legs of a PBX's calls that began in `[from, to)`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn legs_between(
        &self,
        tenant: &TenantId,
        pbx: &PbxId,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<LegOfCall>> {
        Ok(read!(self, |pool| {
            sqlx::query_as(
                "SELECT k.linkedid, l.cdr ->> 'uniqueid' AS uniqueid, l.cdr ->> 'recordingfile' AS recordingfile,
                   k.started_at, k.duration_s, k.from_number, k.to_number, k.extension
                 FROM calls k JOIN legs l ON l.tenant = k.tenant AND l.pbx = k.pbx AND l.linkedid = k.linkedid
                 WHERE k.tenant = $1 AND k.pbx = $2 AND k.started_at >= $3 AND k.started_at < $4
                 ORDER BY k.started_at, k.linkedid",
            )
            .bind(tenant.as_str())
            .bind(pbx.as_str())
            .bind(from)
            .bind(to)
            .fetch_all(pool)
            .await?
        }))
    }

    /// A recording that nobody has heard, for its file was not where its CDR says, lies at `path`:
    /// its call waits for it again, and the bus is told by whoever serves (`job::again`).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn place_recording(&self, tenant: &TenantId, id: &str, path: &str) -> Result<()> {
        write_tx!(self, |tx| {
            let placed = sqlx::query(
                "UPDATE recordings SET path = $3, redaction_status = 'pending', detail = NULL, changed_at = $4,
                   updated_at = $4
                 WHERE tenant = $1 AND id = $2 AND redacted_sha256 IS NULL
                   AND redaction_status IN ('failed', 'pending', 'processing', 'not_needed')",
            )
            .bind(tenant.as_str())
            .bind(id)
            .bind(path)
            .bind(now())
            .execute(&mut *tx)
            .await?;
            if placed.rows_affected() > 0 {
                settle_calls_of!(tx, id);
            }
        });
        Ok(())
    }

    /// Where the file lies that is about to be written: a later run looks for what a crash leaves there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_place(&self, tenant: &TenantId, id: &str, path: &str) -> Result<()> {
        write_tx!(self, |tx| {
            sqlx::query("UPDATE recordings SET path = $3 WHERE tenant = $1 AND id = $2 AND path <> $3")
                .bind(tenant.as_str())
                .bind(id)
                .bind(path)
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }
}
