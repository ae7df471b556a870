//! `register`: a CDR row becomes a leg, legs become a call, and every
//! recording that a call names is sent to `recordings` once. Rows that come at
//! once are registered together.

mod gather;

use super::pbx::{Pbx, Pbxs};
use super::{bus_failed, store_failed};
use crate::bus::Topics;
use crate::bus::consumer::{Outcome, Stage};
use crate::call::cdr::epoch_of;
use crate::call::{Call, CallKey, CdrRow, PbxId, RecordingPath, TenantId, Zone, assemble};
use crate::message::{CdrChanged, RecordingReady, Why};
use crate::store::calls::NamedRecording;
use crate::store::register::{Registration, Unsent};
use crate::store::{Result, Store, StoreError};
use async_trait::async_trait;
use futures::{StreamExt, stream};
use gather::Gather;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Recordings on their way to the bus at once.
const PIPELINE: usize = 512;

/// The stage of topic `cdr`.
pub struct Register {
    work: Arc<Work>,
    /// Each PBX's own: one that answers slowly holds up no other's rows.
    gathers: HashMap<(TenantId, PbxId), Arc<Gather<CdrChanged, Outcome>>>,
}

struct Work {
    topics: Topics,
    store: Store,
    pbxs: Pbxs,
}

impl Register {
    pub fn new(topics: Topics, store: Store, pbxs: Pbxs) -> Register {
        let gathers = pbxs.iter().map(|p| ((p.config.tenant.clone(), p.config.id.clone()), Arc::default()));
        Register { gathers: gathers.collect(), work: Arc::new(Work { topics, store, pbxs }) }
    }
}

#[async_trait]
impl Stage for Register {
    type Input = CdrChanged;

    fn name(&self) -> &'static str {
        "register"
    }

    async fn run(&self, input: &CdrChanged, _: u32) -> Outcome {
        let id = (input.call.tenant.clone(), input.call.pbx.clone());
        let (Some(gather), Some(pbx)) = (self.gathers.get(&id), self.work.pbxs.of(&input.call)) else {
            return Outcome::Reject { reason: "unknown_pbx" };
        };
        let (work, pbx) = (self.work.clone(), pbx.clone());
        let registered = gather.with(input.clone(), |rows| async move { work.register(&rows, &pbx).await });
        registered.await.unwrap_or_else(|| Outcome::retry(Duration::ZERO, "batch_stopped"))
    }

    /// A row that cannot be registered still makes its call visible, with its reason.
    async fn give_up(&self, input: &CdrChanged, reason: &str) -> bool {
        tracing::error!(call = %input.call.message_key(), reason, "a CDR row could not be registered");
        let rows: &[CdrRow] = std::slice::from_ref(&input.row);
        let call = assemble(rows, &input.call.linkedid, &[], &Zone::UTC);
        let id = input.call.recording_id(&format!("cdr {}", input.identity));
        let failed = NamedRecording {
            id,
            recordingfile: input.row.recordingfile.clone(),
            path: Err(format!("the CDR row could not be registered: {reason}")),
        };
        let saved = self.work.store.save_call(&input.call, &input.source, &call, &[failed]).await;
        saved.is_ok() || reason.starts_with("store_refused")
    }
}

/// What a PBX's calls are assembled by.
struct Ways {
    base: String,
    zone: Zone,
    trunks: Arc<Vec<String>>,
}

impl Work {
    /// Every row's outcome, all of one PBX. What the store refuses of many is
    /// tried one by one, so that a row that it cannot hold costs no other.
    async fn register(&self, rows: &[CdrChanged], pbx: &Pbx) -> Vec<Outcome> {
        let (base, zone) = (pbx.config.base(), pbx.config.zone());
        let ways = Ways { base, zone, trunks: pbx.trunks.of(&pbx.config).await };
        match self.register_all(rows, &ways).await {
            Ok(outcomes) => outcomes,
            Err(StoreError::Refused(_)) if rows.len() > 1 => {
                let mut outcomes = Vec::new();
                for row in rows {
                    let one = self.register_all(std::slice::from_ref(row), &ways).await;
                    outcomes.extend(one.unwrap_or_else(|error| vec![store_failed(&error)]));
                }
                outcomes
            }
            Err(error) => vec![store_failed(&error); rows.len()],
        }
    }

