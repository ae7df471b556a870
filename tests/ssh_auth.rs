//! Every way to sign in to a real sshd, and what is said when it refuses.

use crate::office::{Office, SECRETS, UNSAID};
use crate::servers::openssh::{Release, Sshd, tap_program};
use crate::servers::{free_port, is_root, program, run};
use std::path::PathBuf;
use std::process::Command;
use unsaid::call::RecordingPath;
use unsaid::config::pbx::RecordingsConfig;
use unsaid::recordings::day_folders::stats;
use unsaid::recordings::sftp::SftpRecordings;
use unsaid::recordings::{Recordings, RecordingsError, open_beside, write_back};
use unsaid_dsp::mute::Patch;

const FILE: &str = SECRETS[0].0;

fn path() -> RecordingPath {
    RecordingPath::parse(FILE).unwrap()
}

/// The server of 2017, as it comes and as narrow as an administrator may have made it; and today's with
/// no more than 7.4's algorithms and extensions (RSA and ECDSA, which the build of the old one lacks).
#[tokio::test(flavor = "multi_thread")]
async fn openssh_of_2017_and_its_algorithms_are_enough_for_all_that_is_done() {
    let aes = "Ciphers aes128-ctr\nMACs hmac-sha2-256\nKexAlgorithms curve25519-sha256@libssh.org\n";
    let nist = "Ciphers aes128-ctr\nMACs hmac-sha2-256\nKexAlgorithms ecdh-sha2-nistp256\n";
    let old = "KexAlgorithms curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,diffie-hellman-group14-sha1\n\
               Ciphers chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com\n\
               MACs umac-64-etm@openssh.com,umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha1-etm@openssh.com,umac-64@openssh.com,hmac-sha2-256,hmac-sha2-512,hmac-sha1\n\
               HostKeyAlgorithms ssh-ed25519,rsa-sha2-512,rsa-sha2-256,ssh-rsa\nCompression yes\n";
    for (is_old, config) in [(true, ""), (true, aes), (false, old), (false, nist)] {
        let office = Office::lay_out();
        let tap = office.path().join("tap");
        std::fs::create_dir(&tap).unwrap();
        std::fs::write(
            tap.join("extensions"),
            "posix-rename@openssh.com statvfs@openssh.com fstatvfs@openssh.com hardlink@openssh.com fsync@openssh.com",
        )
        .unwrap();
        let sshd = tokio::task::spawn_blocking(move || {
            if is_old {
                return Sshd::start_release(Release::of_2017(), config, |sftp| sftp.to_owned());
            }
            Sshd::start_through(config, |sftp| {
                format!("{} {} {sftp}", tap_program().display(), tap.display())
            })
        });
        let sshd = sshd.await.unwrap();
        everything_is_done(&sshd, &office).await;
    }
}

/// What unsaid does over SFTP.
async fn everything_is_done(sshd: &Sshd, office: &Office) {
    let sftp = SftpRecordings::new(sshd.config(&office.monitor()));
    let before = office.read(FILE);
    let stat = sftp.stat(&path()).await.unwrap();
    assert!(sftp.fetch(&path(), 1 << 24).await.unwrap() == before);
    let patches = [Patch { offset: 100, bytes: vec![0; 50_000] }];
    write_back::in_place(&sftp, &path(), stat, &patches).await.unwrap();
    let after = office.read(FILE);
    assert!(after[100..50_100].iter().all(|b| *b == 0) && after[50_100..] == before[50_100..]);
    assert_eq!(sftp.stat(&path()).await.unwrap(), stat, "its time is restored");
    let seen = stat;
    let new =
        write_back::Replacement { id: "id", seen, before: &after, after: &before, limit_bytes: 1 << 24 };
    write_back::replace(&sftp, &path(), new).await.unwrap();
    assert!(office.read(FILE) == before);
    let copy = path().beside("tmp-original", "id");
    assert!(sftp.link(&path(), &copy).await.unwrap(), "a file can have two names there");
    sftp.remove(&copy).await.unwrap();
    let walked = stats(&sftp).await.unwrap();
    let mut config = sshd.config(&office.monitor());
    config.shell = true;
    assert_eq!(stats(&SftpRecordings::new(config)).await.unwrap(), walked);
    assert!(walked.file_count > 10);
    let missing = sftp.stat(&RecordingPath::parse("2024/05/14/no.wav").unwrap()).await;
    assert!(matches!(missing, Err(RecordingsError::NotFound)), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_serves_the_recordings_and_the_players_folder_and_both_survive_its_end() {
    let office = Office::lay_out();
    let cache = office.path().join("playback");
    std::fs::create_dir(&cache).unwrap();
    let mut sshd = tokio::task::spawn_blocking(Sshd::start).await.unwrap();
    let config = RecordingsConfig::Sftp(sshd.config(&office.monitor()));
    let (recordings, beside) = open_beside(&config, Some(&cache.display().to_string()));
    let beside = beside.unwrap();
    for _ in 0..2 {
        std::fs::write(cache.join("copy.ogg"), b"x").unwrap();
        recordings.stat(&path()).await.unwrap();
        let listed = beside.list(None).await.unwrap();
        assert_eq!(listed.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["copy.ogg"]);
        beside.remove(&RecordingPath::parse("copy.ogg").unwrap()).await.unwrap();
        let log = std::fs::read_to_string(&sshd.process.log).unwrap();
        assert_eq!(log.matches("Accepted publickey").count(), 1, "{log}");
        sshd = tokio::task::spawn_blocking(move || {
            sshd.stop();
            std::fs::write(&sshd.process.log, "").unwrap();
            sshd.start_again();
            sshd
        })
        .await
        .unwrap();
        // What was cut is noticed by the one that asks first.
        let _ = recordings.stat(&path()).await;
    }
    // A folder that is not there says so, and costs the recordings nothing.
    let (recordings, beside) = open_beside(&config, Some("/no/such/folder"));
    recordings.stat(&path()).await.unwrap();
    assert!(beside.unwrap().list(None).await.unwrap_err().to_string().contains("/no/such/folder"));
    recordings.stat(&path()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_are_counted_by_find_where_a_shell_is_allowed_and_by_a_walk_where_not() {
    let office = Office::lay_out();
    let sshd = tokio::task::spawn_blocking(Sshd::start).await.unwrap();
    let odd = office.monitor().join("2023/01/09");
    std::fs::create_dir_all(&odd).unwrap();
    std::fs::write(odd.join("it's a \"name\"\n.wav"), [0; 77]).unwrap();
    std::os::unix::fs::symlink("/etc", office.monitor().join("2023/01/10")).unwrap();
    let counted = async |shell: bool, sshd: &Sshd| {
        let mut config = sshd.config(&office.monitor());
        config.shell = shell;
        stats(&SftpRecordings::new(config)).await.unwrap()
    };
    let walked = counted(false, &sshd).await;
    assert_eq!(walked.oldest_day.map(|d| d.to_string()).as_deref(), Some("2023-01-09"));
    assert_eq!(counted(true, &sshd).await, walked);
    // Where the server runs no command, the walk answers.
    let no_shell = tokio::task::spawn_blocking(|| {
        Sshd::start_through("ForceCommand internal-sftp\n", |_| "internal-sftp".to_owned())
    });
    assert_eq!(counted(true, &no_shell.await.unwrap()).await, walked);
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
