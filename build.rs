//! What cargo cannot know by itself.

use std::env::var;
use std::path::Path;
use std::process::Command;

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
        link_in("libgcc_eh.a", "libgcc_s.so");
        // whisper.cpp's.
        link_in("libstdc++.a", "libstdc++.so");
    }
}

/// Links one of gcc's libraries from its archive: a library less to find, map and relocate at
/// every start. The linker takes a `shared` that it finds first, and that one
/// names the archive. Where gcc has none, the shared one is linked as ever.
fn link_in(archive: &str, shared: &str) {
    let asked = Command::new("cc").arg(format!("-print-file-name={archive}")).output();
    let Ok(answer) = asked else { return };
    let archive = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    let (true, Ok(out)) = (Path::new(&archive).is_file(), var("OUT_DIR")) else { return };
    if std::fs::write(Path::new(&out).join(shared), format!("INPUT(\"{archive}\")\n")).is_ok() {
        println!("cargo:rustc-link-search=native={out}");
    }
}
