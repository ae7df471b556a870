//! See tests/hostile/mod.rs for what must hold.
#![no_main]

#[path = "../../tests/hostile/mod.rs"]
#[allow(dead_code, reason = "each target has one of the promises")]
mod hostile;

libfuzzer_sys::fuzz_target!(|data: &[u8]| hostile::container(data));
