//! Every way to sign in to a real sshd, and what is said when it refuses.

use crate::office::{Office, SECRETS, UNSAID};
use crate::servers::openssh::Sshd;
use crate::servers::{free_port, is_root, program, run};
use std::path::PathBuf;
use std::process::Command;
use unsaid::call::RecordingPath;
use unsaid::recordings::sftp::SftpRecordings;
use unsaid::recordings::{Recordings, RecordingsError};
use unsaid_dsp::mute::Patch;

const FILE: &str = SECRETS[0].0;

fn path() -> RecordingPath {
    RecordingPath::parse(FILE).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_every_kind_and_file_format_with_and_without_a_passphrase_sign_in() {
    let office = Office::lay_out();
    let sshd = tokio::task::spawn_blocking(Sshd::start).await.unwrap();
    let keygen = program("ssh-keygen", "openssh-client");
    let kinds = [("rsa", "3072"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("ed25519", "256")];
    let mut made: Vec<(PathBuf, &str)> = Vec::new();
    for (kind, bits) in kinds {
        for format in ["RFC4716", "PEM", "PKCS8"] {
            for passphrase in ["", "a pass phrase"] {
                // ssh-keygen writes Ed25519 in its own format alone.
                if kind == "ed25519" && format != "RFC4716" {
                    continue;
                }
                let key = sshd.dir.path().join(format!("{kind}-{bits}-{format}-{}", passphrase.len()));
                let mut make = Command::new(&keygen);
                make.args(["-q", "-t", kind, "-b", bits, "-m", format, "-N", passphrase, "-f"]).arg(&key);
                assert!(run(&mut make), "{key:?}");
                let mut keys = std::fs::read_to_string(sshd.dir.path().join("authorized_keys")).unwrap();
                keys += &std::fs::read_to_string(key.with_extension("pub")).unwrap();
                std::fs::write(sshd.dir.path().join("authorized_keys"), keys).unwrap();
                made.push((key, passphrase));
            }
        }
    }
    let mut refused = Vec::new();
    for (key, passphrase) in made {
        let mut config = sshd.config(&office.monitor());
        (config.key_file, config.key_passphrase) = (Some(key.clone()), passphrase.to_owned().into());
        if let Err(error) = SftpRecordings::new(config.clone()).stat(&path()).await {
            refused.push(format!("{}: {error}", key.file_name().unwrap().display()));
        }
        if !passphrase.is_empty() {
            config.key_passphrase = "another".to_owned().into();
            let error = SftpRecordings::new(config).stat(&path()).await.unwrap_err();
            assert!(matches!(error, RecordingsError::BadKey(_)), "{key:?}: {error:?}");
            assert!(!error.to_string().contains("another"), "{error}");
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
}

/// A user with a password, for a moment.
struct User(String);

impl User {
    fn with(password: &str, name: &str) -> User {
        assert!(is_root(), "this test makes a user with a password for a moment: run `make test` as root");
        let user = format!("unsaid-{name}{}", std::process::id());
        let hash = Command::new("openssl").args(["passwd", "-6", password]).output().unwrap().stdout;
        let hash = String::from_utf8(hash).unwrap();
        assert!(run(Command::new("useradd").args(["-M", "-N", "-s", "/bin/sh", "-p", hash.trim(), &user])));
        User(user)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        run(Command::new("userdel").args(["-f", &self.0]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_signs_in_plainly_and_in_a_dialogue() {
    let office = Office::lay_out();
    let password = "a test password, long enough";
    let user = User::with(password, "p");
    for sshd_config in [
        "PasswordAuthentication yes\nKbdInteractiveAuthentication no",
        "PasswordAuthentication no\nKbdInteractiveAuthentication yes\nUsePAM yes",
    ] {
        let sshd = tokio::task::spawn_blocking(|| Sshd::start_with(sshd_config)).await.unwrap();
        let with = |password: &str| {
            let mut config = sshd.config(&office.monitor());
            (config.user, config.key_file, config.password) =
                (user.0.clone(), None, password.to_owned().into());
            // PAM makes a wrong password wait.
            config.timeout = std::time::Duration::from_secs(20);
            SftpRecordings::new(config)
        };
        assert_eq!(with(password).fetch(&path(), 1 << 20).await.expect(sshd_config), office.read(FILE));
        let wrong = with("another").fetch(&path(), 1 << 20).await;
        assert!(matches!(wrong, Err(RecordingsError::AuthRefused { .. })), "{sshd_config}: {wrong:?}");
        // It may read the recordings, not write them.
        let written = with(password).overwrite(&path(), &[Patch { offset: 50, bytes: vec![0] }]).await;
        assert!(matches!(written, Err(RecordingsError::PermissionDenied)), "{written:?}");
    }
}

/// `unsaid doctor` is "Test SSH": each of the document's troubles has its sentence, and what to do.
#[test]
fn doctor_says_of_ssh_what_is_wrong_and_how_to_mend_it() {
    let office = Office::lay_out();
    let sshd = Sshd::start();
    let good = sshd.settings(&office.monitor());
    let replaced = |key: &str, value: &str| {
        let lines = good.lines().map(|line| {
            if line.starts_with(&format!("{key} =")) { format!("{key} = {value}") } else { line.to_owned() }
        });
        lines.collect::<Vec<_>>().join("\n") + "\n"
    };
    let doctor = |recordings: &str| {
        let config = office.path().join("doctor.toml");
        let settings = format!(
            "[data]\ndir = \"{}\"\n[[pbx]]\nid = \"office\"\n[pbx.source]\nkind = \"csv\"\npath = \"/no.csv\"\n\
             [pbx.recordings]\n{recordings}",
            office.path().join("data").display()
        );
        std::fs::write(&config, settings).unwrap();
        let ran = Command::new(UNSAID).args(["doctor", "--config"]).arg(&config).output().unwrap();
        let said = String::from_utf8(ran.stdout).unwrap();
        let line = said.lines().find(|l| l.contains("recordings of office")).unwrap_or(&said).to_owned();
        (ran.status.success(), line)
    };
    let before = office.read(FILE);
    let (well, said) = doctor(&good);
    assert!(well && said.contains("can be read and written"), "{said}");
    assert_eq!(office.read(FILE), before, "looking changes nothing");
    let closed = free_port().to_string();
    let other_key = format!("\"{}\"", sshd.dir.path().join("host").display());
    let pinned = "\"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"";
    for (settings, wrong, mend) in [
        (replaced("port", &closed), "refused", "systemctl status sshd"),
        (replaced("host", "\"no.such.host.invalid\""), "cannot be reached", "ssh -p PORT"),
        (replaced("key_file", &other_key), "refused the user name, password or key; it takes", "by hand"),
        (replaced("key_file", "\"/no/key\""), "/no/key", "OpenSSH or PEM"),
        (replaced("host_key", pinned), &sshd.host_key, "set pbx.recordings.host_key"),
        (replaced("base", "\"/no/such/folder\""), "/no/such/folder", ""),
    ] {
        let (well, said) = doctor(&settings);
        assert!(!well && said.contains(wrong) && said.contains(mend), "{said}");
    }
}
