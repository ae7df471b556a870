//! The integration tests: one binary, real servers on free ports, each started
//! once and stopped with the process.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod architecture;
mod bad_input;
mod binlog;
mod black_hole;
mod bus;
mod cel;
mod commands;
mod connections;
mod dry_run;
mod end_to_end;
mod fault_table;
mod faults;
mod grafana;
mod grown;
mod hearing;
mod history;
mod hooks;
mod kill;
mod leaks;
mod leftovers;
mod meddled;
#[cfg(feature = "ner")]
mod ner;
mod office;
mod originals;
mod orphans;
mod passes;
mod replace;
mod retention;
mod rows;
mod schemas;
mod servers;
mod shared_file;
mod siblings;
mod source;
mod spans;
mod speech;
mod ssh_auth;
mod store;
mod tenants;
mod transcripts;
mod twilio;
mod waits;
