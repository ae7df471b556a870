//! kill -9 at 20 random moments of a run of 50 calls, started again each time:
//! every call ends once, every file is whole; in place and by replacement.
//! `TEST_KILL_ROUNDS=25` kills 500 times in each way.

use crate::office::{DATA, Office, SECRETS, Unsaid, age, assert_redacted, segments_of};
use crate::originals::Sealing;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

const CALLS: usize = 50;
const KILLS: usize = 20;

/// Fifty calls, each with a copy of a recording that holds a secret.
fn fifty(office: &Office) -> HashMap<String, (String, Vec<u8>)> {
    let mut out = HashMap::new();
    let mut csv =
        "calldate,uniqueid,linkedid,sequence,disposition,billsec,duration,dstchannel,recordingfile,did\n"
            .to_owned();
    let folder = office.monitor().join("2024/05/16");
    std::fs::create_dir_all(&folder).unwrap();
    for n in 0..CALLS {
        let (source, _) = SECRETS[n % SECRETS.len()];
        let source = Path::new(DATA).join("monitor").join(source);
        let extension = source.extension().unwrap().to_str().unwrap();
        let linkedid = format!("1715850{n:03}.1");
        let name = format!("external-201-1555{n:04}-20240516-090000-{linkedid}.{extension}");
        let target = folder.join(&name);
        std::fs::copy(&source, &target).unwrap();
        age(&target);
        std::fs::copy(source.with_extension("json"), target.with_extension("json")).unwrap();
        csv.push_str(&format!(
            "2024-05-16 09:00:{:02},{linkedid},{linkedid},{},ANSWERED,20,25,PJSIP/201-1,{name},1555\n",
            n,
            n + 1
        ));
        out.insert(linkedid, (format!("2024/05/16/{name}"), std::fs::read(&source).unwrap()));
    }
    std::fs::write(office.path().join("cdr.csv"), csv).unwrap();
    out
}

#[test]
fn every_call_ends_once_and_every_file_is_whole() {
    survives("in_place");
}

#[test]
fn every_call_ends_once_and_every_file_is_whole_where_files_are_replaced() {
    survives("replace");
}

fn survives(write_back: &str) {
    let rounds = std::env::var("TEST_KILL_ROUNDS").map_or(1, |r| r.parse().expect("a number of rounds"));
    let cut: usize = (0..rounds).map(|_| survives_a_round(write_back)).sum();
    assert!(cut > 0, "no kill fell into the work");
    println!("{write_back}: {cut} times a recording was found changed after one of {} kills", rounds * KILLS);
}

fn survives_a_round(write_back: &str) -> usize {
    let sealing = Sealing::lay_out();
    let office = &sealing.office;
    let originals = fifty(office);
    // Slower than it must be, so that kills fall into the middle of the work.
    let settings = sealing.settings().replace("[limits]\n", "[limits]\nmessages = 1\n");
    let settings = settings.replace("[[pbx]]\n", &format!("[[pbx]]\nwrite_back = \"{write_back}\"\n"));
    let mut random =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
    println!("seed {random}");
    let mut cut = 0;
    for _ in 0..KILLS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut unsaid = Unsaid::serve(office.path(), &settings);
        unsaid.wait_until_ready();
        std::thread::sleep(Duration::from_millis((random >> 33) % 1_200));
        assert!(unsaid.process.is_running(), "it stopped by itself:\n{}", unsaid.process.tail());
        unsaid.process.kill();
        for (path, original) in originals.values() {
            let now = office.read(path);
            assert_eq!(now.len(), original.len(), "{path} lost bytes");
            if now != *original {
                cut += 1;
                plays(path, &now);
            }
        }
    }
    let mut unsaid = Unsaid::serve(office.path(), &settings);
    unsaid.wait_until_ready();
    let calls = unsaid.wait_for_calls(CALLS, 180);
    assert_eq!(calls.len(), CALLS, "no call is doubled");
    assert_eq!(calls.iter().map(|c| c["id"].to_string()).collect::<HashSet<_>>().len(), CALLS);
    for call in &calls {
        assert_eq!(call["status"], "completed", "{call}");
        let (path, original) = &originals[call["linkedid"].as_str().unwrap()];
        assert_redacted(path, original, &office.read(path), &segments_of(call));
    }
    let left = std::fs::read_dir(office.monitor().join("2024/05/16")).unwrap().flatten();
    let ours = left.filter(|e| e.file_name().to_string_lossy().starts_with(".tmp-")).count();
    assert_eq!(ours, 0, "files of ours lie beside the recordings");
    originals.values().for_each(|(path, _)| plays(path, &office.read(path)));
    // Every recording that was muted has its original, whole, and no other.
    let sealed = sealing.list();
    assert_eq!(sealed.len(), CALLS);
    for original in &sealed {
        let (_, bytes) = originals.values().find(|(path, _)| original["path"] == *path).unwrap();
        assert_eq!(original["original_sha256"], unsaid::stage::redact::plan::sha256(bytes), "{original}");
    }
    cut
}

#[track_caller]
fn plays(path: &str, bytes: &[u8]) {
    let layout = unsaid_dsp::container::locate(path, bytes).unwrap();
    assert!(unsaid_dsp::decode::decode(bytes, &layout).is_ok(), "{path} does not play");
}
