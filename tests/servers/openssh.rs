//! OpenSSH's sshd with its SFTP server.

use super::{Process, folder, free_port, is_root, program, run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a release's programs are.
pub struct Release {
    sshd: PathBuf,
    sftp_server: PathBuf,
}

impl Release {
    /// What Debian installs.
    pub fn installed() -> Release {
        let folders = ["/usr/lib/openssh", "/usr/libexec/openssh", "/usr/lib/ssh"];
        let mut programs = folders.iter().map(|f| Path::new(f).join("sftp-server"));
        let sftp_server = programs
            .find(|p| p.is_file())
            .expect("sftp-server is not installed: Debian package openssh-sftp-server");
        Release { sshd: program("sshd", "openssh-server"), sftp_server }
    }

    /// 7.5p1 of 2017, three months younger than CentOS 7's (so FreePBX 16's) 7.4p1. It is built without
    /// OpenSSL, which has changed too much since: Ed25519, Curve25519, ChaCha20 and AES-CTR are its own.
    pub fn of_2017() -> Release {
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join(".servers/openssh-7.5p1");
        let sshd = built.join("sshd");
        assert!(sshd.is_file(), "OpenSSH 7.5p1 is not there: `make test` builds it");
        Release { sshd, sftp_server: built.join("sftp-server") }
    }
}

pub struct Sshd {
    pub process: Process,
    pub port: u16,
    pub user: String,
    pub key: PathBuf,
    /// `SHA256:…` of the host key.
    pub host_key: String,
    pub dir: tempfile::TempDir,
    args: Vec<String>,
    program: PathBuf,
}

impl Sshd {
    /// A server that lets the current user in by key.
    pub fn start() -> Sshd {
        Self::start_with("")
    }

    /// The same with more lines of `sshd_config`.
    pub fn start_with(more: &str) -> Sshd {
        Self::start_through(more, |sftp| sftp.to_owned())
    }

    /// The same with another command in the place of the SFTP server, made of the server's path.
    pub fn start_through(more: &str, command: impl Fn(&str) -> String) -> Sshd {
        Self::start_release(Release::installed(), more, command)
    }

    /// The same of another release.
    pub fn start_release(release: Release, more: &str, command: impl Fn(&str) -> String) -> Sshd {
        let Release { sshd, sftp_server } = release;
        let dir = folder();
        let at = |name: &str| dir.path().join(name);
        let keygen = program("ssh-keygen", "openssh-client");
        for name in ["host", "client"] {
            let mut make = Command::new(&keygen);
            assert!(run(make.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(at(name))));
        }
        std::fs::copy(at("client.pub"), at("authorized_keys")).unwrap();
        if is_root() {
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let port = free_port();
        let sftp = command(&sftp_server.display().to_string());
        std::fs::write(
            at("sshd_config"),
            format!(
                // The first line of a kind counts.
                "{more}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile {}\nUsePAM no\n\
                 StrictModes no\nPermitRootLogin yes\nMaxStartups 100\nMaxSessions 100\nSubsystem sftp {sftp}\n",
                at("host").display(), at("authorized_keys").display(), at("pid").display()
            ),
        )
        .unwrap();
        let args =
            vec!["-D".to_owned(), "-e".to_owned(), "-f".to_owned(), at("sshd_config").display().to_string()];
        let process = launch(dir.path(), &sshd, &args);
        let out = Command::new(&keygen).args(["-lf"]).arg(at("host.pub")).output().unwrap();
        let host_key = String::from_utf8(out.stdout).unwrap().split(' ').nth(1).unwrap().to_owned();
        let who = Command::new("id").arg("-un").output().unwrap();
        let user = String::from_utf8(who.stdout).unwrap().trim().to_owned();
        let key = at("client");
        let mut server = Sshd { process, port, user, key, host_key, dir, args, program: sshd };
        server.process.wait_for_port(port);
        server
    }

    /// Stops the listener and every session.
    pub fn stop(&mut self) {
        let own = self.process.id().to_string();
        // Sessions are children of the listener.
        let _ = Command::new("pkill").args(["-KILL", "-P", &own]).status();
        self.process.kill();
    }

    pub fn start_again(&mut self) {
        self.process = launch(self.dir.path(), &self.program, &self.args);
        self.process.wait_for_port(self.port);
    }

    /// `[pbx.recordings]` for this server.
    pub fn settings(&self, base: &Path) -> String {
        format!(
            "kind = \"sftp\"\nhost = \"127.0.0.1\"\nport = {}\nuser = \"{}\"\nkey_file = \"{}\"\nhost_key = \"{}\"\nbase = \"{}\"\ntimeout = \"3s\"\n",
            self.port,
            self.user,
            self.key.display(),
            self.host_key,
            base.display()
        )
    }

    pub fn config(&self, base: &Path) -> unsaid::config::pbx::SftpConfig {
        match toml::from_str(&self.settings(base)).unwrap() {
            unsaid::config::pbx::RecordingsConfig::Sftp(config) => config,
            _ => unreachable!(),
        }
    }
}

/// What stands between sshd and its SFTP server: built with the tests.
pub fn tap_program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let program = own.parent().unwrap().parent().unwrap().join("examples/sftp_tap");
    assert!(program.is_file(), "{} is built with the tests", program.display());
    program
}

fn launch(dir: &Path, sshd: &Path, args: &[String]) -> Process {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    Process::start(dir, sshd, &args, None)
}
