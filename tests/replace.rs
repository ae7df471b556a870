//! A whole file in the place of another: at any instant the recording's name
//! bears a whole file, or an original lies beside it and is put back.

use crate::meddled::{AFTER, BEFORE, BEST, Fate, ID, Meddled, SERVERS, Server, TAIL, path, which};
use crate::office::{Office, SECRETS, Unsaid, age, assert_redacted, segments_of};
use crate::servers::openssh::Sshd;
use crate::servers::{eventually, folder, is_root};
use serde_json::Value;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;
use unsaid::recordings::local::LocalRecordings;
use unsaid::recordings::sftp::SftpRecordings;
use unsaid::recordings::write_back::{Replacement, recover, replace};
use unsaid::recordings::{Recordings, RecordingsError, Result, Stat};

/// A base folder with one recording of another mode and an old time.
fn base() -> tempfile::TempDir {
    let dir = folder();
    let file = dir.path().join(path().as_str());
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, BEFORE).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    age(&file);
    dir
}

/// The files in the recording's folder.
fn files(base: &Path) -> Vec<String> {
    let folder = base.join(path().as_str());
    let all = std::fs::read_dir(folder.parent().unwrap()).unwrap().flatten();
    let mut names: Vec<String> = all.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn content(base: &Path) -> Option<Vec<u8>> {
    std::fs::read(base.join(path().as_str())).ok()
}

async fn try_replace(recordings: &dyn Recordings, seen: Stat) -> Result<()> {
    let new = Replacement { id: ID, seen, before: BEFORE, after: AFTER, limit_bytes: 1 << 20 };
    replace(recordings, &path(), new).await
}

/// What the stage does after a crash: mend, look, and replace unless it is done.
async fn next_run(base: &Path, server: Server) {
    let recordings = Meddled::new(base, Fate::Nothing, server);
    recover(&recordings, &path(), ID, 1 << 20, which).await.unwrap();
    let there = recordings.fetch(&path(), 1 << 20).await.unwrap();
    if there != AFTER {
        assert_eq!(there, BEFORE);
        let seen = recordings.stat(&path()).await.unwrap();
        try_replace(&recordings, seen).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_file_has_the_owner_mode_and_time_of_the_original_here_and_over_sftp() {
    let sshd = tokio::task::spawn_blocking(Sshd::start).await.unwrap();
    for over_sftp in [false, true] {
        let dir = base();
        let recordings: Box<dyn Recordings> = if over_sftp {
            Box::new(SftpRecordings::new(sshd.config(dir.path())))
        } else {
            Box::new(LocalRecordings::new(dir.path()))
        };
        let file = dir.path().join(path().as_str());
        if is_root() {
            std::os::unix::fs::chown(&file, Some(65_534), Some(65_534)).unwrap();
        }
        let before = std::fs::metadata(&file).unwrap();
        let seen = recordings.stat(&path()).await.unwrap();
        try_replace(recordings.as_ref(), seen).await.unwrap();
        let after = std::fs::metadata(&file).unwrap();
        assert_eq!(content(dir.path()).unwrap(), AFTER);
        let dressed = |m: &std::fs::Metadata| (m.uid(), m.gid(), m.mode(), m.mtime());
        assert_eq!(dressed(&after), dressed(&before), "over SFTP: {over_sftp}");
        assert_eq!(files(dir.path()), ["call.flac"]);
    }
}

/// How many calls it takes where nothing happens.
async fn steps_on(server: Server) -> usize {
    let dir = base();
    let counted = Meddled::new(dir.path(), Fate::Nothing, server);
    let seen = counted.inner.stat(&path()).await.unwrap();
    try_replace(&counted, seen).await.unwrap();
    let steps = counted.calls.load(Ordering::SeqCst);
    assert!(steps >= 11, "{steps}");
    steps
}

#[tokio::test]
async fn a_crash_at_any_step_leaves_a_whole_file_and_the_next_run_finishes() {
    for server in SERVERS {
        let steps = steps_on(server).await;
        for fate in (1..=steps).flat_map(|n| [Fate::DiesAt(n), Fate::DiesAfter(n)]) {
            let dir = base();
            let dying = Meddled::new(dir.path(), fate, server);
            let seen = dying.inner.stat(&path()).await.unwrap();
            assert!(try_replace(&dying, seen).await.is_err());
            match content(dir.path()) {
                Some(there) => assert!(there == BEFORE || there == AFTER, "a torn recording"),
                // Only a server without an atomic rename has such an instant.
                None => {
                    assert!(!server.renames_over);
                    let aside = files(dir.path()).into_iter().find(|n| n.starts_with(".tmp-original"));
                    let aside = dir.path().join("2024/05/14").join(aside.expect("the original lies aside"));
                    assert_eq!(std::fs::read(aside).unwrap(), BEFORE);
                }
            }
            next_run(dir.path(), server).await;
            assert_eq!(content(dir.path()).unwrap(), AFTER);
            assert_eq!(files(dir.path()), ["call.flac"], "files of ours were left");
        }
    }
}

#[tokio::test]
async fn a_recording_that_changes_meanwhile_is_not_touched() {
    // Before the new file is written, while it is read back, right before it is compared.
    for at in 1..=8 {
        let dir = base();
        let meddled = Meddled::new(dir.path(), Fate::AltersAt(at), BEST);
        let seen = meddled.inner.stat(&path()).await.unwrap();
        let result = try_replace(&meddled, seen).await;
        assert!(matches!(result, Err(RecordingsError::Changed)), "{at}: {result:?}");
        assert_eq!(content(dir.path()).unwrap(), BEFORE.to_ascii_uppercase());
        assert_eq!(files(dir.path()), ["call.flac"]);
    }
}

#[tokio::test]
async fn what_is_appended_at_any_step_is_there_afterwards() {
    for server in SERVERS {
        let steps = steps_on(server).await;
        // The steps around the one in which the name bears no file: nobody can append by it.
        let nameless = if server.renames_over { steps + 1 } else { 13 + usize::from(server.links) };
        for at in (1..=steps).filter(|at| *at != nameless) {
            let dir = base();
            let meddled = Meddled::new(dir.path(), Fate::AppendsAt(at), server);
            let seen = meddled.inner.stat(&path()).await.unwrap();
            let result = try_replace(&meddled, seen).await;
            let there = content(dir.path()).unwrap();
            // Where the server has neither, what comes in the one request of the rename is lost.
            let is_unseen = server.renames_over && !server.links && at == 11;
            match result {
                Ok(()) if is_unseen => assert_eq!(there, AFTER),
                Ok(()) => assert!(there == [AFTER, TAIL].concat(), "{server:?} {at}"),
                Err(error) => {
                    assert!(matches!(error, RecordingsError::Changed), "{server:?} {at}: {error}");
                    assert_eq!(there, [BEFORE, TAIL].concat(), "{server:?} {at}");
                }
            }
            assert_eq!(files(dir.path()), ["call.flac"], "{server:?} {at}");
        }
    }
}

#[tokio::test]
async fn what_was_appended_outlives_a_crash_at_any_later_step() {
    let steps = steps_on(BEST).await;
    for (at, dies) in (1..steps).flat_map(|at| (at + 1..=steps).map(move |dies| (at, dies))) {
        let dir = base();
        let meddled = Meddled::new(dir.path(), Fate::AppendsAndDies(at, dies), BEST);
        let seen = meddled.inner.stat(&path()).await.unwrap();
        assert!(try_replace(&meddled, seen).await.is_err(), "{at} {dies}");
        let next = LocalRecordings::new(dir.path());
        let recovered = recover(&next, &path(), ID, 1 << 20, which).await;
        let there = content(dir.path()).unwrap();
        if at <= 11 {
            assert_eq!(there, [BEFORE, TAIL].concat(), "{at} {dies}");
            assert_eq!(
                (recovered.is_ok(), files(dir.path())),
                (true, vec!["call.flac".to_owned()]),
                "{at} {dies}"
            );
        } else {
            // It went to the new file, and only a person can tell that from another one.
            assert_eq!(there, [AFTER, TAIL].concat(), "{at} {dies}");
            assert!(matches!(recovered, Err(RecordingsError::SetAside(_))), "{at} {dies}");
        }
    }
}

#[tokio::test]
async fn a_sweep_at_any_step_loses_nothing() {
    for server in SERVERS {
        for at in 1..=steps_on(server).await {
            let dir = base();
            let swept = Meddled::new(dir.path(), Fate::SweptAt(at), server);
            let seen = swept.inner.stat(&path()).await.unwrap();
            let result = try_replace(&swept, seen).await;
            let there = content(dir.path()).unwrap();
            match result {
                Ok(()) => assert_eq!(there, AFTER, "{server:?} {at}"),
                Err(error) => {
                    assert!(matches!(error, RecordingsError::Changed), "{server:?} {at}: {error}");
                    assert_eq!(there, BEFORE, "{server:?} {at}");
                }
            }
            assert_eq!(files(dir.path()), ["call.flac"], "{server:?} {at}");
            next_run(dir.path(), server).await;
            assert_eq!(content(dir.path()).unwrap(), AFTER, "{server:?} {at}");
        }
    }
}

#[tokio::test]
async fn a_recording_that_is_deleted_meanwhile_stays_deleted() {
    for at in 1..=10 {
        let dir = base();
        let meddled = Meddled::new(dir.path(), Fate::GoesAt(at), BEST);
        let seen = meddled.inner.stat(&path()).await.unwrap();
        let result = try_replace(&meddled, seen).await;
        assert!(matches!(result, Err(RecordingsError::NotFound)), "{at}: {result:?}");
        assert_eq!(files(dir.path()), [""; 0], "{at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_with_another_name_is_refused_for_the_other_would_keep_the_secret() {
    let sshd = tokio::task::spawn_blocking(Sshd::start).await.unwrap();
    let dir = base();
    let file = dir.path().join(path().as_str());
    let local = LocalRecordings::new(dir.path());
    let sftp = SftpRecordings::new(sshd.config(dir.path()));
    let seen = local.stat(&path()).await.unwrap();
    let other = dir.path().join("2024/05/14/other.flac");
    std::fs::hard_link(&file, &other).unwrap();
    assert!(matches!(try_replace(&local, seen).await, Err(RecordingsError::Linked)));
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("other.flac", &file).unwrap();
    for recordings in [&local as &dyn Recordings, &sftp] {
        assert!(matches!(try_replace(recordings, seen).await, Err(RecordingsError::Linked)));
    }
    assert_eq!(std::fs::read(&other).unwrap(), BEFORE);
    assert_eq!(files(dir.path()), ["call.flac", "other.flac"]);
}

#[tokio::test]
async fn an_original_set_aside_is_never_removed_when_another_file_bears_its_name() {
    let dir = base();
    let aside = dir.path().join("2024/05/14").join(format!(".tmp-original-{ID}-call.flac"));
    std::fs::copy(dir.path().join(path().as_str()), &aside).unwrap();
    std::fs::write(dir.path().join(path().as_str()), b"a new call of the same name").unwrap();
    let local = LocalRecordings::new(dir.path());
    let result = recover(&local, &path(), ID, 1 << 20, which).await;
    assert!(matches!(&result, Err(e @ RecordingsError::SetAside(_)) if e.is_final()), "{result:?}");
    assert_eq!(std::fs::read(aside).unwrap(), BEFORE);
}

#[tokio::test]
async fn what_an_earlier_life_of_the_store_left_is_no_obstacle() {
    let dir = base();
    let beside = |prefix: &str| dir.path().join("2024/05/14").join(format!(".tmp-{prefix}-{ID}-call.flac"));
    std::fs::write(beside("redacted"), b"half of someth").unwrap();
    std::fs::hard_link(dir.path().join(path().as_str()), beside("original")).unwrap();
    let local = LocalRecordings::new(dir.path());
    let seen = local.stat(&path()).await.unwrap();
    try_replace(&local, seen).await.unwrap();
    assert_eq!(
        (content(dir.path()).unwrap(), files(dir.path())),
        (AFTER.to_vec(), vec!["call.flac".to_owned()])
    );
}

/// The API's recording of this file.
fn recording_of(unsaid: &Unsaid, file: &str) -> Option<Value> {
    let details = unsaid
        .calls()
        .into_iter()
        .filter_map(|call| unsaid.get(&format!("/api/v1/calls/{}", call["id"].as_str()?)));
    let mut all = details.flat_map(|c| c["recordings"].as_array().cloned().unwrap_or_default());
    all.find(|r| r["path"].as_str().is_some_and(|p| p.ends_with(file)))
}

#[test]
fn a_flac_recording_is_replaced_by_a_running_unsaid() {
    let office = Office::lay_out();
    let (wav, _) = SECRETS[0];
    let before = office.monitor().join(wav);
    let flac = before.with_extension("flac");
    let encoded =
        Command::new("flac").args(["--silent", "--delete-input-file", "-o"]).arg(&flac).arg(&before).status();
    assert!(encoded.expect("flac is installed by `make test`").success());
    age(&flac);
    let original = std::fs::read(&flac).unwrap();
    let rows = office.path().join("cdr.csv");
    let name = |p: &str| Path::new(p).file_name().unwrap().to_string_lossy().into_owned();
    let text = std::fs::read_to_string(&rows).unwrap();
    std::fs::write(&rows, text.replace(&name(wav), &name(&wav.replace(".wav", ".flac")))).unwrap();
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    let file = name(&wav.replace(".wav", ".flac"));
    let recording = eventually("the FLAC recording is redacted", 60, || {
        recording_of(&unsaid, &file).filter(|r| r["redaction_status"] == "completed")
    });
    let after = std::fs::read(&flac).unwrap();
    assert_ne!(after, original);
    assert_eq!(recording["size_bytes"].as_u64(), Some(after.len() as u64));
    let decode = |bytes: &[u8]| {
        let layout = unsaid_dsp::container::locate("call.flac", bytes).unwrap();
        unsaid_dsp::decode::decode(bytes, &layout).unwrap()
    };
    let (was, is) = (decode(&original), decode(&after));
    let segments = segments_of(&recording);
    assert!(!segments.is_empty());
    for (k, (a, b)) in was.planes[0].iter().zip(&is.planes[0]).enumerate() {
        let at_s = was.rate.seconds(k as u64);
        let inside = |edge: f64| segments.iter().any(|(from, to)| (from + edge..to - edge).contains(&at_s));
        assert!(inside(0.0) || a == b, "a sample changed at {at_s} s");
        assert!(!inside(0.003) || *b == 0.0, "it sounds at {at_s} s");
    }
    // Its own output is not heard again, and nothing of ours lies about.
    let left = std::fs::read_dir(flac.parent().unwrap()).unwrap().flatten();
    assert!(left.into_iter().all(|e| !e.file_name().to_string_lossy().starts_with(".tmp-")));
}

#[test]
fn every_format_can_be_replaced_where_a_setting_asks_for_it() {
    let office = Office::lay_out();
    let whole = Office::lay_out();
    let settings = office.settings().replace("[[pbx]]\n", "[[pbx]]\nwrite_back = \"replace\"\n");
    let inode = |path: &str| std::fs::metadata(office.monitor().join(path)).unwrap().ino();
    let before: Vec<u64> = SECRETS.iter().map(|s| inode(s.0)).collect();
    let mut unsaid = Unsaid::serve(office.path(), &settings);
    unsaid.wait_until_ready();
    for ((path, segments), inode_before) in SECRETS.iter().zip(before) {
        let recording = eventually("the recording is redacted", 60, || {
            recording_of(&unsaid, path).filter(|r| r["redaction_status"] == "completed")
        });
        let spans = segments_of(&recording);
        assert_eq!(spans.len(), *segments, "{path}");
        assert_redacted(path, &whole.read(path), &office.read(path), &spans);
        assert_ne!(inode(path), inode_before, "{path} was overwritten, not replaced");
    }
}

#[test]
fn what_freepbx_keeps_for_its_player_is_deleted_here_and_over_sftp() {
    let md5 = "0123456789abcdef0123456789abcdef";
    let sshd = Sshd::start();
    for over_sftp in [false, true] {
        let office = Office::lay_out();
        let cache = office.path().join("playback");
        std::fs::create_dir_all(&cache).unwrap();
        let copy = |recording: &str, extension: &str| {
            let name = Path::new(recording).file_stem().unwrap().to_string_lossy().replace('.', "_");
            cache.join(format!("{name}-{md5}.{extension}"))
        };
        let (secret, plain) = (SECRETS[0].0, crate::office::PLAIN[0]);
        for file in [copy(secret, "ogg"), copy(secret, "mp3"), copy(plain, "ogg")] {
            std::fs::write(file, b"audio").unwrap();
        }
        let mut settings = office.settings();
        if over_sftp {
            let local = format!("kind = \"local\"\nbase = \"{}\"\n", office.monitor().display());
            assert!(settings.contains(&local));
            settings = settings.replace(&local, &sshd.settings(&office.monitor()));
            // Words are read from beside the recordings, over SFTP too.
        }
        let own = format!("[[pbx]]\nplayer_cache = \"{}\"\n", cache.display());
        let mut unsaid = Unsaid::serve(office.path(), &settings.replace("[[pbx]]\n", &own));
        unsaid.wait_until_ready();
        eventually("the recording is redacted", 60, || {
            recording_of(&unsaid, secret).filter(|r| r["redaction_status"] == "completed")
        });
        assert!(!copy(secret, "ogg").exists() && !copy(secret, "mp3").exists(), "over SFTP: {over_sftp}");
        assert!(copy(plain, "ogg").exists(), "what nobody redacted stays");
    }
}
