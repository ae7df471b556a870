//! The PBXs that this process serves, each with its recordings, its words and
//! a circuit: a PBX that is down is asked again after a while, not with every message.

use crate::call::{CallKey, PbxId, TenantId};
use crate::config::pbx::PbxConfig;
use crate::recordings::{Recordings, RecordingsError};
use crate::source::freepbx::Trunks;
use crate::speech::Transcriber;
use crate::vault::originals::Originals;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// One PBX at work.
pub struct Pbx {
    pub config: PbxConfig,
    pub recordings: Arc<dyn Recordings>,
    /// Where FreePBX keeps copies for its player; connects when there is something to delete.
    pub player_cache: Option<Arc<dyn Recordings>>,
    /// `None`: tones only.
    pub speech: Option<Arc<dyn Transcriber>>,
    /// Where originals are sealed to; `None`: none is kept.
    pub originals: Option<Arc<Originals>>,
    pub trunks: Trunks,
    pub circuit: Circuit,
}

/// All of them.
#[derive(Clone, Default)]
pub struct Pbxs(Arc<HashMap<(TenantId, PbxId), Arc<Pbx>>>);

impl Pbxs {
    pub fn new(all: impl IntoIterator<Item = Pbx>) -> Pbxs {
        let key = |p: &Pbx| (p.config.tenant.clone(), p.config.id.clone());
        Pbxs(Arc::new(all.into_iter().map(|p| (key(&p), Arc::new(p))).collect()))
    }

    /// The PBX of a call.
    pub fn of(&self, call: &CallKey) -> Option<&Arc<Pbx>> {
        self.0.get(&(call.tenant.clone(), call.pbx.clone()))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Pbx>> {
        self.0.values()
    }
}

/// After an outage; after so many in a row the pauses double.
const SHORT_PAUSE: Duration = Duration::from_millis(500);
const OPENS_AFTER: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// When one call tries a server that has yet to answer, the others wait for so long from its start,
/// and then not at all.
const PATIENCE: Duration = Duration::from_millis(500);

/// Closed while a server answers; open for a pause after an outage, a doubling
/// one after some in a row. A server that has not answered since the last outage is tried by one
/// call at a time: one that swallows what is sent to it holds up that call alone.
#[derive(Default)]
pub struct Circuit {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
    /// The last outage, in a sentence, until it answers.
    outage: Option<String>,
    /// It answered, and nothing failed since.
    proven: bool,
    /// Since when a call tries it.
    probing: Option<Instant>,
}

/// The one call that tries.
pub struct Probe<'a>(&'a Circuit);

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        self.0.with(|s| s.probing = None);
        self.0.changed.notify_waiters();
    }
}

impl Circuit {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How long to leave the server alone; `None` when it may be asked.
    pub fn open_for(&self) -> Option<Duration> {
        let until = self.with(|s| s.open_until);
        until.and_then(|until| until.checked_duration_since(Instant::now())).filter(|d| !d.is_zero())
    }

    /// The right to try a server that has yet to answer; `None` while another
    /// call has it, and where there is nothing to try.
    pub fn probe(&self) -> Option<Probe<'_>> {
        let taken = self.with(|s| {
            let takes = !s.proven && s.probing.is_none();
            if takes {
                s.probing = Some(Instant::now());
            }
            takes
        });
        taken.then(|| Probe(self))
    }

    /// The server answers; the result of a call that tries it is awaited for a moment.
    pub async fn is_proven(&self) -> bool {
        loop {
            let changed = self.changed.notified();
            let (proven, probing) = self.with(|s| (s.proven, s.probing));
            let patience = probing.and_then(|since| PATIENCE.checked_sub(since.elapsed()));
            let Some(patience) = patience.filter(|_| !proven) else { return proven };
            if tokio::time::timeout(patience, changed).await.is_err() {
                return false;
            }
        }
    }

    /// Why it is left alone.
    pub fn outage(&self) -> Option<String> {
        self.with(|s| s.outage.clone())
    }

    pub fn succeeded(&self) {
        self.with(|s| *s = State { proven: true, probing: s.probing, ..State::default() });
        self.changed.notify_waiters();
    }

    pub fn failed(&self, outage: &RecordingsError) {
        self.with(|s| {
            s.proven = false;
            s.outage = Some(outage.to_string());
            s.failures = s.failures.saturating_add(1);
            let pause = match s.failures.checked_sub(OPENS_AFTER) {
                None => SHORT_PAUSE,
                Some(more) => FIRST_PAUSE.saturating_mul(1 << more.min(10)).min(LONGEST_PAUSE),
            };
            s.open_until = Some(Instant::now() + pause);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circuit_opens_for_longer_after_three_outages_and_closes_on_success() {
        let circuit = Circuit::default();
        circuit.failed(&RecordingsError::TimedOut);
        circuit.failed(&RecordingsError::TimedOut);
        assert!(circuit.open_for().is_some_and(|pause| pause <= SHORT_PAUSE));
        circuit.failed(&RecordingsError::TimedOut);
        let first = circuit.open_for().expect("open");
        circuit.failed(&RecordingsError::TimedOut);
        assert!(circuit.open_for().expect("open") > first);
        circuit.succeeded();
        assert_eq!(circuit.open_for(), None);
    }

    #[tokio::test]
    async fn one_call_tries_a_server_and_the_others_wait_a_moment_for_it() {
        let circuit = Arc::new(Circuit::default());
        let probe = circuit.probe().expect("the first may try");
        assert!(circuit.probe().is_none(), "the second may not");
        let waiting = tokio::spawn({
            let circuit = circuit.clone();
            async move { circuit.is_proven().await }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        circuit.succeeded();
        drop(probe);
        assert!(waiting.await.expect("an answer"));
        assert!(circuit.probe().is_none(), "nothing is to be tried");
        circuit.failed(&RecordingsError::TimedOut);
        let _probe = circuit.probe().expect("it is to be tried again");
        let started = Instant::now();
        assert!(!circuit.is_proven().await && started.elapsed() >= PATIENCE, "a moment");
        assert!(!circuit.is_proven().await && started.elapsed() < 2 * PATIENCE, "and one moment for all");
    }
}
