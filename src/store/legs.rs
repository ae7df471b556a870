//! Legs: CDR rows as they were read, each once.

use super::{Result, Store, read, write_tx};
use crate::call::{CallKey, CdrRow};
use sqlx::types::Json;

impl Store {
    /// Keeps a row (a newer reading replaces an older one) and answers with
    /// every row of its call. A new leg that names `recording_id` after its
    /// redaction ended (a call picked up again from park, an attended transfer:
    /// Asterisk appends to the same file) has it sent once more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_leg(
        &self,
        key: &CallKey,
        identity: &str,
        row: &CdrRow,
        recording_id: Option<&str>,
    ) -> Result<Vec<CdrRow>> {
        let rows: Vec<Json<CdrRow>> = write_tx!(self, |tx| {
            sqlx::query(
                "UPDATE recordings SET published = $5
                 WHERE tenant = $1 AND id = CAST($4 AS TEXT)
                 AND redaction_status IN ('completed', 'not_needed', 'dry_run', 'failed')
                 AND NOT EXISTS (SELECT 1 FROM legs WHERE tenant = $1 AND pbx = $2 AND identity = $3)",
            )
            .bind(key.tenant.as_str())
            .bind(key.pbx.as_str())
            .bind(identity)
            .bind(recording_id)
            .bind(false)
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "INSERT INTO legs (tenant, pbx, identity, linkedid, cdr) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (tenant, pbx, identity) DO UPDATE SET cdr = excluded.cdr",
            )
            .bind(key.tenant.as_str())
            .bind(key.pbx.as_str())
            .bind(identity)
            .bind(&key.linkedid)
            .bind(Json(row))
            .execute(&mut *tx)
            .await?;
            sqlx::query_scalar("SELECT cdr FROM legs WHERE tenant = $1 AND pbx = $2 AND linkedid = $3")
                .bind(key.tenant.as_str())
                .bind(key.pbx.as_str())
                .bind(&key.linkedid)
                .fetch_all(&mut *tx)
                .await?
        });
        Ok(rows.into_iter().map(|r| r.0).collect())
    }

    /// Which of `identities` are known: what a source that re-reads need not publish again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_leg_known(&self, tenant: &str, pbx: &str, identity: &str) -> Result<bool> {
        let found: Option<i32> = read!(self, |pool| {
            sqlx::query_scalar("SELECT 1 FROM legs WHERE tenant = $1 AND pbx = $2 AND identity = $3")
                .bind(tenant)
                .bind(pbx)
                .bind(identity)
                .fetch_optional(pool)
                .await?
        });
        Ok(found.is_some())
    }
}
