//! Servers that stall, refuse, break off and run full: the file is whole, the
//! call says why it waits, and it ends when the server is back.

use crate::office::{Office, SECRETS, Unsaid, assert_redacted, segments_of};
use crate::servers::mariadb::{MariaDb, PASSWORD, USER};
use crate::servers::openssh::Sshd;
use crate::servers::small_disk::with_own_mounts;
use crate::servers::{eventually, folder, is_root, run};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use unsaid::call::RecordingPath;
use unsaid::recordings::sftp::SftpRecordings;
use unsaid::recordings::{Recordings, RecordingsError, write_back};
use unsaid_dsp::mute::Patch;

const FILE: &str = SECRETS[0].0;

fn path() -> RecordingPath {
    RecordingPath::parse(FILE).unwrap()
}

/// A wire between client and server that passes `bytes` from the server and
/// then cuts, or holds for ever.
fn wire(to: u16, bytes: usize, hold: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(("127.0.0.1", to)).unwrap();
            let (mut up_from, mut up_to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut up_from, &mut up_to);
            });
            let passed = Arc::new(AtomicUsize::new(0));
            std::thread::spawn(move || {
                let (mut from, mut to, mut buffer) = (server, client, [0u8; 4_096]);
                while let Ok(n) = from.read(&mut buffer) {
                    if n == 0 || passed.fetch_add(n, Ordering::Relaxed) > bytes {
                        break;
                    }
                    if to.write_all(&buffer[..n]).is_err() {
                        break;
                    }
                }
                if hold {
                    // Longer than any test waits.
                    std::thread::sleep(Duration::from_secs(600));
                }
                let _ = to.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn sftp_reads_writes_in_place_and_keeps_the_time() {
    let office = Office::lay_out();
    let sshd = tokio::task::spawn_blocking(Sshd::start).await.unwrap();
    let sftp = SftpRecordings::new(sshd.config(&office.monitor()));
    let before = office.read(FILE);
    let stat = sftp.stat(&path()).await.unwrap();
    assert_eq!(stat.len, before.len() as u64);
    assert_eq!(sftp.fetch(&path(), 1 << 20).await.unwrap(), before);
    assert!(matches!(sftp.fetch(&path(), 10).await, Err(RecordingsError::TooLarge { .. })));
    assert_eq!(sftp.read(&path(), 44, 100_000).await.unwrap(), before[44..100_044]);
    assert_eq!(sftp.read(&path(), before.len() as u64 - 3, 100).await.unwrap(), before[before.len() - 3..]);
    let patches =
        [Patch { offset: 100, bytes: vec![0; 70_000] }, Patch { offset: 200_000, bytes: vec![7; 3] }];
    write_back::in_place(&sftp, &path(), stat, &patches).await.unwrap();
    let after = office.read(FILE);
    assert_eq!(unsaid_dsp::mute::verify(&before, &after, &patches), Ok(()));
    assert_eq!(sftp.stat(&path()).await.unwrap(), stat, "size and time are as they were");
    let stale = unsaid::recordings::Stat { len: stat.len + 1, ..stat };
    let changed = write_back::in_place(&sftp, &path(), stale, &patches).await;
    assert!(matches!(changed, Err(RecordingsError::Changed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn sftp_confines_paths_and_says_what_is_wrong() {
    let office = Office::lay_out();
    let sshd = tokio::task::spawn_blocking(Sshd::start).await.unwrap();
    std::fs::write(office.path().join("outside.wav"), b"x").unwrap();
    std::os::unix::fs::symlink(office.path().join("outside.wav"), office.monitor().join("out.wav")).unwrap();
    let config = sshd.config(&office.monitor());
    let sftp = SftpRecordings::new(config.clone());
    let at = |p: &str| RecordingPath::parse(p).unwrap();
    assert!(matches!(sftp.fetch(&at("out.wav"), 100).await, Err(RecordingsError::OutsideBase)));
    assert!(matches!(sftp.stat(&at("2024")).await, Err(RecordingsError::NotAFile)));
    assert!(matches!(sftp.stat(&at("2024/no.wav")).await, Err(RecordingsError::NotFound)));
    let mut other = config.clone();
    other.host_key = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned();
    let error = SftpRecordings::new(other).stat(&path()).await.unwrap_err();
    assert!(
        matches!(&error, RecordingsError::HostKeyChanged { seen, .. } if *seen == sshd.host_key),
        "{error}"
    );
    let mut wrong = config.clone();
    wrong.key_file = Some(sshd.dir.path().join("host"));
    assert!(matches!(
        SftpRecordings::new(wrong).stat(&path()).await,
        Err(RecordingsError::AuthRefused { .. })
    ));
    let mut absent = config.clone();
    absent.key_file = Some("/no/key".into());
    assert!(matches!(SftpRecordings::new(absent).stat(&path()).await, Err(RecordingsError::BadKey(_))));
    let mut nowhere = config;
    nowhere.base = "/no/such/folder".to_owned();
    let error = SftpRecordings::new(nowhere).stat(&path()).await.unwrap_err();
    assert!(error.to_string().contains("/no/such/folder"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_off_or_stalls_is_an_error_in_time_and_the_next_try_works() {
    let office = Office::lay_out();
    let sshd = tokio::task::spawn_blocking(Sshd::start).await.unwrap();
    for hold in [false, true] {
        let mut config = sshd.config(&office.monitor());
        config.port = wire(sshd.port, 150_000, hold);
        config.timeout = Duration::from_secs(2);
        let sftp = SftpRecordings::new(config);
        let started = Instant::now();
        let error = sftp.fetch(&path(), 1 << 20).await.unwrap_err();
        assert!(error.is_outage(), "{error:?}");
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
        // A new connection gets through as far as the small requests reach.
        assert_eq!(sftp.stat(&path()).await.unwrap().len, office.read(FILE).len() as u64);
    }
    let mut config = sshd.config(&office.monitor());
    config.port = crate::servers::free_port();
    let refused = SftpRecordings::new(config).stat(&path()).await.unwrap_err();
    assert!(matches!(refused, RecordingsError::Unreachable(_)), "{refused:?}");
}

#[test]
fn a_pbx_that_is_down_delays_its_calls_and_says_so_until_it_is_back() {
    let office = Office::lay_out();
    let mut sshd = Sshd::start();
    let before = office.read(FILE);
    let local = format!("kind = \"local\"\nbase = \"{}\"\n", office.monitor().display());
    let settings = office.settings().replace(&local, &sshd.settings(&office.monitor()));
    assert!(settings.contains("sftp"));
    sshd.stop();
    let mut unsaid = Unsaid::serve(office.path(), &settings);
    unsaid.wait_until_ready();
    unsaid.wait_for_calls(5, 60);
    let waiting = eventually("a call says why it waits", 60, || {
        unsaid
            .calls()
            .into_iter()
            .find(|c| c["detail"].as_str().is_some_and(|d| d.contains("cannot be reached")))
    });
    assert!(matches!(waiting["status"].as_str(), Some("pending" | "processing")), "{waiting}");
    assert_eq!(office.read(FILE), before);
    sshd.start_again();
    let calls = unsaid.wait_for_calls(17, 120);
    assert!(calls.iter().all(|c| c["status"] != "failed"), "{calls:#?}");
    let call = calls.iter().find(|c| c["linkedid"] == "1715693412.34").unwrap();
    assert_redacted(FILE, &before, &office.read(FILE), &segments_of(call));
}

#[test]
fn a_server_that_stalls_or_breaks_off_leaves_the_file_and_the_call_says_so() {
    for (hold, says) in [(true, "did not answer in time"), (false, "broke off")] {
        let office = Office::lay_out();
        let sshd = Sshd::start();
        let before = office.read(FILE);
        let rows = std::fs::read_to_string(office.path().join("cdr.csv")).unwrap();
        let one: Vec<&str> = rows.lines().take(2).collect();
        std::fs::write(office.path().join("cdr.csv"), one.join("\n") + "\n").unwrap();
        let local = format!("kind = \"local\"\nbase = \"{}\"\n", office.monitor().display());
        let through = format!("port = {}", wire(sshd.port, 60_000, hold));
        let sftp = sshd.settings(&office.monitor()).replace(&format!("port = {}", sshd.port), &through);
        let mut unsaid = Unsaid::serve(office.path(), &office.settings().replace(&local, &sftp));
        unsaid.wait_until_ready();
        let waiting =
            eventually(&format!("the call of a large file says that the server {says}"), 60, || {
                let calls = unsaid.calls();
                calls.into_iter().find(|c| {
                    c["linkedid"] == "1715693412.34" && c["detail"].as_str().is_some_and(|d| d.contains(says))
                })
            });
        assert!(matches!(waiting["status"].as_str(), Some("pending" | "processing")), "{waiting}");
        assert_eq!(office.read(FILE), before);
        assert!(unsaid.process.is_running());
    }
}

#[test]
fn calls_go_on_after_mariadb_was_restarted() {
    let office = Office::lay_out();
    let mut db = MariaDb::start(false);
    let row = |n: u32| {
        format!(
            "USE asteriskcdrdb; INSERT INTO cdr (calldate, uniqueid, linkedid, sequence, disposition, dstchannel, did)
             VALUES (NOW(), '17156934{n:02}.1', '17156934{n:02}.1', {n}, 'BUSY', 'PJSIP/201-1', '1555')"
        )
    };
    db.sql(&row(1));
    let csv = format!("kind = \"csv\"\npath = \"{}\"\n", office.path().join("cdr.csv").display());
    let source = format!(
        "kind = \"freepbx\"\nhost = \"127.0.0.1\"\nport = {}\nuser = \"{USER}\"\npassword = \"{PASSWORD}\"\ntls = \"off\"\nstatement_timeout = \"2s\"\n",
        db.port
    );
    let settings = office.settings().replace(&csv, &source);
    assert!(settings.contains("freepbx"));
    let mut unsaid = Unsaid::serve(office.path(), &settings);
    unsaid.wait_until_ready();
    unsaid.wait_for_calls(1, 60);
    db.stop();
    eventually("the log says what is wrong", 30, || {
        std::fs::read_to_string(&unsaid.process.log)
            .unwrap()
            .contains("the CDR database at 127.0.0.1")
            .then_some(())
    });
    db.start_again();
    db.sql(&row(2));
    let calls = unsaid.wait_for_calls(2, 60);
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|c| c["status"] == "unanswered"), "{calls:#?}");
}

#[test]
fn a_recording_that_asterisk_appends_to_after_its_redaction_is_redacted_again() {
    let office = Office::lay_out();
    let (linkedid, name) = ("1715690000.1", "external-201-15550-20240514-080000-1715690000.1.wav");
    let path = format!("2024/05/14/{name}");
    let file = office.monitor().join(&path);
    let words = |p: &str, shift: f64| -> Vec<serde_json::Value> {
        let json = std::fs::read(office.monitor().join(p).with_extension("json")).unwrap();
        let mut words =
            serde_json::from_slice::<serde_json::Value>(&json).unwrap()["words"].as_array().unwrap().clone();
        for word in &mut words {
            for time in ["start", "end"] {
                word[time] = (word[time].as_f64().unwrap() + shift).into();
            }
        }
        words
    };
    let put = |audio: &[u8], words: Vec<serde_json::Value>| {
        let head =
            unsaid_dsp::container::wav::pcm16_header(unsaid_dsp::Rate::NARROW_BAND, 1, audio.len() as u32);
        std::fs::write(&file, [&head[..], audio].concat()).unwrap();
        crate::office::age(&file);
        std::fs::write(file.with_extension("json"), serde_json::json!({ "words": words }).to_string())
            .unwrap();
    };
    let (first, second) = (SECRETS[9].0, SECRETS[0].0);
    let audio = |p: &str| office.read(p)[44..].to_vec();
    put(&audio(first), words(first, 0.0));
    let leg = |n: u32| {
        format!("2024-05-14 08:00:0{n},{linkedid},{linkedid},{n},ANSWERED,20,25,PJSIP/201-1,{name},1555\n")
    };
    let head =
        "calldate,uniqueid,linkedid,sequence,disposition,billsec,duration,dstchannel,recordingfile,did\n";
    std::fs::write(office.path().join("cdr.csv"), format!("{head}{}", leg(1))).unwrap();
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    let calls = unsaid.wait_for_calls(1, 60);
    assert_eq!(segments_of(&calls[0]).len(), 1);
    // The caller comes back from park: the same file goes on, and a leg more is written.
    let redacted = office.read(&path)[44..].to_vec();
    let mut longer = redacted.clone();
    longer.extend(audio(second));
    let mut both = words(first, 0.0);
    both.extend(words(second, redacted.len() as f64 / 16_000.0));
    put(&longer, both);
    let before = office.read(&path);
    std::fs::write(office.path().join("cdr.csv"), format!("{head}{}{}", leg(1), leg(2))).unwrap();
    let call = eventually("the longer recording is redacted", 60, || {
        unsaid.calls().into_iter().find(|c| c["status"] == "completed" && segments_of(c).len() == 4)
    });
    assert_redacted(&path, &before, &office.read(&path), &segments_of(&call));
}

#[test]
fn a_full_disk_under_the_database_stops_no_file_halfway_and_ends_when_there_is_room() {
    let office = Office::lay_out();
    let before: Vec<Vec<u8>> = SECRETS.iter().map(|s| office.read(s.0)).collect();
    let data = office.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let config = office.path().join("unsaid.toml");
    let port = crate::servers::free_port();
    let head = format!("[data]\ndir = \"{}\"\n[api]\nlisten = \"127.0.0.1:{port}\"\n", data.display());
    std::fs::write(&config, format!("{head}{}", office.settings())).unwrap();
    // 600 kB: enough to begin, not to end. What is there afterwards is kept for the second start.
    let kept = folder();
    let script = format!(
        "mount -t tmpfs -o size=600k tmpfs {data} && (timeout -s KILL 12 {unsaid} serve --config {config}; cp -a {data}/. {kept}/)",
        data = data.display(),
        unsaid = crate::office::UNSAID,
        config = config.display(),
        kept = kept.path().display()
    );
    let Some(output) = with_own_mounts(&script) else { return };
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        log.contains("full") || log.contains("space"),
        "the log says that the disk is full:\n{log:.2000}"
    );
    for (n, (file, _)) in SECRETS.iter().enumerate() {
        assert_eq!(office.read(file).len(), before[n].len());
    }
    assert!(run(Command::new("cp").args([
        "-a",
        &format!("{}/.", kept.path().display()),
        &data.display().to_string()
    ])));
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    let calls = unsaid.wait_for_calls(17, 90);
    assert!(calls.iter().all(|c| c["status"] != "failed"), "{calls:#?}");
    let call = calls.iter().find(|c| c["linkedid"] == "1715693412.34").unwrap();
    assert_redacted(FILE, &before[0], &office.read(FILE), &segments_of(call));
}

/// A thousand calls of years ago whose recordings are deleted: each says so, and today's calls wait for none of them.
#[test]
fn history_without_its_recordings_ends_at_once_and_holds_up_no_call() {
    let office = Office::lay_out();
    let cdrs = std::fs::read_to_string(office.path().join("cdr.csv")).unwrap();
    let (header, own) = cdrs.split_once('\n').unwrap();
    let columns: Vec<&str> = header.split(',').collect();
    let old = (0..1_000).map(|n| {
        let cell = |column: &&str| match *column {
            "calldate" => format!("2021-03-{:02} 10:00:00", n % 28 + 1),
            "disposition" => "ANSWERED".to_owned(),
            "dstchannel" => "PJSIP/201-1".to_owned(),
            "billsec" | "duration" => "20".to_owned(),
            "uniqueid" | "linkedid" => format!("16146{n:05}.1"),
            "sequence" => (n + 5_000).to_string(),
            "recordingfile" => format!("out-1-2-202103{:02}-100000-16146{n:05}.1.wav", n % 28 + 1),
            _ => String::new(),
        };
        columns.iter().map(cell).collect::<Vec<_>>().join(",") + "\n"
    });
    let old: String = old.collect();
    std::fs::write(office.path().join("cdr.csv"), format!("{header}\n{old}{own}")).unwrap();
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    let started = Instant::now();
    let redacted = || {
        let found = unsaid.get("/api/v1/calls?limit=40")?;
        let found = found["calls"].as_array()?.iter().filter(|c| c["redacted"] == true).count();
        (found == 9).then_some(())
    };
    eventually("today's calls are redacted", 60, redacted);
    let calls = unsaid.wait_for_calls(1_017, 120);
    let gone = calls.iter().filter(|c| c["detail"] == "the recording is not there").count();
    assert_eq!((calls.len(), gone), (1_017, 1_000));
    let metrics = reqwest::blocking::get(format!("{}/metrics", unsaid.url)).unwrap().text().unwrap();
    let dead: Vec<&str> = metrics.lines().filter(|l| l.starts_with("unsaid_dead_letters_total{")).collect();
    assert!(dead.iter().all(|l| l.ends_with(" 0")), "{dead:?}");
    println!("{:?}", started.elapsed());
}

#[test]
fn a_permission_that_is_lost_today_is_waited_for() {
    let office = Office::lay_out();
    let now = chrono::Utc::now();
    let name = "external-201-15550-20240514-080000-1715690000.1.wav";
    let path = now.format(&format!("%Y/%m/%d/{name}")).to_string();
    let file = office.monitor().join(&path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let source = office.monitor().join(FILE);
    std::fs::copy(source.with_extension("json"), file.with_extension("json")).unwrap();
    std::fs::copy(&source, &file).unwrap();
    crate::office::age(&file);
    let before = office.read(&path);
    let row = now.format("%Y-%m-%d %H:%M:%S");
    let head =
        "calldate,uniqueid,linkedid,sequence,disposition,billsec,duration,dstchannel,recordingfile,did\n";
    let row = format!("{row},1715690000.1,1715690000.1,1,ANSWERED,20,25,PJSIP/201-1,{path},1555\n");
    std::fs::write(office.path().join("cdr.csv"), format!("{head}{row}")).unwrap();
    // As root one may do everything: then the SFTP server runs as somebody else.
    let nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups --";
    let sshd =
        Sshd::start_through("", |sftp| if is_root() { format!("{nobody} {sftp}") } else { sftp.to_owned() });
    let local = format!("kind = \"local\"\nbase = \"{}\"\n", office.monitor().display());
    let settings = office.settings().replace(&local, &sshd.settings(&office.monitor()));
    let permit = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    if is_root() {
        std::os::unix::fs::chown(&file, Some(65_534), Some(65_534)).unwrap();
    }
    permit(0);
    let mut unsaid = Unsaid::serve(office.path(), &settings);
    unsaid.wait_until_ready();
    let said = |unsaid: &Unsaid| unsaid.calls().into_iter().next();
    eventually("the call says what it waits for", 30, || {
        said(&unsaid).filter(|c| c["detail"].as_str().is_some_and(|d| d.contains("permission denied")))
    });
    std::thread::sleep(Duration::from_secs(3));
    assert_ne!(said(&unsaid).unwrap()["status"], "failed", "it is waited for");
    permit(0o644);
    let call =
        eventually("it goes on by itself", 60, || said(&unsaid).filter(|c| c["status"] == "completed"));
    assert_redacted(&path, &before, &office.read(&path), &segments_of(&call));
}
