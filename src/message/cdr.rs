//! Topic `cdr`: one row as it was read.

use super::{Payload, Topic};
use crate::call::{CallKey, CdrRow};
use serde::{Deserialize, Serialize};

/// One CDR row, who it belongs to, and where the source had got to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CdrChanged {
    #[serde(flatten)]
    pub call: CallKey,
    /// `freepbx`, `csv` or `twilio`.
    pub source: String,
    /// What tells this row from every other of its PBX.
    pub identity: String,
    /// The source's cursor when it read the row, for whoever debugs it.
    pub cursor: String,
    /// Grows with every row that the source sends: of two readings of one row, the greater is the newer.
    #[serde(default)]
    pub version: i64,
    pub row: CdrRow,
}

impl Payload for CdrChanged {
    const TOPIC: Topic = Topic::Cdr;
    const TYPE: &'static str = "unsaid.cdr.v1";

    fn call(&self) -> &CallKey {
        &self.call
    }
}
