//! `redact`: the order of effects, each step safe to crash after.
//!
//! 0. Take the lease on the file: one works on it at a time, over processes.
//! 1. Is it finished? If not, wait.
//! 2. Fetch it into memory; changed meanwhile: again. If it is our own output,
//!    publish that again, no more.
//! 3. Decode once, hear words and tones, find the secrets.
//! 4. Nothing found: `not_needed`.
//! 5. Plan the bytes to write and prove them in memory.
//! 6. Store the intent; a dry run ends here, with what it found as its outcome.
//! 7. Where it is switched on, seal the original to the operator's public keys.
//! 8. Write back, read back, restore the time (`recordings::write_back`).
//!    Delete FreePBX's copies for its player.
//! 9. One store transaction: segments, sanitized transcript, status, audit.
//! 10. Publish to `redactions`; then the offset may advance.
//!
//! A redelivery that finds an intent mutes from it, without asking an engine
//! about a half-muted recording.

mod admission;
mod call_words;
mod ending;
mod fault;
mod job;
mod lease;
mod place;
pub mod plan;
mod same;
mod seal;
mod siblings;
mod stillness;

use super::pbx::{Pbx, Pbxs};
use crate::bus::Topics;
use crate::bus::consumer::{Outcome, Stage};
use crate::call::RawTranscript;
use crate::config::pbx::WriteBack;
use crate::detect::{Ruleset, Rulesets};
use crate::message::{RecordingReady, RedactionOutcome};
use crate::metrics::Metrics;
use crate::recordings::write_back::{self, Which};
use crate::recordings::{RecordingsError, Stat, player_cache};
use crate::speech::{SpeechError, Utterance};
use crate::store::Store;
use crate::store::recordings::Intent;
use async_trait::async_trait;
pub use call_words::CallWords;
use fault::Fault;
use job::{Job, path_of};
use plan::{Beside, Findings, Heard, Plan, PlanError};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
pub use stillness::Looks;
use unsaid_dsp::Span;
use unsaid_dsp::container::{ContainerError, Hint, Lengths};

/// A header that promises other than the file holds is believed to be a
/// crash's, not a writer's, after this many times the settling time.
const OPEN_SETTLES: u32 = 5;

/// An empty file that is older will stay empty.
const EMPTY_FOR: Duration = Duration::from_secs(6 * 3_600);

/// The stage of topic `recordings`.
pub struct Redact {
    pub topics: Topics,
    pub store: Store,
    pub pbxs: Pbxs,
    pub rules: Rulesets,
    pub settle: Duration,
    /// Everything but the write.
    pub dry_run: bool,
    pub limit_bytes: u64,
    pub metrics: Arc<Metrics>,
    pub call_words: CallWords,
    pub looks: Looks,
}

#[async_trait]
impl Stage for Redact {
    type Input = RecordingReady;

    fn name(&self) -> &'static str {
        "redact"
    }

    async fn expected_bytes(&self, input: &RecordingReady) -> u64 {
        self.memory_of(input).await
    }

    async fn run(&self, input: &RecordingReady, attempts: u32) -> Outcome {
        let Some(pbx) = self.pbxs.of(&input.call) else {
            return Outcome::Reject { reason: "unknown_pbx" };
        };
        let _probe = match self.admit(input, pbx).await {
            Ok(probe) => probe,
            Err(outcome) => return outcome,
        };
        let result = self.redact(input, pbx, attempts).await;
        match &result {
            Err(Fault::Recordings(e)) if e.is_outage() => pbx.circuit.failed(e),
            // These say nothing of the PBX: it may not have been asked.
            Err(
                Fault::Store(_)
                | Fault::Bus(_)
                | Fault::Entities(_)
                | Fault::NotFinished { .. }
                | Fault::Busy
                | Fault::NoRow
                | Fault::Unsealed(_)
                | Fault::Worker,
            ) => {}
            _ => pbx.circuit.succeeded(),
        }
        match result {
            Ok(()) => Outcome::Done,
            Err(fault) => self.outcome_of(input, &fault).await,
        }
    }

    /// The call says that it failed and why; the file is whole.
    async fn give_up(&self, input: &RecordingReady, reason: &str) -> bool {
        let row = self.store.recording(&input.call.tenant, &input.recording_id).await;
        let Ok(row) = row else { return false };
        // What one says that ended before is not why this is given up.
        let waited = |status: &str| matches!(status, "pending" | "processing");
        let told = row.as_ref().filter(|r| waited(&r.redaction_status)).and_then(|r| r.detail.clone());
        let detail = told.unwrap_or_else(|| format!("given up: {reason}"));
        let saved = self.store.fail_redaction(&input.call, &input.recording_id, &detail).await;
        if let Err(error) = saved {
            tracing::warn!(%error, "a failure could not be stored");
            return false;
        }
        self.metrics.redactions.with_label_values(&[RedactionOutcome::Failed.as_str()]).inc();
        let path = row.and_then(|r| r.path).unwrap_or_default();
        let failed = self.outcome(input, path, RedactionOutcome::Failed, Some(detail));
        self.topics.publish(&failed, &[]).await.is_ok()
    }
}

