//! PostgreSQL, one cluster for all tests, a database for each.

use super::{Process, folder, free_port, give_to, is_root, run};
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

struct Cluster {
    port: u16,
    bin: PathBuf,
    _process: Process,
    _dir: tempfile::TempDir,
}

static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| {
    let bin = newest_bin();
    let dir = folder();
    give_to("postgres", dir.path());
    let data = dir.path().join("data");
    let mut init = Command::new("setpriv");
    if is_root() {
        init.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]);
    }
    init.arg("--")
        .arg(bin.join("initdb"))
        .args(["-A", "trust", "-U", "postgres", "--no-sync", "-D"])
        .arg(&data);
    assert!(run(init.current_dir(dir.path())), "PostgreSQL's cluster could not be made");
    let port = free_port();
    let args = [
        "-D",
        &data.display().to_string(),
        "-p",
        &port.to_string(),
        "-k",
        &dir.path().display().to_string(),
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        "fsync=off",
        "-c",
        "max_connections=200",
    ];
    let mut process = Process::start(dir.path(), &bin.join("postgres"), &args, Some("postgres"));
    process.wait_for_port(port);
    Cluster { port, bin, _process: process, _dir: dir }
});

/// Debian keeps the server out of PATH: /usr/lib/postgresql/VERSION/bin.
fn newest_bin() -> PathBuf {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|all| {
            all.flatten().map(|e| e.path().join("bin")).filter(|b| b.join("initdb").is_file()).collect()
        })
        .unwrap_or_default();
    versions.sort();
    versions.pop().expect("PostgreSQL is not installed, so this test cannot run: `make test` installs it (Debian package postgresql)")
}

/// The URL of a fresh database.
pub fn database() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let cluster = &*CLUSTER;
    let name = format!("test{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let create = "postgres";
    let mut psql = Command::new(cluster.bin.join("psql"));
    psql.args(["-h", "127.0.0.1", "-p", &cluster.port.to_string(), "-U", "postgres", "-d", create, "-qc"]);
    // The server listens a moment before it takes connections.
    super::eventually("PostgreSQL takes connections", 30, || {
        let mut again = Command::new(psql.get_program());
        again.args(psql.get_args()).arg(format!("CREATE DATABASE {name}"));
        run(&mut again).then_some(())
    });
    format!("postgres://postgres@127.0.0.1:{}/{name}", cluster.port)
}
