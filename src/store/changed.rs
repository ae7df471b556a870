//! Recordings whose file is not what was recorded of it: noticed by whoever looks
//! at one, heard again, and played to nobody until then.

use super::calls::settle_call;
use super::recordings::{RecordingRow, SentAgain, recording_columns, select_again, settle_calls_of};
use super::register::ROWS;
use super::{Result, Store, now, read, write_tx};
use crate::call::{PbxId, TenantId};
use crate::recordings::Stat;

/// Why a recording is heard again, as its call says it.
pub const CHANGED: &str =
    "the file changed after it was redacted: it is heard again, and not played until then";

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct KnownFile {
    pub id: String,
    pub path: String,
    pub redaction_status: String,
    pub size_bytes: Option<i64>,
    pub mtime_s: Option<i64>,
}

impl KnownFile {
    /// Its redaction ended, and the file is not the one that was left then, as far as its length
    /// and its time tell.
    pub fn is_changed(&self, seen: Stat) -> bool {
        let ended = matches!(self.redaction_status.as_str(), "completed" | "not_needed" | "dry_run");
        let is_as_long = self.size_bytes.is_some_and(|len| u64::try_from(len) == Ok(seen.len));
        ended && !(is_as_long && self.mtime_s.is_none_or(|at| at == seen.mtime_s))
    }
}

impl Store {
    /// What is known of the files at `paths`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn known_files(
        &self,
        tenant: &TenantId,
        pbx: &PbxId,
        paths: &[&str],
    ) -> Result<Vec<KnownFile>> {
        let mut known = Vec::new();
        for part in paths.chunks(ROWS) {
            let found: Vec<KnownFile> = read!(self, |pool| {
                let mut query = sqlx::QueryBuilder::new(
                    "SELECT id, path, redaction_status, size_bytes, mtime_s FROM recordings WHERE tenant = ",
                );
                query.push_bind(tenant.as_str()).push(" AND pbx = ").push_bind(pbx.as_str());
                query.push(" AND path IN (");
                let mut paths = query.separated(", ");
                for path in part {
                    paths.push_bind(*path);
                }
                query.push(")").build_query_as().persistent(false).fetch_all(pool).await?
            });
            known.extend(found);
        }
        Ok(known)
    }

    /// Other recordings of which the same file is one: two spellings of a name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn others_at(
        &self,
        tenant: &TenantId,
        pbx: &PbxId,
        path: &str,
        but: &str,
    ) -> Result<Vec<RecordingRow>> {
        Ok(read!(self, |pool| {
            sqlx::query_as(concat!(
                "SELECT ",
                recording_columns!(),
                " FROM recordings r WHERE r.tenant = $1 AND r.pbx = $2 AND r.path = $3 AND r.id <> $4 ORDER BY r.id"
            ))
            .bind(tenant.as_str())
            .bind(pbx.as_str())
            .bind(path)
            .bind(but)
            .fetch_all(pool)
            .await?
        }))
    }

    /// The file is not what was recorded of it: its call waits from now on, and the
    /// bus is told by whoever serves (`job::again`).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_changed(&self, tenant: &TenantId, id: &str) -> Result<()> {
        write_tx!(self, |tx| {
            let noted = sqlx::query(
                "UPDATE recordings SET redaction_status = 'pending', detail = $3, changed_at = $4, updated_at = $4
                 WHERE tenant = $1 AND id = $2 AND redaction_status IN ('completed', 'not_needed', 'dry_run')",
            )
            .bind(tenant.as_str())
            .bind(id)
            .bind(CHANGED)
            .bind(now())
            .execute(&mut *tx)
            .await?;
            if noted.rows_affected() > 0 {
                settle_calls_of!(tx, id);
            }
        });
        Ok(())
    }

    /// Those that were noticed and of which the bus does not know yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn changed(&self, most: i64) -> Result<Vec<SentAgain>> {
        Ok(read!(self, |pool| {
            sqlx::query_as(select_again!("r.changed_at IS NOT NULL")).bind(most).fetch_all(pool).await?
        }))
    }

    /// The file is what its redaction left: that stands again, with the file's time of now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn confirm_redaction(
        &self,
        tenant: &TenantId,
        id: &str,
        seen: Stat,
        detail: Option<&str>,
    ) -> Result<()> {
        write_tx!(self, |tx| {
            sqlx::query(
                "UPDATE recordings SET redaction_status = CASE WHEN redacted THEN 'completed' ELSE 'not_needed' END,
                   size_bytes = $3, mtime_s = $4, detail = $5, updated_at = $6
                 WHERE tenant = $1 AND id = $2",
            )
            .bind(tenant.as_str())
            .bind(id)
            .bind(i64::try_from(seen.len).ok())
            .bind(seen.mtime_s)
            .bind(detail)
            .bind(now())
            .execute(&mut *tx)
            .await?;
            settle_calls_of!(tx, id);
        });
        Ok(())
    }
}
