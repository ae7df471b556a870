//! `register`: a CDR row becomes a leg, legs become a call, and every
//! recording that a call names is sent to `recordings` once.

use super::pbx::Pbxs;
use super::{bus_failed, store_failed};
use crate::bus::Topics;
use crate::bus::consumer::{Outcome, Stage};
use crate::call::{CallKey, CdrRow, RecordingPath, assemble};
use crate::message::{CdrChanged, RecordingReady, Why};
use crate::store::Store;
use crate::store::calls::NamedRecording;
use crate::store::legs::Leg;
use async_trait::async_trait;

/// The stage of topic `cdr`.
pub struct Register {
    pub topics: Topics,
    pub store: Store,
    pub pbxs: Pbxs,
}

#[async_trait]
impl Stage for Register {
    type Input = CdrChanged;

    fn name(&self) -> &'static str {
        "register"
    }

    async fn run(&self, input: &CdrChanged, _: u32) -> Outcome {
        let Some(pbx) = self.pbxs.of(&input.call) else {
            return Outcome::Reject { reason: "unknown_pbx" };
        };
        let base = pbx.config.base();
        let own = named(&input.call, std::slice::from_ref(&input.row.recordingfile), &base);
        let own = own.first().filter(|_| !input.row.recordingfile.is_empty()).map(|r| r.id.as_str());
        let leg = Leg { identity: &input.identity, row: &input.row, recording_id: own };
        let (zone, trunks) = (pbx.config.zone(), pbx.trunks.of(&pbx.config).await);
        let registered = self.store.register(&input.call, &input.source, leg, |legs| {
            let call = assemble(legs, &input.call.linkedid, &trunks, &zone);
            let recordings = named(&input.call, &call.recordingfiles, &base);
            (call, recordings)
        });
        let unsent = match registered.await {
            Ok(unsent) => unsent,
            Err(error) => return store_failed(&error),
        };
        for recording in unsent {
            if let Err(outcome) = self.send(&input.call, &recording).await {
                return outcome;
            }
        }
        Outcome::Done
    }

    /// A row that cannot be registered still makes its call visible, with its reason.
    async fn give_up(&self, input: &CdrChanged, reason: &str) -> bool {
        tracing::error!(call = %input.call.message_key(), reason, "a CDR row could not be registered");
        let rows: &[CdrRow] = std::slice::from_ref(&input.row);
        let call = assemble(rows, &input.call.linkedid, &[], &crate::call::Zone::UTC);
        let id = input.call.recording_id(&format!("cdr {}", input.identity));
        let failed = NamedRecording {
            id,
            recordingfile: input.row.recordingfile.clone(),
            path: Err(format!("the CDR row could not be registered: {reason}")),
        };
        let saved = self.store.save_call(&input.call, &input.source, &call, &[failed]).await;
        saved.is_ok() || reason.starts_with("store_refused")
    }
}

impl Register {
    /// Published before it is marked: a crash between sends it twice, never not at all.
    async fn send(&self, call: &CallKey, recording: &NamedRecording) -> Result<(), Outcome> {
        let ready = RecordingReady {
            call: call.clone(),
            recording_id: recording.id.clone(),
            recordingfile: recording.recordingfile.clone(),
            why: Why::New,
        };
        self.topics.publish(&ready, &[]).await.map_err(|e| bus_failed(&e))?;
        self.store.mark_published(&call.tenant, &recording.id).await.map_err(|e| store_failed(&e))
    }
}

/// The recordings of a call, each with its checked path or why it has none. Two
/// spellings of one path are one recording.
fn named(call: &CallKey, files: &[String], base: &str) -> Vec<NamedRecording> {
    let mut out: Vec<NamedRecording> = Vec::new();
    for file in files {
        let path = RecordingPath::from_recordingfile(file, base);
        let name = path.as_ref().map_or(file.as_str(), RecordingPath::as_str);
        let id = call.recording_id(name);
        if out.iter().all(|r| r.id != id) {
            let path = path.map(|p| p.to_string()).map_err(|e| e.to_string());
            out.push(NamedRecording { id, recordingfile: file.clone(), path });
        }
    }
    out
}
