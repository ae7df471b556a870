//! unsaid: silences the secrets in recorded phone calls, beside the PBX.
//! ARCHITECTURE.md is the map; the modules are its rooms.

pub mod analysis;
pub mod api;
pub mod bus;
pub mod call;
pub mod cli;
pub mod config;
pub mod detect;
pub mod hearing;
pub mod job;
pub mod message;
pub mod metrics;
pub mod ner;
pub mod outages;
pub mod recordings;
pub mod source;
pub mod speech;
pub mod sqlite;
pub mod stage;
pub mod store;
pub mod telemetry;
pub mod vault;
