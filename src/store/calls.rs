//! Calls as people see them, and the one place where a call's status is decided.

use super::legs::{Leg, insert_leg};
use super::recordings::RecordingState;
use super::{Result, Store, now, read, write_tx};
use crate::call::{Call, CallKey, CdrRow, Disposition, Segment, TenantId};
use crate::message::Analysed;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::types::Json;

/// A row of `calls`.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct CallRow {
    pub id: String,
    #[serde(skip)]
    pub tenant: String,
    pub pbx: String,
    pub source: String,
    pub linkedid: String,
    pub started_at: DateTime<Utc>,
    pub duration_s: i64,
    pub direction: String,
    pub disposition: String,
    pub from_number: String,
    pub to_number: String,
    pub extension: Option<String>,
    /// pending, processing, completed, unanswered, failed.
    pub status: String,
    pub detail: Option<String>,
    pub summary: Option<String>,
    pub sentiment: Option<String>,
    pub booking: Option<String>,
    /// pending, processing, not_needed, completed, dry_run, failed.
    pub redaction_status: String,
    pub redacted: bool,
    #[schema(value_type = Vec<Object>)]
    pub redacted_segments: Json<Vec<Segment>>,
    pub redacted_at: Option<DateTime<Utc>>,
    /// Retention does not touch its recordings.
    pub legal_hold: bool,
    pub updated_at: DateTime<Utc>,
}

/// The columns of [`CallRow`].
macro_rules! call_columns {
    () => {
        "id, tenant, pbx, source, linkedid, started_at, duration_s, direction, disposition, \
         from_number, to_number, extension, status, detail, summary, sentiment, booking, \
         redaction_status, redacted, redacted_segments, redacted_at, legal_hold, updated_at"
    };
}

/// A recording that a call names, on its way to `recordings`.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedRecording {
    pub id: String,
    pub recordingfile: String,
    /// Below the base path; `None` with the reason when it must not be opened.
    pub path: std::result::Result<String, String>,
}

/// Where a page of calls begins: the last call of the page before.
#[derive(Clone, Debug, PartialEq)]
pub struct PageCursor {
    pub started_at: DateTime<Utc>,
    pub id: String,
}

/// A call's status over its recordings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CallStatus {
    pub status: &'static str,
    pub redaction: &'static str,
    pub detail: Option<String>,
    pub summary: Option<&'static str>,
}

/// The truth table of a call's status.
///
/// | recordings | answered | unanswered |
/// |---|---|---|
/// | none | completed / not_needed | unanswered / not_needed |
/// | any failed | failed / failed | failed / failed |
/// | any pending or processing | that | that |
/// | any found by a dry run | completed / dry_run | unanswered / dry_run |
/// | all ended | completed | unanswered |
pub(crate) fn status_of(disposition: &str, recordings: &[RecordingState]) -> CallStatus {
    let answered = disposition == Disposition::Answered.as_str();
    let any = |s: &str| recordings.iter().find(|r| r.redaction_status == s);
    let waits = recordings.iter().find_map(|r| r.detail.clone());
    let summary = (!answered).then_some("Unanswered call");
    let ended = if answered { "completed" } else { "unanswered" };
    let (status, redaction, detail) = if let Some(failed) = any("failed") {
        ("failed", "failed", failed.detail.clone())
    } else if any("processing").is_some() {
        ("processing", "processing", waits)
    } else if any("pending").is_some() {
        ("pending", "pending", waits)
    } else if any("dry_run").is_some() {
        (ended, "dry_run", waits)
    } else if any("completed").is_some() {
        (ended, "completed", waits)
    } else {
        (ended, "not_needed", waits)
    };
    CallStatus { status, redaction, detail, summary }
}