impl Redact {
    async fn redact(&self, input: &RecordingReady, pbx: &Pbx, attempts: u32) -> Result<(), Fault> {
        let path = path_of(&self.row(input).await?)?;
        let lease = self.lease(input, &path).await?;
        // Another may have ended it while this one waited for its turn.
        let row = self.row(input).await?;
        let path = path_of(&row)?;
        let mut job = Job::of(input, pbx, row, path);
        job.lease = Some(lease);
        let result = self.redact_alone(&mut job, attempts).await;
        if let Some(lease) = job.lease {
            lease.end().await;
        }
        result
    }

    async fn redact_alone(&self, job: &mut Job<'_>, attempts: u32) -> Result<(), Fault> {
        if job.row.redaction_status == "restored" {
            self.metrics.redactions.with_label_values(&[RedactionOutcome::Restored.as_str()]).inc();
            return self.publish_again(job).await;
        }
        self.recover(job).await?;
        let Some(stat) = self.stat(job).await? else {
            return Ok(());
        };
        self.note_change(job, stat).await?;
        self.check_age(&job.row.id, stat, self.settle)?;
        let bytes = Arc::new(self.fetch(job, stat).await?);
        job.content = Some(plan::sha256(&bytes));
        if self.is_done(job).await? {
            return Ok(());
        }
        if attempts == 0 || job.row.redaction_status != "processing" {
            self.store.begin_redaction(&job.input.call.tenant, &job.row.id).await?;
        }
        if let Some(intent) = job.row.intent.clone()
            && self.finish_intent(job, &intent.0, stat, &bytes).await?
        {
            return Ok(());
        }
        self.hear_and_write(job, stat, bytes).await
    }

    /// Steps 3 to 10.
    async fn hear_and_write(&self, job: &Job<'_>, stat: Stat, bytes: Arc<Vec<u8>>) -> Result<(), Fault> {
        let beside = self.beside(job).await?;
        let heard = match self.hear(job, &bytes).await {
            Err(Fault::Plan(PlanError::Container(ContainerError::NoAudio))) => {
                return self.not_needed(job, "the recording has a header but no audio", None).await;
            }
            // The PBX made the file long ago, and never wrote to it.
            Err(Fault::Plan(PlanError::Container(ContainerError::Empty)))
                if self.check_age(&job.row.id, stat, EMPTY_FOR).is_ok() =>
            {
                return self.not_needed(job, "the recording is an empty file: it holds no audio", None).await;
            }
            heard => heard?,
        };
        if heard.layout.lengths != Lengths::Right {
            self.check_age(&job.row.id, stat, self.settle * OPEN_SETTLES)?;
        }
        let words = self.words(job, &heard, &bytes).await?;
        let rules = self.rules.of(&job.input.call.tenant).clone();
        let (heard, mut findings) = self.find(heard, words.clone(), beside.words(), rules).await?;
        self.tell_siblings(job, words, &findings, &beside).await?;
        for earlier in std::iter::once(&job.row).chain(&job.others) {
            if let Some(intent) = &earlier.intent {
                // The file grew under a half-written mute: what was to be silent stays so.
                findings.keep(&intent.0.segments, heard.duration_s);
            }
            // The file grew after it was redacted, or is heard again: what was silent stays told.
            findings.keep(&earlier.redacted_segments.0, heard.duration_s);
        }
        self.write(job, stat, bytes, &heard, findings).await
    }

    /// A crash between an intent and its outcome may have left files of ours.
    async fn recover(&self, job: &Job<'_>) -> Result<(), Fault> {
        let Some(intent) = &job.row.intent else { return Ok(()) };
        let (old, new) = (&intent.0.original_sha256, &intent.0.redacted_sha256);
        let which = |bytes: &[u8]| Which::by_sum(&plan::sha256(bytes), old, new);
        let recordings = job.pbx.recordings.as_ref();
        // A legacy name in the CDR may have been written back under its name on disk.
        for path in [Some(job.path.clone()), job.path.on_disk_twin()].into_iter().flatten() {
            write_back::recover(recordings, &path, &job.row.id, self.limit_bytes, which).await?;
        }
        Ok(())
    }

    async fn fetch(&self, job: &Job<'_>, before: Stat) -> Result<Vec<u8>, Fault> {
        let bytes = job.pbx.recordings.fetch(&job.path, self.limit_bytes).await?;
        let pbx = job.input.call.pbx.as_str();
        self.metrics.recording_bytes.with_label_values(&[pbx, "read"]).inc_by(bytes.len() as u64);
        let after = job.pbx.recordings.stat(&job.path).await?;
        if after != before || after.len != bytes.len() as u64 {
            return Err(RecordingsError::Changed.into());
        }
        Ok(bytes)
    }

