//! One file under several linked ids at once: a conference whose members' calls end together.

use crate::office::{Office, Unsaid, age, segments_of};
use crate::servers::{kafka, postgres};
use crate::siblings::{HEADER, empty_office, lay};
use serde_json::Value;
use std::fmt::Write;
use std::process::Command;
use unsaid::call::TenantId;
use unsaid::stage::redact::plan::sha256;
use unsaid::store::Store;

const ROOMS: usize = 6;
const MEMBERS: usize = 4;
const SECRET: &str = "hello my member password is 8 3 0 2 7 1 yes thank you very much";

fn room(n: usize) -> String {
    format!("800{n}-800{n}-always-20240514-14000{n}-171579600{n}.130.ogg")
}

/// Conferences whose members' rows come at once.
fn conferences() -> Office {
    let office = empty_office();
    let mut csv = HEADER.to_owned();
    for n in 0..ROOMS {
        let name = room(n);
        let wav = name.replace(".ogg", ".wav");
        lay(&office, &wav, SECRET);
        let folder = office.monitor().join("2024/05/14");
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-i"])
            .arg(folder.join(&wav))
            .args(["-c:a", "libvorbis"])
            .arg(folder.join(&name))
            .status();
        assert!(made.unwrap().success());
        std::fs::remove_file(folder.join(&wav)).unwrap();
        age(&folder.join(&name));
    }
    for (k, n) in (0..MEMBERS).flat_map(|k| (0..ROOMS).map(move |n| (k, n))) {
        let id = format!("17157960{n}{k}.{n}{k}");
        writeln!(
            csv,
            "2024-05-14 14:00:0{n},ANSWERED,20{k},800{n},PJSIP/20{k}-1,PJSIP/20{n}-2,{id},{id},{},60,55,{}",
            k + 1,
            room(n)
        )
        .unwrap();
    }
    std::fs::write(office.path().join("cdr.csv"), csv).unwrap();
    office
}

fn recording_of(unsaid: &Unsaid, call: &Value) -> Value {
    let call = unsaid.get(&format!("/api/v1/calls/{}", call["id"].as_str().unwrap())).unwrap();
    call["recordings"][0].clone()
}

fn check(office: &Office, unsaid: &Unsaid, calls: &[Value]) {
    for call in calls {
        let recording = recording_of(unsaid, call);
        assert_eq!((&call["status"], &call["redacted"]), (&"completed".into(), &true.into()), "{call}");
        let bytes = office.read(recording["path"].as_str().unwrap());
        assert_eq!(recording["redacted_sha256"], sha256(&bytes).as_str(), "the hash is of what is there");
        assert_eq!(segments_of(&recording).len(), 1, "{recording}");
        // Every page's CRC is right: the whole file is read.
        let layout = unsaid_dsp::container::locate("room.ogg", bytes.as_slice()).unwrap();
        assert!(unsaid_dsp::decode::decode(bytes.as_slice(), &layout).is_ok());
    }
}

/// How often each recording was written to.
async fn intents(store: &Store, calls: &[(String, Value)]) -> Vec<usize> {
    let tenant = TenantId::default_tenant();
    let mut counts = Vec::new();
    for (_, recording) in calls {
        let trail = store.audit_of(&tenant, recording["id"].as_str().unwrap()).await.unwrap();
        counts.push(trail.iter().filter(|e| e.action == "intent").count());
    }
    counts
}

#[test]
fn a_file_of_several_calls_that_end_at_once_is_redacted_by_one_at_a_time() {
    let office = conferences();
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    let calls = unsaid.wait_for_calls(ROOMS * MEMBERS, 120);
    check(&office, &unsaid, &calls);
    let named: Vec<(String, Value)> =
        calls.iter().map(|c| (c["linkedid"].to_string(), recording_of(&unsaid, c))).collect();
    drop(unsaid);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Store::open_sqlite(&office.path().join("data")).await.unwrap();
        assert_eq!(intents(&store, &named).await, vec![1; ROOMS * MEMBERS]);
    });
}

#[test]
fn two_processes_on_kafka_and_postgresql_work_on_a_file_one_at_a_time() {
    let office = conferences();
    let database = postgres::database();
    let settings = format!(
        "[store]\nurl = \"{database}\"\n[bus]\nkind = \"kafka\"\nbrokers = \"{}\"\ntopic_prefix = \"{}\"\npartitions = 8\n{}",
        kafka::brokers(),
        kafka::prefix(),
        office.settings()
    );
    let other = crate::servers::folder();
    let mut unsaid = Unsaid::serve(office.path(), &settings);
    unsaid.wait_until_ready();
    let mut second = Unsaid::serve(other.path(), &settings);
    second.wait_until_ready();
    let calls = unsaid.wait_for_calls(ROOMS * MEMBERS, 180);
    check(&office, &unsaid, &calls);
    let named: Vec<(String, Value)> =
        calls.iter().map(|c| (c["linkedid"].to_string(), recording_of(&unsaid, c))).collect();
    drop((unsaid, second));
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Store::open_postgres(&database.to_string().into(), 4).await.unwrap();
        assert_eq!(intents(&store, &named).await, vec![1; ROOMS * MEMBERS]);
    });
}
