//! Recordings: the intent before a file is touched, the outcome after.

use super::audit::audit;
use super::calls::settle_call;
use super::{Result, Store, now, read, write_tx};
use crate::call::{CallKey, PbxId, Segment, TenantId};
use crate::detect::SanitizedTranscript;
use crate::message::{Redacted, RedactionOutcome};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

/// What is about to be done to a file, stored before its first byte changes.
/// With it, a redelivery after a crash finishes the same mute without asking
/// a speech engine about a half-muted recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    pub original_sha256: String,
    pub redacted_sha256: String,
    pub size_bytes: u64,
    pub segments: Vec<Segment>,
    /// The muted frames, `[start, end)`.
    pub spans: Vec<(u64, u64)>,
    /// The bytes that are overwritten: offset and length.
    pub byte_ranges: Vec<(u64, u64)>,
    /// Modification time to restore, seconds of the epoch.
    pub mtime_s: i64,
    pub ruleset: String,
    pub transcript: Option<SanitizedTranscript>,
    pub peaks: Vec<u8>,
    pub format: String,
    pub duration_s: f64,
    pub muted_s: f64,
    /// What an auditor should know of how the spans were found.
    #[serde(default)]
    pub note: Option<String>,
}

/// What decides a call's status.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct RecordingState {
    pub redaction_status: String,
    pub redacted_segments: Json<Vec<Segment>>,
    pub redacted_at: Option<DateTime<Utc>>,
    pub detail: Option<String>,
}

/// The same, and whose it is.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct StateOfCall {
    pub call_id: String,
    #[sqlx(flatten)]
    pub state: RecordingState,
}

/// A row of `recordings`.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct RecordingRow {
    pub id: String,
    #[serde(skip)]
    pub tenant: String,
    pub pbx: String,
    pub recordingfile: String,
    pub path: Option<String>,
    pub format: Option<String>,
    pub size_bytes: Option<i64>,
    pub duration_s: Option<f64>,
    pub redaction_status: String,
    pub redacted: bool,
    #[schema(value_type = Vec<Object>)]
    pub redacted_segments: Json<Vec<Segment>>,
    pub redacted_at: Option<DateTime<Utc>>,
    #[schema(value_type = Option<Object>)]
    pub transcript: Option<Json<SanitizedTranscript>>,
    #[schema(value_type = Option<Vec<u8>>)]
    pub peaks: Option<Json<Vec<u8>>>,
    pub ruleset: Option<String>,
    pub original_sha256: Option<String>,
    pub redacted_sha256: Option<String>,
    #[serde(skip)]
    #[schema(ignore)]
    pub intent: Option<Json<Intent>>,
    pub detail: Option<String>,
    pub muted_s: f64,
    pub elapsed_ms: i64,
    /// When retention deleted the file.
    pub deleted_at: Option<DateTime<Utc>>,
    #[serde(skip)]
    #[schema(ignore)]
    pub mtime_s: Option<i64>,
    /// Of the original that was put back.
    #[serde(skip)]
    #[schema(ignore)]
    pub restored_sha256: Option<String>,
}

macro_rules! recording_columns {
    () => {
        "r.id, r.tenant, r.pbx, r.recordingfile, r.path, r.format, r.size_bytes, r.duration_s, \
         r.redaction_status, r.redacted, r.redacted_segments, r.redacted_at, r.transcript, r.peaks, \
         r.ruleset, r.original_sha256, r.redacted_sha256, r.intent, r.detail, r.muted_s, r.elapsed_ms, r.deleted_at, \
         r.mtime_s, r.restored_sha256"
    };
}

pub(crate) use recording_columns;

/// A recording that the bus is to be told of again.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct SentAgain {
    pub id: String,
    pub recordingfile: String,
    pub tenant: String,
    pub pbx: String,
    pub linkedid: String,
}

/// [`SentAgain`]s of every tenant, by id, where `$which` holds; `$1` is how many at most.
macro_rules! select_again {
    ($which:literal) => {
        concat!(
            "SELECT r.id, r.recordingfile, r.tenant, r.pbx, MIN(k.linkedid) AS linkedid
             FROM recordings r JOIN call_recordings c ON c.recording_id = r.id
             JOIN calls k ON k.id = c.call_id WHERE ",
            $which,
            " GROUP BY r.id, r.recordingfile, r.tenant, r.pbx ORDER BY r.id LIMIT $1"
        )
    };
}

pub(crate) use select_again;

/// Everything known of a recording once its redaction ended.
#[derive(Clone, Debug)]
pub struct Ended {
    pub redacted: Redacted,
    pub transcript: Option<SanitizedTranscript>,
    pub peaks: Vec<u8>,
    pub format: Option<String>,
    pub size_bytes: Option<i64>,
    /// The file's modification time, seconds of the epoch.
    pub mtime_s: Option<i64>,
}

