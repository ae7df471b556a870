//! What cargo cannot know by itself.

use std::env::var;

fn main() {
    // sqlx compiles the migrations in.
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-env-changed=UNSAID_PIE");
    // A third of the time of `unsaid probe` went into relocating a megabyte of
    // constants at every start. SECURITY.md says what is given up for it.
    let is = |key: &str, value: &str| var(key).is_ok_and(|v| v == value);
    let linux = is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu");
    if linux && is("PROFILE", "release") && var("UNSAID_PIE").is_err() {
        println!("cargo:rustc-link-arg-bin=unsaid=-no-pie");
    }
}
