//! A write-back that was cut off and given up: what is left beside the recording goes, what was
//! written meanwhile comes back.

use crate::office::{Office, SECRETS, Unsaid};
use crate::originals::Sealing;
use crate::servers::eventually;
use serde_json::Value;
use std::path::PathBuf;
use unsaid::call::{CallKey, PbxId, TenantId};
use unsaid::store::Store;
use unsaid::store::recordings::Intent;

/// The hidden names beside a recording.
fn hidden(office: &Office, path: &str, id: &str) -> (PathBuf, PathBuf) {
    let file = office.monitor().join(path);
    let name = file.file_name().unwrap().to_string_lossy();
    let at = |prefix: &str| file.with_file_name(format!(".tmp-{prefix}-{id}-{name}"));
    (at("redacted"), at("original"))
}

/// Ids and calls of recordings, by their paths.
fn recording(unsaid: &Unsaid, path: &str) -> (String, Value) {
    let calls = unsaid.calls().into_iter();
    let mut details = calls.filter_map(|call| unsaid.get(&format!("/api/v1/calls/{}", call["id"].as_str()?)));
    let found = details.find_map(|call| {
        let recordings = call["recordings"].as_array()?;
        let found = recordings.iter().find(|r| r["path"] == path)?;
        Some((found["id"].as_str()?.to_owned(), call.clone()))
    });
    found.unwrap()
}

/// As if it had been given up after its intent was stored.
fn give_up(office: &Office, id: &str, call: &Value, before: &[u8], after: &[u8]) {
    let sum = |bytes: &[u8]| unsaid::stage::redact::plan::sha256(bytes);
    let intent = Intent {
        original_sha256: sum(before),
        redacted_sha256: sum(after),
        size_bytes: after.len() as u64,
        segments: Vec::new(),
        spans: Vec::new(),
        byte_ranges: Vec::new(),
        mtime_s: 0,
        ruleset: String::new(),
        transcript: None,
        peaks: Vec::new(),
        format: "wav/pcm_s16le".to_owned(),
        duration_s: 1.0,
        muted_s: 0.0,
        note: None,
    };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Store::open_sqlite(&office.path().join("data")).await.unwrap();
        let tenant = TenantId::default_tenant();
        let text = |name: &str| call[name].as_str().unwrap().to_owned();
        let pbx = PbxId::try_from(text("pbx")).unwrap();
        let key = CallKey { tenant: tenant.clone(), pbx, linkedid: text("linkedid") };
        store.save_intent(&tenant, id, &intent).await.unwrap();
        store.fail_redaction(&key, id, "given up").await.unwrap();
    });
}

#[test]
fn what_a_write_back_that_was_given_up_left_is_swept_and_what_was_appended_comes_back() {
    let office = Office::lay_out();
    let paths = [SECRETS[0].0, SECRETS[1].0, SECRETS[2].0];
    let before = paths.map(|p| office.read(p));
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    unsaid.wait_for_calls(17, 90);
    let found = paths.map(|p| recording(&unsaid, p));
    drop(unsaid);
    let after = paths.map(|p| office.read(p));
    for (n, (id, call)) in found.iter().enumerate() {
        give_up(&office, id, call, &before[n], &after[n]);
    }
    let names: Vec<_> = paths.iter().zip(&found).map(|(p, (id, _))| hidden(&office, p, id)).collect();
    // The new file was never renamed; the old one still had its second name; somebody appended to that.
    std::fs::write(office.monitor().join(paths[0]), &before[0]).unwrap();
    std::fs::write(&names[0].0, &after[0]).unwrap();
    std::fs::write(&names[1].1, &before[1]).unwrap();
    let grown = [&before[2][..], &[0x11; 320]].concat();
    std::fs::write(&names[2].1, &grown).unwrap();
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    eventually("nothing of ours is left", 20, || {
        names.iter().all(|(a, b)| !a.exists() && !b.exists()).then_some(())
    });
    let expected = [&before[0], &after[1], &grown];
    for (path, expected) in paths.iter().zip(expected) {
        assert!(office.read(path) == *expected, "{path}");
    }
}

#[test]
fn an_original_whose_return_was_cut_off_is_put_back_by_the_next_try() {
    let sealing = Sealing::lay_out();
    let (path, _) = SECRETS[0];
    let before = sealing.office.read(path);
    let mut unsaid = Unsaid::serve(sealing.office.path(), &sealing.settings());
    unsaid.wait_until_ready();
    unsaid.wait_for_calls(17, 90);
    let (id, _) = recording(&unsaid, path);
    drop(unsaid);
    let (temporary, aside) = hidden(&sealing.office, path, &id);
    let file = sealing.office.monitor().join(path);
    std::fs::write(&temporary, &before[..before.len() / 2]).unwrap();
    std::fs::hard_link(&file, &aside).unwrap();
    let listed = sealing.list();
    let original = listed.iter().find(|o| o["path"] == path).unwrap()["id"].as_str().unwrap().to_owned();
    let restored =
        sealing.originals(&["restore", &original, "--identity", &sealing.key.display().to_string()]);
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    assert!(sealing.office.read(path) == before);
    assert!(!temporary.exists() && !aside.exists());
}
