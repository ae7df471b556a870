//! A call's other recordings: the same speech may be in two files (queue and
//! agent, a blind transfer, on demand), and a question in one is answered in
//! the next. Every recording is redacted with what all of them tell.

use super::place::found;
use super::plan::{Beside, Findings};
use super::{Fault, Job, Redact, plan};
use crate::call::{RawTranscript, RecordingPath};
use crate::message::{RecordingReady, Why};
use crate::stage::pbx::Pbx;
use crate::store::recordings::RecordingRow;
use std::sync::Arc;

/// Another recording of the call, and what was heard in it.
pub(super) struct Sibling {
    row: RecordingRow,
    /// It comes before this one in the call.
    is_before: bool,
    words: Option<Arc<RawTranscript>>,
}

/// All of them, in the order of the call.
#[derive(Default)]
pub(super) struct Siblings(Vec<Sibling>);

impl Siblings {
    /// What was heard in them.
    pub fn words(&self) -> Beside {
        let of = |before: bool| self.0.iter().filter(move |s| s.is_before == before);
        Beside {
            before: of(true).filter_map(|s| s.words.clone()).collect(),
            after: of(false).filter_map(|s| s.words.clone()).collect(),
        }
    }

    /// The same as `sibling` sees it, with this recording's `own` words among the others.
    fn words_beside(&self, sibling: usize, own: &Arc<RawTranscript>) -> Beside {
        let own_at = self.0.iter().take_while(|s| s.is_before).count();
        let words = |range: std::ops::Range<usize>| self.0[range].iter().filter_map(|s| s.words.clone());
        let mut beside =
            Beside { before: words(0..sibling).collect(), after: words(sibling + 1..self.0.len()).collect() };
        // Own words stand between those of the recordings before and after it.
        if sibling < own_at {
            let between = words(sibling + 1..own_at).count();
            beside.after.insert(between, own.clone());
        } else {
            let before = words(0..own_at).count();
            beside.before.insert(before, own.clone());
        }
        beside
    }
}

/// When a recording began, by its name, and its id where that tells nothing.
fn order(row: &RecordingRow) -> (Option<chrono::NaiveDateTime>, &str) {
    let name = row.recordingfile.rsplit('/').next().unwrap_or_default();
    (RecordingPath::named(name).map(|n| n.at), &row.id)
}

impl Redact {
    /// The call's other recordings, each heard once. One that cannot be heard
    /// yet is left out: this one's words are known when its turn comes.
    pub(super) async fn beside(&self, job: &Job<'_>) -> Result<Siblings, Fault> {
        if job.pbx.speech.is_none() {
            return Ok(Siblings::default());
        }
        let call = &job.input.call;
        let mut rows = self.store.recordings_of(&call.tenant, &call.call_id()).await?;
        rows.retain(|r| r.id != job.row.id && r.path.is_some() && r.deleted_at.is_none());
        rows.sort_by(|a, b| order(a).cmp(&order(b)));
        let mut siblings = Vec::with_capacity(rows.len());
        for row in rows {
            let words = self.heard_in(job, &row).await?;
            siblings.push(Sibling { is_before: order(&row) < order(&job.row), row, words });
        }
        Ok(Siblings(siblings))
    }

    /// One that is yet to be redacted is heard now; one that is redacted tells what is remembered of it,
    /// or, after an hour or a restart, what is left of it in the store.
    async fn heard_in(&self, job: &Job<'_>, row: &RecordingRow) -> Result<Option<Arc<RawTranscript>>, Fault> {
        if let Some((words, _)) = self.call_words.of(&row.id) {
            return Ok(Some(words));
        }
        if !self.is_to_be_heard(job.pbx, row) {
            return Ok(row.transcript.as_ref().map(|t| Arc::new(t.0.as_heard())));
        }
        match self.hear_sibling(job, row).await {
            Ok(words) => Ok(words),
            Err(Fault::Recordings(error)) if error.is_outage() => Err(error.into()),
            Err(Fault::Speech(error)) if error.is_outage() => Err(error.into()),
            Err(fault @ (Fault::Store(_) | Fault::Bus(_) | Fault::Worker)) => Err(fault),
            Err(fault) => {
                tracing::debug!(call = %job.input.call.message_key(), %fault, "another recording is not heard yet");
                Ok(None)
            }
        }
    }

    /// It is yet to be redacted, and nothing is remembered of it.
    pub(super) fn is_to_be_heard(&self, pbx: &Pbx, row: &RecordingRow) -> bool {
        pbx.speech.is_some()
            && row.path.is_some()
            && row.intent.is_none()
            && matches!(row.redaction_status.as_str(), "pending" | "processing")
            && self.call_words.of(&row.id).is_none()
    }

    async fn hear_sibling(
        &self,
        job: &Job<'_>,
        row: &RecordingRow,
    ) -> Result<Option<Arc<RawTranscript>>, Fault> {
        let (path, stat) = found(job.pbx, &job.input.call.linkedid, row).await?;
        self.check_age(&row.id, stat, self.settle)?;
        let sibling = Job::of(job.input, job.pbx, row.clone(), path);
        let bytes = Arc::new(self.fetch(&sibling, stat).await?);
        let heard = self.hear(&sibling, &bytes).await?;
        self.words(&sibling, &heard, &bytes).await
    }

    /// Remembers what is secret here, and sends again what ended before this
    /// recording's words were known, where they tell more of it.
    pub(super) async fn tell_siblings(
        &self,
        job: &Job<'_>,
        words: Option<Arc<RawTranscript>>,
        findings: &Findings,
        siblings: &Siblings,
    ) -> Result<(), Fault> {
        let Some(words) = words else { return Ok(()) };
        self.call_words.found(&job.row.id, findings.secret_words.clone());
        let rules = self.rules.of(&job.input.call.tenant);
        for (n, sibling) in siblings.0.iter().enumerate() {
            let ended =
                matches!(sibling.row.redaction_status.as_str(), "completed" | "not_needed" | "dry_run");
            let tells_more = match (&sibling.words, self.call_words.of(&sibling.row.id)) {
                (Some(theirs), Some((_, Some(silent)))) => {
                    let found = plan::detections(theirs, &siblings.words_beside(n, &words), rules)?;
                    plan::covered(silent.len(), &found).iter().zip(&silent).any(|(now, then)| *now && !then)
                }
                // Nothing is remembered of it: it is heard again, once.
                _ => job.input.why == Why::New && findings.secret_words.contains(&true),
            };
            if ended && tells_more {
                self.send_again(job, &sibling.row).await?;
            }
        }
        Ok(())
    }

    async fn send_again(&self, job: &Job<'_>, row: &RecordingRow) -> Result<(), Fault> {
        let ready = RecordingReady {
            call: job.input.call.clone(),
            recording_id: row.id.clone(),
            recordingfile: row.recordingfile.clone(),
            why: Why::ReRedact,
        };
        self.topics.publish(&ready, &[]).await?;
        Ok(())
    }
}
