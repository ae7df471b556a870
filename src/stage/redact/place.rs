//! Where a recording's file is, and whether it is what it was.

use super::job::path_of;
use super::{Fault, Job, Redact};
use crate::call::RecordingPath;
use crate::call::cdr::epoch_of;
use crate::recordings::{RecordingsError, Stat};
use crate::stage::pbx::Pbx;
use crate::store::recordings::RecordingRow;
use chrono::{TimeDelta, Utc};
use futures::future::join_all;

/// A file that is not there so long after its call began will not come: history is full of
/// recordings that somebody deleted, and none of them may hold up today's.
const LATE_FILES: TimeDelta = TimeDelta::days(1);

impl Redact {
    /// An outcome does not stand over a file that is not the one that was heard.
    pub(super) async fn note_change(&self, job: &mut Job<'_>, stat: Stat) -> Result<(), Fault> {
        let row = &mut job.row;
        let ended = matches!(row.redaction_status.as_str(), "completed" | "not_needed" | "dry_run");
        if ended && row.size_bytes.is_some() && row.size_bytes != i64::try_from(stat.len).ok() {
            self.store.note_changed(&job.input.call.tenant, &row.id).await?;
            row.redaction_status = "pending".to_owned();
        }
        Ok(())
    }

    /// The lease is on the file itself, where that lies elsewhere than its CDR says.
    async fn lease_there(&self, job: &mut Job<'_>) -> Result<(), Fault> {
        if job.lease.as_ref().is_some_and(|lease| lease.is_on(&job.path)) {
            return Ok(());
        }
        let there = self.lease(job.input, &job.path).await?;
        if let Some(before) = job.lease.replace(there) {
            before.end().await;
        }
        Ok(())
    }

    /// The file's size and time. A call that nobody answered may have no file.
    pub(super) async fn stat(&self, job: &mut Job<'_>) -> Result<Option<Stat>, Fault> {
        let call = &job.input.call;
        match found(job.pbx, &call.linkedid, &job.row).await {
            Ok((path, stat)) => {
                (job.path, job.seen) = (path, Some(stat));
                self.lease_there(job).await?;
                job.others =
                    self.store.others_at(&call.tenant, &call.pbx, job.path.as_str(), &job.row.id).await?;
                return Ok(Some(stat));
            }
            Err(RecordingsError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
        if matches!(job.row.redaction_status.as_str(), "completed" | "not_needed") {
            // Deleted since, by retention: its outcome stands.
            self.publish_again(job).await?;
            return Ok(None);
        }
        if job.row.deleted_at.is_some() {
            self.not_needed(job, "retention deleted the recording before it was redacted", None).await?;
            return Ok(None);
        }
        let call = self.store.call(&call.tenant, &call.call_id()).await?;
        if call.as_ref().is_some_and(|c| c.disposition != "answered") {
            self.not_needed(job, "nobody answered, and no recording was made", None).await?;
            return Ok(None);
        }
        if call.is_some_and(|c| Utc::now() - c.started_at > LATE_FILES) {
            self.missing(job).await?;
            return Ok(None);
        }
        Err(RecordingsError::NotFound.into())
    }
}

/// Where the file is: where its CDR says, or where such files lie elsewhere.
pub(super) async fn found(
    pbx: &Pbx,
    linkedid: &str,
    row: &RecordingRow,
) -> Result<(RecordingPath, Stat), RecordingsError> {
    let path = path_of(row)?;
    match pbx.recordings.stat(&path).await {
        Err(RecordingsError::NotFound) => {}
        stat => return Ok((path, stat?)),
    }
    let day = epoch_of(linkedid).map(|at| pbx.config.zone().day(at));
    let others = path.elsewhere(&row.recordingfile, day);
    // All at once: of history, most may be deleted, and a server may be far away.
    let stats = join_all(others.iter().map(|other| pbx.recordings.stat(other))).await;
    for (other, stat) in others.into_iter().zip(stats) {
        match stat {
            Ok(stat) => return Ok((other, stat)),
            Err(error) if error.is_outage() => return Err(error),
            // Not there, a folder, a link: not what is looked for.
            Err(_) => {}
        }
    }
    Err(RecordingsError::NotFound)
}
