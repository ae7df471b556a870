//! Topic `dead-letters`: what no stage could finish. Ids and a reason code only.

use super::{Payload, Topic};
use crate::call::CallKey;
use serde::{Deserialize, Serialize};

/// A message that was given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    #[serde(flatten)]
    pub call: CallKey,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub stage: String,
    /// A reason code of a bounded set.
    pub reason: String,
    pub attempts: u32,
}

impl Payload for DeadLetter {
    const TOPIC: Topic = Topic::DeadLetters;
    const TYPE: &'static str = "unsaid.dead-letters.v1";

    fn call(&self) -> &CallKey {
        &self.call
    }
}
