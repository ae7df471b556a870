//! Whether a call may ask its PBX now, and how much memory its recording will
//! take. A server that has not answered since its last outage is tried by one
//! call; the others wait in `retries`, and say why.

use super::Redact;
use super::place::found;
use crate::bus::consumer::Outcome;
use crate::call::RecordingPath;
use crate::message::RecordingReady;
use crate::stage::pbx::{Pbx, Probe};
use crate::stage::store_failed;
use std::time::Duration;

/// A call whose PBX has yet to answer another comes again after this.
const UNPROVEN_WAIT: Duration = Duration::from_secs(2);

/// A file, what it decodes to at 32 bits, and the same at 16 kHz, in bytes.
fn decoded(path: &RecordingPath, len: u64) -> u64 {
    let factor = match path.as_str().rsplit('.').next() {
        Some("gsm" | "WAV" | "wav49") => 64,
        Some("ulaw" | "alaw" | "ul" | "al" | "pcm") => 18,
        _ => 12,
    };
    len.saturating_mul(factor)
}

impl Redact {
    /// What the recording, or another that is heard beside it, takes in bytes; 0
    /// where nothing can be asked.
    pub(super) async fn memory_of(&self, input: &RecordingReady) -> u64 {
        let Some(pbx) = self.pbxs.of(&input.call) else { return 0 };
        if pbx.circuit.open_for().is_some() {
            return 0;
        }
        let probe = pbx.circuit.probe();
        if probe.is_none() && !pbx.circuit.is_proven().await {
            return 0;
        }
        let Ok(Some(row)) = self.store.recording(&input.call.tenant, &input.recording_id).await else {
            return 0;
        };
        let found = found(pbx, &input.call.linkedid, &row).await;
        match &found {
            Err(error) if error.is_outage() => {
                let labels = [input.call.pbx.as_str(), error.kind()];
                self.metrics.recording_errors.with_label_values(&labels).inc();
                tracing::warn!(call = %input.call.message_key(), %error, "recording");
                pbx.circuit.failed(error);
            }
            _ => pbx.circuit.succeeded(),
        }
        let Ok((path, stat)) = found else { return 0 };
        // Others of the call are heard one after the other, while this one's file is held.
        let beside = self.most_beside(input, pbx).await.saturating_add(stat.len);
        decoded(&path, stat.len).max(beside)
    }

    /// The largest of the call's recordings that are heard beside this one.
    async fn most_beside(&self, input: &RecordingReady, pbx: &Pbx) -> u64 {
        let call = &input.call;
        let rows = self.store.recordings_of(&call.tenant, &call.call_id()).await.unwrap_or_default();
        let mut most = 0;
        for row in rows.iter().filter(|r| r.id != input.recording_id && self.is_to_be_heard(pbx, r)) {
            if let Ok((path, stat)) = found(pbx, &call.linkedid, row).await {
                most = most.max(decoded(&path, stat.len));
            }
        }
        most
    }

    /// Lets a call through, as the one that tries the server where that is needed.
    pub(super) async fn admit<'a>(
        &self,
        input: &RecordingReady,
        pbx: &'a Pbx,
    ) -> Result<Option<Probe<'a>>, Outcome> {
        if let Some(wait) = pbx.circuit.open_for() {
            return Err(self.put_off(input, pbx, wait, "circuit_open").await);
        }
        let probe = pbx.circuit.probe();
        if probe.is_none() && !pbx.circuit.is_proven().await {
            return Err(self.put_off(input, pbx, UNPROVEN_WAIT, "pbx_unproven").await);
        }
        Ok(probe)
    }

    /// The call says what its PBX's last outage was.
    async fn put_off(
        &self,
        input: &RecordingReady,
        pbx: &Pbx,
        wait: Duration,
        reason: &'static str,
    ) -> Outcome {
        if let Some(outage) = pbx.circuit.outage() {
            let noted = self.store.note_redaction(&input.call.tenant, &input.recording_id, &outage).await;
            if let Err(error) = noted {
                return store_failed(&error);
            }
        }
        Outcome::wait(wait, reason)
    }
}
