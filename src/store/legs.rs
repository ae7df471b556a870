//! Legs: CDR rows as they were read, each once.

use super::{Result, Store, read, write_tx};
use crate::call::{CallKey, CdrRow};

/// A row on its way into the store.
#[derive(Clone, Copy, Debug)]
pub struct Leg<'a> {
    pub identity: &'a str,
    pub row: &'a CdrRow,
    /// The recording that it names.
    pub recording_id: Option<&'a str>,
}

/// Keeps a leg inside a transaction; every row of its call.
macro_rules! insert_leg {
    ($tx:expr, $key:expr, $leg:expr) => {{
        if let Some(recording_id) = $leg.recording_id {
            sqlx::query(
                "UPDATE recordings SET published = $5
                 WHERE tenant = $1 AND id = CAST($4 AS TEXT)
                 AND redaction_status IN ('completed', 'not_needed', 'dry_run', 'failed')
                 AND NOT EXISTS (SELECT 1 FROM legs WHERE tenant = $1 AND pbx = $2 AND identity = $3)",
            )
            .bind($key.tenant.as_str())
            .bind($key.pbx.as_str())
            .bind($leg.identity)
            .bind(recording_id)
            .bind(false)
            .execute(&mut *$tx)
            .await?;
        }
        sqlx::query(
            "INSERT INTO legs (tenant, pbx, identity, linkedid, cdr) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (tenant, pbx, identity) DO UPDATE SET cdr = excluded.cdr",
        )
        .bind($key.tenant.as_str())
        .bind($key.pbx.as_str())
        .bind($leg.identity)
        .bind(&$key.linkedid)
        .bind(sqlx::types::Json($leg.row))
        .execute(&mut *$tx)
        .await?;
        let rows: Vec<sqlx::types::Json<$crate::call::CdrRow>> =
            sqlx::query_scalar("SELECT cdr FROM legs WHERE tenant = $1 AND pbx = $2 AND linkedid = $3")
                .bind($key.tenant.as_str())
                .bind($key.pbx.as_str())
                .bind(&$key.linkedid)
                .fetch_all(&mut *$tx)
                .await?;
        rows.into_iter().map(|r| r.0).collect::<Vec<_>>()
    }};
}

pub(crate) use insert_leg;

impl Store {
    /// Keeps a row (a newer reading replaces an older one) and answers with
    /// every row of its call. A new leg that names a recording after its
    /// redaction ended (a call picked up again from park, an attended transfer:
    /// Asterisk appends to the same file) has it sent once more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_leg(&self, key: &CallKey, leg: Leg<'_>) -> Result<Vec<CdrRow>> {
        Ok(write_tx!(self, |tx| insert_leg!(tx, key, leg)))
    }

    /// Is the leg known, with this recording? What a source that re-reads need
    /// not publish again; a row whose recording was renamed since (a script that
    /// makes an MP3 of it and says so in the row) is news.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_leg_known(
        &self,
        tenant: &str,
        pbx: &str,
        identity: &str,
        recordingfile: &str,
    ) -> Result<bool> {
        let found: Option<i32> = read!(self, |pool| {
            sqlx::query_scalar(
                "SELECT 1 FROM legs WHERE tenant = $1 AND pbx = $2 AND identity = $3
                 AND cdr ->> 'recordingfile' = $4",
            )
            .bind(tenant)
            .bind(pbx)
            .bind(identity)
            .bind(recordingfile)
            .fetch_optional(pool)
            .await?
        });
        Ok(found.is_some())
    }
}