/// Decides a call's status from its recordings, inside a transaction. The row
/// is locked first, so that two stages that end at once see each other.
macro_rules! settle_call {
    ($tx:expr, $call_id:expr) => {{
        let call_id: &str = $call_id;
        let disposition: String =
            sqlx::query_scalar("UPDATE calls SET status = status WHERE id = $1 RETURNING disposition")
                .bind(call_id)
                .fetch_one(&mut *$tx)
                .await?;
        let states: Vec<$crate::store::recordings::RecordingState> = sqlx::query_as(
            "SELECT r.redaction_status, r.redacted, r.redacted_segments, r.redacted_at, r.detail
             FROM recordings r JOIN call_recordings c ON c.recording_id = r.id
             WHERE c.call_id = $1 ORDER BY r.id",
        )
        .bind(call_id)
        .fetch_all(&mut *$tx)
        .await?;
        let settled = $crate::store::calls::status_of(&disposition, &states);
        let segments: Vec<$crate::call::Segment> =
            states.iter().flat_map(|s| s.redacted_segments.0.clone()).collect();
        sqlx::query(
            "UPDATE calls SET status = $2, redaction_status = $3, detail = $4,
               summary = COALESCE(CAST($5 AS TEXT), CASE WHEN summary = 'Unanswered call' THEN NULL ELSE summary END),
               redacted = $6, redacted_segments = $7, redacted_at = $8, updated_at = $9
             WHERE id = $1",
        )
        .bind(call_id)
        .bind(settled.status)
        .bind(settled.redaction)
        .bind(settled.detail)
        .bind(settled.summary)
        .bind(states.iter().any(|s| s.redacted))
        .bind(sqlx::types::Json(segments))
        .bind(states.iter().filter_map(|s| s.redacted_at).max())
        .bind($crate::store::now())
        .execute(&mut *$tx)
        .await?;
    }};
}

pub(crate) use settle_call;

/// Keeps a call and its recordings inside a transaction; those that were not yet sent to the bus.
macro_rules! insert_call {
    ($tx:expr, $key:expr, $source:expr, $call:expr, $recordings:expr) => {{
        let id = $key.call_id();
        let mut unpublished: Vec<NamedRecording> = Vec::new();
        sqlx::query(
            "INSERT INTO calls (id, tenant, pbx, source, linkedid, started_at, duration_s, direction,
               disposition, from_number, to_number, extension, status, redaction_status, redacted,
               redacted_segments, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'pending', 'pending', $13, $14, $15)
             ON CONFLICT (id) DO UPDATE SET started_at = excluded.started_at,
               duration_s = excluded.duration_s, direction = excluded.direction,
               disposition = excluded.disposition, from_number = excluded.from_number,
               to_number = excluded.to_number, extension = excluded.extension",
        )
        .bind(&id)
        .bind($key.tenant.as_str())
        .bind($key.pbx.as_str())
        .bind($source)
        .bind(&$key.linkedid)
        .bind($call.started_at.unwrap_or_default())
        .bind($call.duration_s)
        .bind($call.direction.as_str())
        .bind($call.disposition.as_str())
        .bind(&$call.from)
        .bind(&$call.to)
        .bind(&$call.extension)
        .bind(false)
        .bind(sqlx::types::Json(Vec::<$crate::call::Segment>::new()))
        .bind($crate::store::now())
        .execute(&mut *$tx)
        .await?;
        for recording in $recordings {
            let published: bool = sqlx::query_scalar(
                "INSERT INTO recordings (id, tenant, pbx, recordingfile, path, published, redaction_status,
                   redacted, redacted_segments, detail, muted_s, elapsed_ms, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0.0, 0, $11) ON CONFLICT (id) DO UPDATE SET id = excluded.id
                 RETURNING published",
            )
            .bind(&recording.id)
            .bind($key.tenant.as_str())
            .bind($key.pbx.as_str())
            .bind(&recording.recordingfile)
            .bind(recording.path.as_ref().ok())
            .bind(false)
            .bind(if recording.path.is_ok() { "pending" } else { "failed" })
            .bind(false)
            .bind(sqlx::types::Json(Vec::<$crate::call::Segment>::new()))
            .bind(recording.path.as_ref().err())
            .bind($crate::store::now())
            .fetch_one(&mut *$tx)
            .await?;
            sqlx::query(
                "INSERT INTO call_recordings (call_id, recording_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            )
            .bind(&id)
            .bind(&recording.id)
            .execute(&mut *$tx)
            .await?;
            if !published && recording.path.is_ok() {
                unpublished.push(recording.clone());
            }
        }
        settle_call!($tx, &id);
        unpublished
    }};
}

