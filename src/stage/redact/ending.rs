//! How a redaction ends: what the store keeps and what the topic is told.

use super::{Fault, Job, Redact};
use crate::message::{Payload, RecordingReady, Redacted, RedactionOutcome};
use crate::recordings::RecordingsError;
use crate::store::recordings::{Ended, Intent};
use std::time::Duration;

impl Redact {
    /// Steps 9 and 10.
    pub(super) async fn end(
        &self,
        job: &Job<'_>,
        status: RedactionOutcome,
        detail: Option<&str>,
        intent: Option<&Intent>,
    ) -> Result<(), Fault> {
        let mut redacted = self.outcome(job.input, job.path.to_string(), status, detail.map(str::to_owned));
        redacted.elapsed_ms = i64::try_from(job.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        let size_bytes = job.seen.and_then(|seen| i64::try_from(seen.len).ok());
        let mtime_s = job.seen.map(|seen| seen.mtime_s);
        let mut ended =
            Ended { redacted, transcript: None, peaks: Vec::new(), format: None, size_bytes, mtime_s };
        // Of a file without audio, its bytes are all that is known.
        ended.redacted.sha256_after = job.content.clone();
        if let Some(intent) = intent {
            let done = &mut ended.redacted;
            done.duration_s = intent.duration_s;
            done.sha256_before = job.first_original().or_else(|| Some(intent.original_sha256.clone()));
            // The file of a dry run is not the one that was planned.
            done.sha256_after = (status != RedactionOutcome::DryRun).then(|| intent.redacted_sha256.clone());
            done.ruleset = intent.ruleset.clone();
            if matches!(status, RedactionOutcome::Completed | RedactionOutcome::DryRun) {
                done.segments = intent.segments.clone();
                done.muted_s = intent.muted_s;
            }
            ended.transcript = intent.transcript.clone();
            ended.peaks = intent.peaks.clone();
            ended.format = Some(intent.format.clone());
            // The file of a dry run is as long as it was.
            if status != RedactionOutcome::DryRun {
                ended.size_bytes = i64::try_from(intent.size_bytes).ok();
            }
            ended.mtime_s = Some(intent.mtime_s);
        }
        self.store.end_redaction(&job.input.call, &ended).await?;
        self.count(&ended.redacted, job.started.elapsed());
        self.topics.publish(&ended.redacted, &[]).await?;
        Ok(())
    }

    /// An old call's recording is gone. That is an end like any other: no dead letter, nothing to try again.
    pub(super) async fn missing(&self, job: &Job<'_>) -> Result<(), Fault> {
        let detail = RecordingsError::NotFound.to_string();
        self.store.fail_redaction(&job.input.call, &job.input.recording_id, &detail).await?;
        self.metrics.redactions.with_label_values(&[RedactionOutcome::Failed.as_str()]).inc();
        let (path, status) = (job.path.to_string(), RedactionOutcome::Failed);
        self.topics.publish(&self.outcome(job.input, path, status, Some(detail)), &[]).await?;
        Ok(())
    }

    fn count(&self, done: &Redacted, elapsed: Duration) {
        let m = &self.metrics;
        m.redactions.with_label_values(&[done.status.as_str()]).inc();
        m.audio_seconds.inc_by(done.duration_s);
        m.audio_wall_seconds.inc_by(elapsed.as_secs_f64());
        m.muted_seconds.inc_by(done.muted_s);
        for s in &done.segments {
            m.spans.with_label_values(&[s.reason.as_str(), s.detector.as_str()]).inc();
        }
    }

    /// The store has the outcome already: only the message may be missing.
    pub(super) async fn publish_again(&self, job: &Job<'_>) -> Result<(), Fault> {
        let row = &job.row;
        let status = match (row.redaction_status.as_str(), row.redacted) {
            ("restored", _) => RedactionOutcome::Restored,
            (_, true) => RedactionOutcome::Completed,
            (_, false) => RedactionOutcome::NotNeeded,
        };
        let mut done = self.outcome(job.input, job.path.to_string(), status, row.detail.clone());
        done.segments = row.redacted_segments.0.clone();
        done.muted_s = row.muted_s;
        done.duration_s = row.duration_s.unwrap_or(0.0);
        done.sha256_before = row.original_sha256.clone();
        done.sha256_after = match status {
            RedactionOutcome::Restored => row.restored_sha256.clone().or(row.original_sha256.clone()),
            _ => row.redacted_sha256.clone(),
        };
        done.elapsed_ms = row.elapsed_ms;
        self.topics.publish(&done, &[]).await?;
        Ok(())
    }

    pub(super) fn outcome(
        &self,
        input: &RecordingReady,
        path: String,
        status: RedactionOutcome,
        detail: Option<String>,
    ) -> Redacted {
        Redacted {
            call: input.call().clone(),
            recording_id: input.recording_id.clone(),
            path,
            status,
            detail,
            segments: Vec::new(),
            muted_s: 0.0,
            duration_s: 0.0,
            sha256_before: None,
            sha256_after: None,
            ruleset: self.rules.of(&input.call.tenant).version(),
            elapsed_ms: 0,
        }
    }
}
