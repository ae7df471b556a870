//! The PBXs that this process serves, each with its recordings, its words and
//! a circuit: a PBX that is down is asked again after a while, not with every message.

use crate::call::{CallKey, PbxId, TenantId};
use crate::config::pbx::PbxConfig;
use crate::recordings::Recordings;
use crate::source::freepbx::Trunks;
use crate::speech::Transcriber;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One PBX at work.
pub struct Pbx {
    pub config: PbxConfig,
    pub recordings: Arc<dyn Recordings>,
    /// Where FreePBX keeps copies for its player; connects when there is something to delete.
    pub player_cache: Option<Arc<dyn Recordings>>,
    /// `None`: tones only.
    pub speech: Option<Arc<dyn Transcriber>>,
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

/// Outages in a row that open a circuit.
const OPENS_AFTER: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// Closed while a server answers; open for a doubling pause after outages in a row.
#[derive(Default)]
pub struct Circuit {
    state: Mutex<(u32, Option<Instant>)>,
}

impl Circuit {
    /// How long to leave the server alone; `None` when it may be asked.
    pub fn open_for(&self) -> Option<Duration> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.1.and_then(|until| until.checked_duration_since(Instant::now())).filter(|d| !d.is_zero())
    }

    pub fn succeeded(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = (0, None);
    }

    pub fn failed(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = state.0.saturating_add(1);
        if state.0 >= OPENS_AFTER {
            let doubled = FIRST_PAUSE.saturating_mul(1 << (state.0 - OPENS_AFTER).min(10));
            state.1 = Some(Instant::now() + doubled.min(LONGEST_PAUSE));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circuit_opens_after_three_outages_and_closes_on_success() {
        let circuit = Circuit::default();
        circuit.failed();
        circuit.failed();
        assert_eq!(circuit.open_for(), None);
        circuit.failed();
        let first = circuit.open_for().expect("open");
        circuit.failed();
        assert!(circuit.open_for().expect("open") > first);
        circuit.succeeded();
        assert_eq!(circuit.open_for(), None);
    }
}