impl Store {
    /// Keeps a call as its legs tell it, with every recording it names, and
    /// answers with the recordings that were not yet sent to the bus.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_call(
        &self,
        key: &CallKey,
        source: &str,
        call: &Call,
        recordings: &[NamedRecording],
    ) -> Result<Vec<NamedRecording>> {
        Ok(write_tx!(self, |tx| insert_call!(tx, key, source, call, recordings)))
    }

    /// Keeps a leg, as [`Store::save_leg`], and the call that `assemble` makes
    /// of its legs, as [`Store::save_call`], in one transaction.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn register(
        &self,
        key: &CallKey,
        source: &str,
        leg: Leg<'_>,
        assemble: impl Fn(&[CdrRow]) -> (Call, Vec<NamedRecording>),
    ) -> Result<Vec<NamedRecording>> {
        Ok(write_tx!(self, |tx| {
            let legs = insert_leg!(tx, key, leg);
            let (call, recordings) = assemble(&legs);
            insert_call!(tx, key, source, call, &recordings)
        }))
    }

    /// One call of a tenant.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn call(&self, tenant: &TenantId, id: &str) -> Result<Option<CallRow>> {
        Ok(read!(self, |pool| {
            sqlx::query_as(concat!("SELECT ", call_columns!(), " FROM calls WHERE tenant = $1 AND id = $2"))
                .bind(tenant.as_str())
                .bind(id)
                .fetch_optional(pool)
                .await?
        }))
    }

    /// A page of calls, newest first, after `cursor`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn calls(
        &self,
        tenant: &TenantId,
        cursor: Option<&PageCursor>,
        limit: i64,
    ) -> Result<Vec<CallRow>> {
        let (at, id) = cursor.map_or((None, None), |c| (Some(c.started_at), Some(c.id.as_str())));
        Ok(read!(self, |pool| {
            sqlx::query_as(concat!(
                "SELECT ",
                call_columns!(),
                " FROM calls WHERE tenant = $1
                 AND (CAST($3 AS TEXT) IS NULL OR started_at < $2 OR (started_at = $2 AND id < $3))
                 ORDER BY started_at DESC, id DESC LIMIT $4"
            ))
            .bind(tenant.as_str())
            .bind(at)
            .bind(id)
            .bind(limit)
            .fetch_all(pool)
            .await?
        }))
    }

    /// Calls changed at or after `since`, oldest change first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn calls_changed_since(
        &self,
        tenant: &TenantId,
        since: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<CallRow>> {
        Ok(read!(self, |pool| {
            sqlx::query_as(concat!(
                "SELECT ",
                call_columns!(),
                " FROM calls WHERE tenant = $1 AND updated_at >= $2
                 ORDER BY updated_at, id LIMIT $3"
            ))
            .bind(tenant.as_str())
            .bind(since)
            .bind(limit)
            .fetch_all(pool)
            .await?
        }))
    }

    /// What an analysis said of a call. An unanswered call keeps its summary.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_analysis(&self, analysed: &Analysed) -> Result<()> {
        write_tx!(self, |tx| {
            sqlx::query(
                "UPDATE calls SET summary = $3, sentiment = $4, booking = $5, updated_at = $6
                 WHERE tenant = $1 AND id = $2 AND disposition = 'answered'",
            )
            .bind(analysed.call.tenant.as_str())
            .bind(analysed.call.call_id())
            .bind(&analysed.summary)
            .bind(analysed.sentiment.as_str())
            .bind(analysed.booking.as_str())
            .bind(now())
            .execute(&mut *tx)
            .await?;
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(status: &str) -> RecordingState {
        RecordingState {
            redaction_status: status.to_owned(),
            redacted: false,
            redacted_segments: Json(Vec::new()),
            redacted_at: None,
            detail: Some(format!("{status}!")),
        }
    }

    #[test]
    fn a_calls_status_follows_its_recordings() {
        for (disposition, recordings, status, redaction) in [
            ("answered", vec![], "completed", "not_needed"),
            ("busy", vec![], "unanswered", "not_needed"),
            ("answered", vec!["pending"], "pending", "pending"),
            ("answered", vec!["completed", "processing"], "processing", "processing"),
            ("answered", vec!["completed", "failed", "pending"], "failed", "failed"),
            ("answered", vec!["not_needed", "completed"], "completed", "completed"),
            ("no_answer", vec!["not_needed"], "unanswered", "not_needed"),
            ("answered", vec!["completed", "dry_run"], "completed", "dry_run"),
            ("no_answer", vec!["failed"], "failed", "failed"),
        ] {
            let states: Vec<RecordingState> = recordings.iter().map(|r| recording(r)).collect();
            let got = status_of(disposition, &states);
            assert_eq!((got.status, got.redaction), (status, redaction), "{disposition} {recordings:?}");
        }
    }
}
