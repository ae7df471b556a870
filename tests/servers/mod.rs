//! Private, real servers for the tests. A server that cannot be had is a
//! failure with a sentence, never a skip.

pub mod chromium;
pub mod http;
pub mod kafka;
pub mod mariadb;
#[cfg(target_arch = "x86_64")]
pub mod mysql;
pub mod openssh;
pub mod postgres;
pub mod prometheus;
pub mod s3;
pub mod small_disk;
pub mod twilio;

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

/// A port that nobody holds now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The path of a program, or a sentence that says what to install.
#[track_caller]
pub fn program(name: &str, package: &str) -> PathBuf {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from));
    folders.iter().map(|f| f.join(name)).find(|p| p.is_file()).unwrap_or_else(|| {
        panic!("{name} is not installed, so this test cannot run: `make test` installs it (Debian package {package})")
    })
}

type Spawn = (Command, Sender<std::io::Result<Child>>);

/// Servers die with the thread that started them (PR_SET_PDEATHSIG), so they
/// are started from one that lives as long as the process.
static NURSERY: LazyLock<Mutex<Sender<Spawn>>> = LazyLock::new(|| {
    let (send, orders) = channel::<Spawn>();
    std::thread::spawn(move || {
        for (mut command, answer) in orders {
            let _ = answer.send(command.spawn());
        }
    });
    Mutex::new(send)
});

/// A running server; killed when dropped, and with the process.
pub struct Process {
    child: Child,
    pub log: PathBuf,
}

impl Process {
    /// Starts `program` with its output in `dir/NAME.log`. `user` is whom to
    /// become when the tests run as root.
    #[track_caller]
    pub fn start(dir: &Path, program: &Path, args: &[&str], user: Option<&str>) -> Process {
        let name = program.file_name().unwrap().to_string_lossy().into_owned();
        let log = dir.join(format!("{name}.log"));
        let file = std::fs::File::options().create(true).append(true).open(&log).unwrap();
        let mut command = Command::new("setpriv");
        if let Some(user) = user.filter(|_| is_root()) {
            command.args(["--reuid", user, "--regid", user, "--clear-groups"]);
        }
        command.args(["--pdeathsig", "KILL", "--"]).arg(program).args(args).current_dir(dir);
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let (answer, child) = channel();
        NURSERY.lock().unwrap().send((command, answer)).unwrap();
        let child = child.recv().unwrap().unwrap_or_else(|e| panic!("{name} did not start: {e}"));
        Process { child, log }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// kill -9.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn signal(&self, signal: &str) {
        assert!(run(Command::new("kill").args([&format!("-{signal}"), &self.id().to_string()])));
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    pub fn wait(&mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }

    /// Waits until something listens on `port`.
    #[track_caller]
    pub fn wait_for_port(&mut self, port: u16) {
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let alive = self.is_running();
            assert!(
                alive && started.elapsed() < Duration::from_secs(90),
                "no server came up:\n{}",
                self.tail()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn is_root() -> bool {
    static ROOT: LazyLock<bool> = LazyLock::new(|| {
        let out = Command::new("id").arg("-u").output().unwrap();
        out.stdout.trim_ascii() == b"0"
    });
    *ROOT
}

/// Runs a command to its end; its output is shown when it fails.
pub fn run(command: &mut Command) -> bool {
    let out = command.output().unwrap();
    if !out.status.success() {
        eprintln!(
            "{command:?}: {}{}",
            String::from_utf8_lossy(&out.stdout),
            String::from_utf8_lossy(&out.stderr)
        );
    }
    out.status.success()
}

/// A folder that another user may look into, removed when dropped.
pub fn folder() -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix("unsaid-test-").tempdir().unwrap();
    open_to_all(dir.path());
    dir
}

pub fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Gives a folder to the user a server runs as.
pub fn give_to(user: &str, path: &Path) {
    if is_root() {
        assert!(run(Command::new("chown").arg("-R").arg(user).arg(path)));
    }
}

/// Asks again until `check` answers, for at most `seconds`.
#[track_caller]
pub fn eventually<T>(what: &str, seconds: u64, mut check: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(seconds), "did not happen in {seconds} s: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// One TLS provider for every client in this process.
pub fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