    async fn register_all(&self, rows: &[CdrChanged], ways: &Ways) -> Result<Vec<Outcome>> {
        let registrations: Vec<Registration<'_>> = rows.iter().map(|row| registration(row, ways)).collect();
        let unsent = self.store.register(&registrations, |key, legs| assembled(key, legs, ways)).await?;
        let failed = self.send(unsent).await?;
        let outcome = |row: &CdrChanged| failed.get(&row.call).copied().unwrap_or(Outcome::Done);
        Ok(rows.iter().map(outcome).collect())
    }

    /// Published before they are marked: a crash between sends them twice, never
    /// not at all. The calls of which one could not be sent.
    async fn send(&self, unsent: Vec<Unsent>) -> Result<HashMap<CallKey, Outcome>> {
        let sends: Vec<_> = unsent.iter().map(|u| self.publish(u)).collect();
        let sent: Vec<_> = stream::iter(sends).buffered(PIPELINE).collect().await;
        let mut failed = HashMap::new();
        let mut marks: HashSet<(&TenantId, &str)> = HashSet::new();
        for (unsent, sent) in unsent.iter().zip(sent) {
            match sent {
                Ok(()) => drop(marks.insert((&unsent.call.tenant, unsent.recording.id.as_str()))),
                Err(outcome) => drop(failed.insert(unsent.call.clone(), outcome)),
            }
        }
        self.store.mark_published(&marks.into_iter().collect::<Vec<_>>()).await?;
        Ok(failed)
    }

    async fn publish(&self, unsent: &Unsent) -> std::result::Result<(), Outcome> {
        let ready = RecordingReady {
            call: unsent.call.clone(),
            recording_id: unsent.recording.id.clone(),
            recordingfile: unsent.recording.recordingfile.clone(),
            why: Why::New,
        };
        self.topics.publish(&ready, &[]).await.map(drop).map_err(|e| bus_failed(&e))
    }
}

fn registration<'a>(row: &'a CdrChanged, ways: &Ways) -> Registration<'a> {
    let file = std::slice::from_ref(&row.row.recordingfile);
    let own = named(&row.call, file, ways).into_iter().next();
    Registration {
        key: &row.call,
        source: &row.source,
        identity: &row.identity,
        row: &row.row,
        version: row.version,
        recording_id: own.filter(|_| !file[0].is_empty()).map(|own| own.id),
    }
}

fn assembled(key: &CallKey, legs: &[&CdrRow], ways: &Ways) -> (Call, Vec<NamedRecording>) {
    let call = assemble(legs.iter().copied(), &key.linkedid, &ways.trunks, &ways.zone);
    let recordings = named(key, &call.recordingfiles, ways);
    (call, recordings)
}

/// The recordings of a call, each with its checked path or why it has none. Two
/// spellings of one path are one recording.
fn named(call: &CallKey, files: &[String], ways: &Ways) -> Vec<NamedRecording> {
    let mut out: Vec<NamedRecording> = Vec::new();
    let day = epoch_of(&call.linkedid).map(|at| ways.zone.day(at));
    for file in files {
        let path = RecordingPath::from_recordingfile(file, &ways.base, day);
        let name = path.as_ref().map_or(file.as_str(), RecordingPath::as_str);
        let id = call.recording_id(name);
        if out.iter().all(|r| r.id != id) {
            let path = path.map(|p| p.to_string()).map_err(|e| e.to_string());
            out.push(NamedRecording { id, recordingfile: file.clone(), path });
        }
    }
    out
}