/// The hash of the original: of a file that was muted, or is about to be, the one from before its first
/// mute; else that of what was heard.
macro_rules! first_original {
    ($heard:literal) => {
        concat!(
            "CASE WHEN redacted OR intent IS NOT NULL THEN COALESCE(original_sha256, ",
            $heard,
            ") ELSE ",
            $heard,
            " END"
        )
    };
}

/// Settles every call that names a recording.
macro_rules! settle_calls_of {
    ($tx:expr, $recording_id:expr) => {{
        let calls: Vec<String> = sqlx::query_scalar(
            "SELECT call_id FROM call_recordings WHERE recording_id = $1 ORDER BY call_id",
        )
        .bind($recording_id)
        .fetch_all(&mut *$tx)
        .await?;
        for call in &calls {
            settle_call!($tx, call);
        }
    }};
}

pub(crate) use settle_calls_of;

impl Store {
    /// One recording of a tenant.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recording(&self, tenant: &TenantId, id: &str) -> Result<Option<RecordingRow>> {
        Ok(read!(self, |pool| {
            sqlx::query_as(concat!(
                "SELECT ",
                recording_columns!(),
                " FROM recordings r WHERE r.tenant = $1 AND r.id = $2"
            ))
            .bind(tenant.as_str())
            .bind(id)
            .fetch_optional(pool)
            .await?
        }))
    }

    /// The recordings that a call names.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recordings_of(&self, tenant: &TenantId, call_id: &str) -> Result<Vec<RecordingRow>> {
        Ok(read!(self, |pool| {
            sqlx::query_as(concat!(
                "SELECT ",
                recording_columns!(),
                " FROM recordings r
                 JOIN call_recordings c ON c.recording_id = r.id
                 WHERE r.tenant = $1 AND c.call_id = $2 ORDER BY r.id"
            ))
            .bind(tenant.as_str())
            .bind(call_id)
            .fetch_all(pool)
            .await?
        }))
    }

    /// Recordings in which a dry run found secrets, by id from `after` on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn dry_runs(&self, after: &str, most: i64) -> Result<Vec<SentAgain>> {
        Ok(read!(self, |pool| {
            sqlx::query_as(select_again!("r.redaction_status = 'dry_run' AND r.id > $2"))
                .bind(most)
                .bind(after)
                .fetch_all(pool)
                .await?
        }))
    }

    /// Recordings whose original was put back, of which the bus does not know yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn restored(&self, most: i64) -> Result<Vec<SentAgain>> {
        Ok(read!(self, |pool| {
            // Looked up every few seconds: by the index, whose condition is the first.
            let sql = select_again!(
                "r.id IN (SELECT id FROM recordings WHERE redaction_status IN ('failed', 'restored')
                            AND redaction_status = 'restored' AND published = $2)"
            );
            sqlx::query_as(sql).bind(most).bind(false).fetch_all(pool).await?
        }))
    }

    /// Recordings of a PBX whose write-back may have been cut off and is not tried again by itself:
    /// given up after the intent, or put back. By id, from `after` on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cut_off(
        &self,
        tenant: &TenantId,
        pbx: &PbxId,
        after: &str,
        most: i64,
    ) -> Result<Vec<RecordingRow>> {
        Ok(read!(self, |pool| {
            sqlx::query_as(concat!(
                "SELECT ",
                recording_columns!(),
                " FROM recordings r WHERE r.tenant = $1 AND r.pbx = $2 AND r.id > $3
                   AND r.redaction_status IN ('failed', 'restored')
                   AND (r.redaction_status = 'restored' OR r.intent IS NOT NULL)
                  ORDER BY r.id LIMIT $4"
            ))
            .bind(tenant.as_str())
            .bind(pbx.as_str())
            .bind(after)
            .bind(most)
            .fetch_all(pool)
            .await?
        }))
    }

    /// The bus has the recordings; each is sent once.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mark_published(&self, ids: &[(&TenantId, &str)]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        write_tx!(self, |tx| {
            let mut query = sqlx::QueryBuilder::new("WITH v (tenant, id) AS (");
            query.push_values(ids, |mut tuple, (tenant, id)| {
                tuple.push_bind(tenant.as_str()).push_bind(*id);
            });
            query.push(
                ") UPDATE recordings SET published = TRUE, changed_at = NULL FROM v
                 WHERE recordings.id = v.id AND recordings.tenant = v.tenant",
            );
            query.build().persistent(false).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// A redaction begins.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_redaction(&self, tenant: &TenantId, id: &str) -> Result<()> {
        write_tx!(self, |tx| {
            sqlx::query(
                "UPDATE recordings SET redaction_status = 'processing', detail = NULL, updated_at = $3
                 WHERE tenant = $1 AND id = $2",
            )
            .bind(tenant.as_str())
            .bind(id)
            .bind(now())
            .execute(&mut *tx)
            .await?;
            settle_calls_of!(tx, id);
        });
        Ok(())
    }

    /// Why a redaction waits, for whoever looks at the call meanwhile. One that has ended keeps what
    /// it says: its message may come again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_redaction(&self, tenant: &TenantId, id: &str, detail: &str) -> Result<()> {
        write_tx!(self, |tx| {
            sqlx::query(
                "UPDATE recordings SET detail = $3, updated_at = $4
                 WHERE tenant = $1 AND id = $2 AND redaction_status IN ('pending', 'processing')",
            )
            .bind(tenant.as_str())
            .bind(id)
            .bind(detail)
            .bind(now())
            .execute(&mut *tx)
            .await?;
            settle_calls_of!(tx, id);
        });
        Ok(())
    }

    /// Keeps what is about to be done; durable on return.
    ///
    /// # Errors
    /// When the database fails: the file must then not be touched.
    pub async fn save_intent(&self, tenant: &TenantId, id: &str, intent: &Intent) -> Result<()> {
        write_tx!(self, |tx| {
            sqlx::query(concat!(
                "UPDATE recordings SET intent = $3, original_sha256 = ",
                first_original!("$5"),
                ", updated_at = $4 WHERE tenant = $1 AND id = $2"
            ))
            .bind(tenant.as_str())
            .bind(id)
            .bind(Json(intent))
            .bind(now())
            .bind(&intent.original_sha256)
            .execute(&mut *tx)
            .await?;
            let detail = serde_json::json!({
                "original_sha256": intent.original_sha256,
                "redacted_sha256": intent.redacted_sha256,
                "byte_ranges": intent.byte_ranges,
                "ruleset": intent.ruleset,
            });
            audit!(tx, tenant.as_str(), "intent", id, detail);
        });
        Ok(())
    }

    /// The redaction ended: segments, transcript, status and audit in one
    /// transaction. Only a transcript that was sanitized has this type.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_redaction(&self, key: &CallKey, ended: &Ended) -> Result<()> {
        let done = &ended.redacted;
        let redacted = done.status == RedactionOutcome::Completed;
        write_tx!(self, |tx| {
            sqlx::query(concat!(
                "UPDATE recordings SET path = $3, format = $4, size_bytes = $5, duration_s = $6,
                   redaction_status = $7, redacted = $8, redacted_segments = $9, redacted_at = $10,
                   transcript = $11, peaks = $12, ruleset = $13, redacted_sha256 = $15, intent = NULL,
                   detail = $16, muted_s = $17, elapsed_ms = $18, updated_at = $19, mtime_s = $20,
                   original_sha256 = ",
                first_original!("$14"),
                " WHERE tenant = $1 AND id = $2"
            ))
            .bind(key.tenant.as_str())
            .bind(&done.recording_id)
            .bind(&done.path)
            .bind(&ended.format)
            .bind(ended.size_bytes)
            .bind(done.duration_s)
            .bind(done.status.as_str())
            .bind(redacted)
            .bind(Json(&done.segments))
            .bind(redacted.then(now))
            .bind(ended.transcript.as_ref().map(Json))
            .bind(Json(&ended.peaks))
            .bind(&done.ruleset)
            .bind(&done.sha256_before)
            .bind(&done.sha256_after)
            .bind(&done.detail)
            .bind(done.muted_s)
            .bind(done.elapsed_ms)
            .bind(now())
            .bind(ended.mtime_s)
            .execute(&mut *tx)
            .await?;
            let detail = serde_json::json!({
                "status": done.status,
                "segments": done.segments,
                "sha256_before": done.sha256_before,
                "sha256_after": done.sha256_after,
                "ruleset": done.ruleset,
            });
            audit!(tx, key.tenant.as_str(), "redaction", &done.recording_id, detail);
            settle_calls_of!(tx, &done.recording_id);
        });
        Ok(())
    }

    /// The redaction was given up: visible, with a sentence. An intent stays,
    /// so that a later try still finishes a half-written mute.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fail_redaction(&self, key: &CallKey, id: &str, detail: &str) -> Result<()> {
        write_tx!(self, |tx| {
            sqlx::query(
                "UPDATE recordings SET redaction_status = 'failed', detail = $3, updated_at = $4
                 WHERE tenant = $1 AND id = $2",
            )
            .bind(key.tenant.as_str())
            .bind(id)
            .bind(detail)
            .bind(now())
            .execute(&mut *tx)
            .await?;
            audit!(tx, key.tenant.as_str(), "failure", id, serde_json::json!({ "detail": detail }));
            settle_calls_of!(tx, id);
        });
        Ok(())
    }
}
