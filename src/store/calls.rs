//! Calls as people see them, and the one place where a call's status is decided.

use super::recordings::{RecordingState, StateOfCall};
use super::{Result, Store, now, read, write_tx};
use crate::call::{Disposition, Segment, TenantId};
use crate::message::Analysed;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::types::Json;
use std::collections::HashMap;

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
    /// pending, processing, not_needed, completed, dry_run, restored, failed.
    pub redaction_status: String,
    /// Every recording has ended, and in one at least something was silenced.
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
/// | any with its original put back | completed / restored | unanswered / restored |
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
    } else if any("restored").is_some() {
        (ended, "restored", waits)
    } else if any("completed").is_some() {
        (ended, "completed", waits)
    } else {
        (ended, "not_needed", waits)
    };
    CallStatus { status, redaction, detail, summary }
}

/// What a call's row is to say.
#[derive(Clone, Debug)]
pub(crate) struct Settled {
    pub call_id: String,
    pub status: CallStatus,
    pub redacted: bool,
    pub segments: Vec<Segment>,
    pub redacted_at: Option<DateTime<Utc>>,
}

/// Every call (id, disposition) as its recordings, by their ids, have it.
pub(crate) fn settled(calls: &[(&str, &str)], found: Vec<StateOfCall>) -> Vec<Settled> {
    let mut of_call: HashMap<String, Vec<RecordingState>> = HashMap::new();
    for StateOfCall { call_id, state } in found {
        of_call.entry(call_id).or_default().push(state);
    }
    let settle = |(id, disposition): &(&str, &str)| {
        let states = of_call.remove(*id).unwrap_or_default();
        let status = status_of(disposition, &states);
        // Half of a call's recordings are not the call's.
        let redacted = status.redaction == "completed";
        Settled {
            call_id: (*id).to_owned(),
            status,
            redacted,
            segments: states.iter().flat_map(|s| s.redacted_segments.0.clone()).collect(),
            redacted_at: states.iter().filter_map(|s| s.redacted_at).max().filter(|_| redacted),
        }
    };
    calls.iter().map(settle).collect()
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
        $crate::store::register::settle_calls!($tx, &[(call_id, disposition.as_str())]);
    }};
}

pub(crate) use settle_call;

impl Store {
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
            redacted_segments: Json(Vec::new()),
            redacted_at: Some(DateTime::UNIX_EPOCH),
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
            ("answered", vec!["completed", "restored"], "completed", "restored"),
            ("no_answer", vec!["failed"], "failed", "failed"),
        ] {
            let states: Vec<RecordingState> = recordings.iter().map(|r| recording(r)).collect();
            let got = status_of(disposition, &states);
            assert_eq!((got.status, got.redaction), (status, redaction), "{disposition} {recordings:?}");
        }
    }

    #[test]
    fn a_call_is_redacted_when_all_of_its_recordings_have_ended() {
        for (recordings, is_redacted) in [
            (vec!["completed", "processing"], false),
            (vec!["completed", "pending"], false),
            (vec!["completed", "failed"], false),
            (vec!["completed", "restored"], false),
            (vec!["not_needed"], false),
            (vec!["completed", "not_needed"], true),
        ] {
            let of = |status: &&str| StateOfCall { call_id: "1".to_owned(), state: recording(status) };
            let got = settled(&[("1", "answered")], recordings.iter().map(of).collect());
            assert_eq!(got[0].redacted, is_redacted, "{recordings:?}");
            assert_eq!(got[0].redacted_at.is_some(), is_redacted, "{recordings:?}");
        }
    }
}