    async fn hear(&self, job: &Job<'_>, bytes: &Arc<Vec<u8>>) -> Result<Heard, Fault> {
        let (name, bytes) = (job.path.file_name().to_owned(), bytes.clone());
        let with_speech = job.pbx.speech.is_some();
        let policy = self.rules.of(&job.input.call.tenant).tones;
        let channels = job.pbx.config.raw_channels;
        let work = tokio::task::spawn_blocking(move || {
            plan::hear(Hint { name: &name, channels }, &bytes, with_speech, policy)
        });
        Ok(work.await.map_err(|_| Fault::Worker)??)
    }

    /// What an engine hears, or has heard in these very bytes not long ago.
    async fn words(
        &self,
        job: &Job<'_>,
        heard: &Heard,
        bytes: &[u8],
    ) -> Result<Option<Arc<RawTranscript>>, Fault> {
        let Some(engine) = &job.pbx.speech else { return Ok(None) };
        let content = plan::sha256(bytes);
        if let Some(words) = self.call_words.of_content(&job.row.id, &content) {
            return Ok(Some(words));
        }
        let audio = Utterance {
            plane: &heard.speech,
            duration_s: heard.duration_s,
            tenant: &job.input.call.tenant,
            path: Some(&job.path),
        };
        let result = engine.transcribe(audio).await;
        let outcome = result.as_ref().map_or_else(SpeechError::kind, |_| "done");
        self.metrics.engine_requests.with_label_values(&[engine.name(), outcome]).inc();
        let words = result?;
        self.metrics.engine_seconds.with_label_values(&[engine.name()]).inc_by(words.decoded_s);
        self.metrics.engine_heard_seconds.with_label_values(&[engine.name()]).inc_by(heard.duration_s);
        if words.sent_s > 0.0 {
            let cost = words.sent_s / 60.0 * engine.price_per_minute();
            self.metrics.engine_audio_seconds.with_label_values(&[engine.name()]).inc_by(words.sent_s);
            self.metrics.engine_cost_dollars.with_label_values(&[engine.name()]).inc_by(cost);
        }
        Ok(Some(self.call_words.remember(&job.row.id, content, words)))
    }

    /// A long call and a model take a while: not on a thread that polls.
    async fn find(
        &self,
        heard: Heard,
        words: Option<Arc<RawTranscript>>,
        beside: Beside,
        rules: Arc<Ruleset>,
    ) -> Result<(Heard, Findings), Fault> {
        let work = tokio::task::spawn_blocking(move || {
            let findings = plan::find(&heard, words.as_deref(), &beside, &rules);
            (heard, findings)
        });
        let (heard, findings) = work.await.map_err(|_| Fault::Worker)?;
        Ok((heard, findings?))
    }

    /// Steps 4 to 10 for what was found.
    async fn write(
        &self,
        job: &Job<'_>,
        stat: Stat,
        bytes: Arc<Vec<u8>>,
        heard: &Heard,
        findings: Findings,
    ) -> Result<(), Fault> {
        let layout = heard.layout.clone();
        let spans = plan::spans_of(&findings.segments, &layout);
        let plan = {
            let (bytes, layout) = (bytes.clone(), layout.clone());
            let work = tokio::task::spawn_blocking(move || plan::plan(&bytes, &layout, spans));
            work.await.map_err(|_| Fault::Worker)??
        };
        let intent = Intent {
            original_sha256: plan.before_sha256.clone(),
            redacted_sha256: plan.after_sha256.clone(),
            size_bytes: plan.rewritten.as_ref().map_or(stat.len, |after| after.len() as u64),
            segments: findings.segments,
            spans: plan.spans.iter().map(|s| (s.start, s.end)).collect(),
            byte_ranges: plan.patches.iter().map(|p| (p.offset, p.bytes.len() as u64)).collect(),
            mtime_s: stat.mtime_s,
            ruleset: self.rules.of(&job.input.call.tenant).version(),
            transcript: findings.transcript,
            peaks: plan.peaks.clone(),
            format: format!("{}/{}", layout.container.name(), layout.codec.name()),
            duration_s: heard.duration_s,
            muted_s: plan.muted_s,
            note: findings.note.map(str::to_owned),
        };
        if plan.patches.is_empty() && plan.rewritten.is_none() {
            let detail = self.tones_only(job).or(findings.note);
            return match intent.spans.is_empty() {
                true => self.not_needed(job, detail, Some(&intent)).await,
                // All of it is silent already: an earlier pass did that, and it stays told.
                false if self.dry_run => self.dry(job, &intent).await,
                false => self.complete(job, stat, &intent).await,
            };
        }
        if self.dry_run {
            return self.dry(job, &intent).await;
        }
        job.still_mine().await?;
        if job.row.path.as_deref() != Some(job.path.as_str()) {
            let place = job.path.as_str();
            self.store.keep_place(&job.input.call.tenant, &job.row.id, place).await?;
        }
        self.store.save_intent(&job.input.call.tenant, &job.input.recording_id, &intent).await?;
        self.write_back(job, stat, &bytes, &plan, &intent).await
    }

