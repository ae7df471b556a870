//! MySQL itself in MariaDB's place: the same protocol and tables. 5.6.24, whose
//! TLS is older than 1.2, so it is asked without; or `TEST_MYSQLD`, the path of
//! a newer server's program.

use super::mariadb::MariaDb;
use super::{folder, free_port, run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where `make test` lays the server out.
const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.servers/mysql/package/server");

/// A server with an empty `asteriskcdrdb.cdr`, and more options.
pub fn start_with(more: &[&str]) -> MariaDb {
    let dir = folder();
    let at = |name: &str| dir.path().join(name).display().to_string();
    std::fs::create_dir(at("tmp")).unwrap();
    let mut args = match std::env::var("TEST_MYSQLD") {
        Ok(program) => newer(program, &at("data")),
        Err(_) => of_2015(&at("data")),
    };
    let port = free_port();
    args.extend([
        format!("--datadir={}", at("data")),
        format!("--port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--socket={}", at("s")),
        format!("--pid-file={}", at("pid")),
        format!("--tmpdir={}", at("tmp")),
        "--innodb-buffer-pool-size=32M".to_owned(),
        "--innodb-use-native-aio=0".to_owned(),
        "--innodb-flush-log-at-trx-commit=0".to_owned(),
        "--explicit-defaults-for-timestamp".to_owned(),
    ]);
    if super::is_root() {
        args.push("--user=root".to_owned());
    }
    args.extend(more.iter().map(|m| (*m).to_owned()));
    MariaDb::launch(port, PathBuf::new(), (PathBuf::from("/usr/bin/env"), None), args, dir)
}

fn of_2015(data: &str) -> Vec<String> {
    let server = Path::new(SERVER);
    assert!(server.join("mysqld").is_file(), "MySQL is not there: `make test` fetches it");
    // The package brings its system tables along.
    assert!(run(Command::new("cp").arg("-r").arg(server.join("data/mysql")).arg(data)));
    vec![
        // It is linked to a library that lies beside it.
        format!("LD_LIBRARY_PATH={SERVER}"),
        format!("{SERVER}/mysqld"),
        "--no-defaults".to_owned(),
        format!("--basedir={SERVER}"),
        // Its anonymous user is at localhost, and would be taken for everybody there.
        "--skip-name-resolve".to_owned(),
    ]
}

fn newer(program: String, data: &str) -> Vec<String> {
    let user = if super::is_root() { "--user=root" } else { "--console" };
    let datadir = format!("--datadir={data}");
    assert!(run(Command::new(&program).args(["--no-defaults", "--initialize-insecure", &datadir, user])));
    // FreePBX's tables have dates of zeros.
    vec![
        program,
        "--no-defaults".to_owned(),
        "--sql-mode=".to_owned(),
        "--mysqlx=OFF".to_owned(),
        "--secure-file-priv=".to_owned(),
    ]
}
