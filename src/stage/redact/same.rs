//! A file that is what a redaction left: nothing is to be done but to say so,
//! for whoever names it.

use super::{Fault, Job, Redact};
use crate::message::{RedactionOutcome, Why};
use crate::store::recordings::{Ended, RecordingRow};

impl Redact {
    /// Says again what was done to these very bytes, where that is known: by this
    /// recording's own redaction, or by that of another spelling of its name.
    pub(super) async fn is_done(&self, job: &Job<'_>) -> Result<bool, Fault> {
        if job.input.why != Why::New {
            return Ok(false);
        }
        let left = |row: &RecordingRow| row.redacted_sha256.is_some() && row.redacted_sha256 == job.content;
        let ended = |row: &RecordingRow| matches!(row.redaction_status.as_str(), "completed" | "not_needed");
        let row = &job.row;
        if left(row) && (ended(row) || row.redaction_status == "pending") {
            self.confirm(job).await?;
            return self.publish_again(job).await.map(|()| true);
        }
        match job.others.iter().find(|other| left(other) && ended(other)) {
            Some(other) => self.end_as(job, other).await.map(|()| true),
            None => Ok(false),
        }
    }

    /// The file's length and time of now are those that stand from now on.
    async fn confirm(&self, job: &Job<'_>) -> Result<(), Fault> {
        let Some(seen) = job.seen else { return Ok(()) };
        let row = &job.row;
        let is_so = row.redaction_status != "pending"
            && row.size_bytes == i64::try_from(seen.len).ok()
            && row.mtime_s == Some(seen.mtime_s);
        if is_so {
            return Ok(());
        }
        let detail = match row.redaction_status.as_str() {
            // It says why it waited.
            "pending" => self.tones_only(job).map(str::to_owned),
            _ => row.detail.clone(),
        };
        let (tenant, id) = (&job.input.call.tenant, &row.id);
        Ok(self.store.confirm_redaction(tenant, id, seen, detail.as_deref()).await?)
    }

    /// Another recording's outcome is this one's: they are one file.
    async fn end_as(&self, job: &Job<'_>, other: &RecordingRow) -> Result<(), Fault> {
        let status = if other.redacted { RedactionOutcome::Completed } else { RedactionOutcome::NotNeeded };
        let mut redacted = self.outcome(job.input, job.path.to_string(), status, other.detail.clone());
        redacted.segments = other.redacted_segments.0.clone();
        redacted.muted_s = other.muted_s;
        redacted.duration_s = other.duration_s.unwrap_or(0.0);
        redacted.sha256_before = other.original_sha256.clone();
        redacted.sha256_after = other.redacted_sha256.clone();
        redacted.ruleset = other.ruleset.clone().unwrap_or_default();
        let ended = Ended {
            redacted,
            transcript: other.transcript.as_ref().map(|t| t.0.clone()),
            peaks: other.peaks.as_ref().map(|p| p.0.clone()).unwrap_or_default(),
            format: other.format.clone(),
            size_bytes: other.size_bytes,
            mtime_s: other.mtime_s,
        };
        self.store.end_redaction(&job.input.call, &ended).await?;
        Ok(self.topics.publish(&ended.redacted, &[]).await.map(drop)?)
    }
}