    async fn dry(&self, job: &Job<'_>, intent: &Intent) -> Result<(), Fault> {
        let told = "a dry run: these spans would be silenced, and the file was not touched";
        self.end(job, RedactionOutcome::DryRun, Some(told), Some(intent)).await
    }

    /// Steps 7 and 8, by the way that the format allows and the settings ask for.
    async fn write_back(
        &self,
        job: &Job<'_>,
        seen: Stat,
        before: &[u8],
        plan: &Plan,
        intent: &Intent,
    ) -> Result<(), Fault> {
        self.seal_original(job, before, intent).await?;
        // Sealing and hearing take long enough to lose it in.
        job.still_mine().await?;
        let recordings = job.pbx.recordings.as_ref();
        let replaced = match &plan.rewritten {
            Some(after) => Some(Cow::Borrowed(after)),
            None => {
                (job.pbx.config.write_back == WriteBack::Replace).then(|| Cow::Owned(plan.applied(before)))
            }
        };
        let written = match replaced {
            Some(after) => {
                let limit_bytes = self.limit_bytes;
                let new =
                    write_back::Replacement { id: &job.row.id, seen, before, after: &after, limit_bytes };
                write_back::replace(recordings, &job.path, new).await?;
                after.len() as u64
            }
            None => {
                write_back::in_place(recordings, &job.path, seen, &plan.patches).await?;
                plan.patches.iter().map(|p| p.bytes.len() as u64).sum()
            }
        };
        let pbx = job.input.call.pbx.as_str();
        self.metrics.recording_bytes.with_label_values(&[pbx, "written"]).inc_by(written);
        self.call_words.written(&job.row.id, &intent.redacted_sha256);
        self.complete(job, seen, intent).await
    }

    /// The file is the redacted one. A crash after the last byte left it with today's time.
    async fn complete(&self, job: &Job<'_>, seen: Stat, intent: &Intent) -> Result<(), Fault> {
        if seen.mtime_s != intent.mtime_s {
            job.pbx.recordings.set_mtime(&job.path, intent.mtime_s).await?;
        }
        if let Some(cache) = &job.pbx.player_cache {
            player_cache::forget(cache.as_ref(), &job.path).await?;
        }
        if job.pbx.recordings.settle(&job.path).await? {
            self.store.note_original_gone(&job.input.call.tenant, &job.row.id).await?;
        }
        let detail = self.tones_only(job).or(intent.note.as_deref());
        self.end(job, RedactionOutcome::Completed, detail, Some(intent)).await
    }

    /// A crash came between intent and outcome. When the intended mute, applied
    /// to what is there now, gives the intended file, it is finished as
    /// intended; otherwise the file changed and is heard anew.
    async fn finish_intent(
        &self,
        job: &Job<'_>,
        intent: &Intent,
        stat: Stat,
        bytes: &Arc<Vec<u8>>,
    ) -> Result<bool, Fault> {
        if plan::sha256(bytes) == intent.redacted_sha256 {
            self.complete(job, stat, intent).await?;
            return Ok(true);
        }
        let before = bytes.clone();
        let (name, bytes) = (job.path.file_name().to_owned(), bytes.clone());
        let spans: Vec<Span> = intent.spans.iter().map(|&(a, b)| Span::new(a, b)).collect();
        let channels = job.pbx.config.raw_channels;
        let work = tokio::task::spawn_blocking(move || {
            let hint = Hint { name: &name, channels };
            let layout = unsaid_dsp::container::locate(hint, bytes.as_slice())?;
            plan::plan(&bytes, &layout, spans)
        });
        match work.await.map_err(|_| Fault::Worker)? {
            Ok(plan) if plan.after_sha256 == intent.redacted_sha256 => {
                self.write_back(job, stat, &before, &plan, intent).await?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn not_needed(
        &self,
        job: &Job<'_>,
        detail: impl Into<Option<&'static str>>,
        intent: Option<&Intent>,
    ) -> Result<(), Fault> {
        self.end(job, RedactionOutcome::NotNeeded, detail.into(), intent).await
    }

    /// Said where no engine listens: an auditor must not take it for a clean call.
    fn tones_only(&self, job: &Job<'_>) -> Option<&'static str> {
        job.pbx.speech.is_none().then_some("only keyed tones were looked for: no speech engine is configured")
    }
}
