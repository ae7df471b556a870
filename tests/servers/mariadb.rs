//! MariaDB with FreePBX's own tables, with TLS and a read-only user.

use super::{Process, folder, free_port, give_to, is_root, open_to_all, program, run};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use unsaid::config::pbx::{FreepbxConfig, SourceConfig};

pub const USER: &str = "reader";
pub const PASSWORD: &str = "read only, 12+ characters";

pub struct MariaDb {
    pub(super) process: Process,
    pub port: u16,
    pub ca: PathBuf,
    /// The server, and whom to become for it.
    pub(super) program: (PathBuf, Option<&'static str>),
    pub(super) args: Vec<String>,
    pub(super) dir: tempfile::TempDir,
}

impl MariaDb {
    /// A server with an empty `asteriskcdrdb.cdr`.
    pub fn start(tls: bool) -> MariaDb {
        MariaDb::start_with(tls, &[])
    }

    /// The same with more options.
    pub fn start_with(tls: bool, more: &[&str]) -> MariaDb {
        let dir = folder();
        let data = dir.path().join("data");
        std::fs::create_dir(&data).unwrap();
        // A server that starts removes what it takes for left behind from its folder for temporary files:
        // in a shared one, that is another's.
        let temporary = dir.path().join("tmp");
        std::fs::create_dir(&temporary).unwrap();
        let ca = certificates(dir.path());
        give_to("mysql", dir.path());
        let install = program("mariadb-install-db", "mariadb-server");
        let mut command = Command::new(install);
        command.env("TMPDIR", &temporary);
        command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        command.arg(format!("--datadir={}", data.display()));
        // Many servers start at once: the kernel's asynchronous requests are few and shared.
        command.arg("--innodb-use-native-aio=0");
        if is_root() {
            command.arg("--user=mysql");
        }
        let made = command.output().unwrap();
        let said = [made.stdout, made.stderr].concat();
        assert!(
            made.status.success(),
            "MariaDB's tables could not be made:\n{}",
            String::from_utf8_lossy(&said)
        );
        let port = free_port();
        let path = |name: &str| dir.path().join(name).display().to_string();
        let mut args = vec![
            "--no-defaults".to_owned(),
            format!("--datadir={}", data.display()),
            format!("--port={port}"),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--socket={}", path("s")),
            format!("--pid-file={}", path("pid")),
            format!("--tmpdir={}", temporary.display()),
            "--innodb-buffer-pool-size=32M".to_owned(),
            "--innodb-use-native-aio=0".to_owned(),
            "--innodb-flush-log-at-trx-commit=0".to_owned(),
        ];
        args.extend(more.iter().map(|m| (*m).to_owned()));
        if tls {
            args.push(format!("--ssl-cert={}", path("server.pem")));
            args.push(format!("--ssl-key={}", path("server.key")));
            args.push(format!("--ssl-ca={}", path("ca.pem")));
        }
        let program = (program("mariadbd", "mariadb-server"), Some("mysql"));
        MariaDb::launch(port, ca, program, args, dir)
    }

    /// Starts the server and lays out FreePBX's tables and the reader.
    pub(super) fn launch(
        port: u16,
        ca: PathBuf,
        program: (PathBuf, Option<&'static str>),
        args: Vec<String>,
        dir: tempfile::TempDir,
    ) -> MariaDb {
        let process = launch(&dir, &program, &args);
        let mut db = MariaDb { process, port, ca, program, args, dir };
        db.process.wait_for_port(port);
        db.sql(include_str!("../data/freepbx/schema.sql"));
        db.sql(&format!(
            "CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}'; GRANT SELECT ON asteriskcdrdb.* TO '{USER}'@'%';"
        ));
        db
    }

    /// FreePBX's history of typical calls.
    pub fn load_samples(&self) {
        self.sql(include_str!("../data/freepbx/samples.sql"));
    }

    /// `[pbx.source]` for this server.
    pub fn source(&self, more: &str) -> FreepbxConfig {
        super::install_tls();
        let text = format!(
            "kind = \"freepbx\"\nhost = \"127.0.0.1\"\nport = {}\nuser = \"{USER}\"\npassword = \"{PASSWORD}\"\n{more}",
            self.port
        );
        match toml::from_str(&text).unwrap() {
            SourceConfig::Freepbx(config) => *config,
            _ => unreachable!(),
        }
    }

    #[track_caller]
    pub fn sql(&self, text: &str) {
        let client = program("mariadb", "mariadb-client");
        let mut child = Command::new(client)
            // Whatever the locale of whoever runs the tests.
            .args([
                "--no-defaults",
                "--default-character-set=utf8mb4",
                "-uroot",
                "-h127.0.0.1",
                "--skip-ssl",
                &format!("-P{}", self.port),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "SQL failed: {text:.200}");
    }

    pub fn stop(&mut self) {
        self.process.kill();
    }

    pub fn start_again(&mut self) {
        self.process = launch(&self.dir, &self.program, &self.args);
        self.process.wait_for_port(self.port);
    }
}

fn launch(
    dir: &tempfile::TempDir,
    (program, user): &(PathBuf, Option<&'static str>),
    args: &[String],
) -> Process {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    Process::start(dir.path(), program, &args, *user)
}

/// A CA and a certificate of it for 127.0.0.1.
fn certificates(dir: &std::path::Path) -> PathBuf {
    let openssl = program("openssl", "openssl");
    let ssl = |args: &[&str]| assert!(run(Command::new(&openssl).current_dir(dir).args(args)));
    ssl(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=test ca",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
    ]);
    ssl(&[
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=pbx",
        "-keyout",
        "server.key",
        "-out",
        "server.csr",
    ]);
    std::fs::write(
        dir.join("ext"),
        "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n",
    )
    .unwrap();
    ssl(&[
        "x509",
        "-req",
        "-in",
        "server.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        "ext",
        "-out",
        "server.pem",
    ]);
    open_to_all(dir);
    dir.join("ca.pem")
}
