//! The table of faults: for each step of a redaction over a real SFTP server,
//! what is on the PBX, what the store says and what the next run does when the
//! process is killed, the connection is cut, the server is killed, the disk is
//! full, the permission is lost, or the file changes, grows, goes or is told
//! with a wrong length. `TEST_FAULT_TABLE=whole` runs every cell; without it,
//! each fault meets every third step, and every step some of the faults.

use crate::office::{DATA, Office, Unsaid, age, assert_redacted, segments_of};
use crate::servers::openssh::{Sshd, tap_program};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use unsaid::call::TenantId;
use unsaid::store::Store;

const FAULTS: [&str; 9] =
    ["kill", "cut", "server", "full", "permission", "changed", "appended", "gone", "length"];
/// A short recording with one secret.
const SOURCE: &str = "2024/05/14/external-202-15557654321-20240514-130500-1715706300.110.wav";

struct Table {
    office: Office,
    /// Where the tap is told what to do, and tells what it did.
    tap: PathBuf,
    sshd: Sshd,
    settings: String,
    bytes: Vec<u8>,
    /// The step in which a file that is replaced is compared for the last time.
    compared: Option<usize>,
}

fn name(n: usize) -> String {
    format!("external-201-1555{n:05}-20240516-090000-17158{n:05}.1.wav")
}

fn linkedid(n: usize) -> String {
    format!("17158{n:05}.1")
}

impl Table {
    fn lay_out(write_back: &str) -> Table {
        let office = Office::lay_out();
        let bytes = std::fs::read(Path::new(DATA).join("monitor").join(SOURCE)).unwrap();
        let folder = office.monitor().join("2024/05/16");
        std::fs::create_dir_all(&folder).unwrap();
        let tap = office.path().join("tap");
        std::fs::create_dir(&tap).unwrap();
        let program = tap_program();
        let tapped = |sftp: &str| format!("{} {} {sftp}", program.display(), tap.display());
        let sshd = Sshd::start_through("", tapped);
        let local = format!("kind = \"local\"\nbase = \"{}\"\n", office.monitor().display());
        let settings = office.settings().replace(&local, &sshd.settings(&office.monitor()));
        let settings = settings.replace("[limits]\n", "[limits]\nmessages = 1\n");
        let own = format!("[[pbx]]\nwrite_back = \"{write_back}\"\nsweep_folders_days = 0\n");
        let settings = settings.replace("[[pbx]]\n", &own);
        std::fs::write(office.path().join("cdr.csv"), HEADER).unwrap();
        Table { office, tap, sshd, settings, bytes, compared: None }
    }

    /// Calls and what is to happen to each: `(number, step, fault)`.
    fn plan(&self, cells: &[(usize, usize, &str)]) {
        let mut plan = std::fs::read_to_string(self.tap.join("plan")).unwrap_or_default();
        let mut csv = std::fs::read_to_string(self.office.path().join("cdr.csv")).unwrap();
        for (n, step, fault) in cells {
            let file = self.file(*n);
            std::fs::write(&file, &self.bytes).unwrap();
            age(&file);
            let words = Path::new(DATA).join("monitor").join(SOURCE).with_extension("json");
            std::fs::copy(words, file.with_extension("json")).unwrap();
            writeln!(plan, "{} {step} {fault}", name(*n)).unwrap();
            let id = linkedid(*n);
            writeln!(
                csv,
                "2024-05-16 09:00:00,{id},{id},{},ANSWERED,20,25,PJSIP/201-1,{},1555",
                n + 1,
                name(*n)
            )
            .unwrap();
        }
        std::fs::write(self.tap.join("plan"), plan).unwrap();
        std::fs::write(self.office.path().join("cdr.csv"), csv).unwrap();
    }

    fn file(&self, n: usize) -> PathBuf {
        self.office.monitor().join("2024/05/16").join(name(n))
    }

    fn told(&self, file: &str) -> String {
        std::fs::read_to_string(self.tap.join(file)).unwrap_or_default()
    }

    fn serve(&self) -> Unsaid {
        let mut unsaid = Unsaid::serve(self.office.path(), &self.settings);
        std::fs::write(self.tap.join("pid"), unsaid.process.id().to_string()).unwrap();
        unsaid.wait_until_ready();
        unsaid
    }

    /// Runs until every call of the plan has ended, starting again what was killed.
    fn run(&mut self, calls: usize) -> BTreeMap<String, Value> {
        let mut unsaid = self.serve();
        let started = Instant::now();
        let mut restarts = 0;
        loop {
            std::thread::sleep(Duration::from_millis(100));
            if self.told("restart").lines().count() > restarts {
                restarts += 1;
                self.sshd.stop();
                self.sshd.start_again();
            }
            if !unsaid.process.is_running() {
                self.check_after_a_kill();
                unsaid = self.serve();
            }
            let found = unsaid.calls();
            let ended = found.iter().filter(|c| crate::office::is_ended(c)).count();
            if ended == calls && found.len() == calls {
                let by_id = |c: Value| (c["linkedid"].as_str().unwrap().to_owned(), c);
                return found.into_iter().map(by_id).collect();
            }
            assert!(
                started.elapsed() < Duration::from_secs(900),
                "{ended} of {calls} ended, {} faults\n{}",
                self.told("fired").lines().count(),
                unsaid.process.tail()
            );
        }
    }

    /// Whatever the process was doing: every file plays, and none that is called completed holds its secret.
    fn check_after_a_kill(&self) {
        let fired = self.told("fired");
        let last = fired.lines().last().unwrap();
        let name = last.split(' ').next().unwrap();
        let file = self.office.monitor().join("2024/05/16").join(name);
        let now = std::fs::read(&file).unwrap();
        assert_eq!(now.len(), self.bytes.len(), "{last}");
        plays(name, &now);
        assert!(now[..1_000] == self.bytes[..1_000], "nothing outside the spans has changed: {last}");
        // What the store says: nothing of it has ended, unless the file is what it says.
        let call = tokio::runtime::Runtime::new().unwrap().block_on(async {
            let store = Store::open_sqlite(&self.office.path().join("data")).await.unwrap();
            let calls = store.calls(&TenantId::default_tenant(), None, 1_000).await.unwrap();
            calls.into_iter().find(|c| name.contains(&c.linkedid)).unwrap()
        });
        let segments: Vec<(f64, f64)> = call.redacted_segments.0.iter().map(|s| (s.start, s.end)).collect();
        match call.status.as_str() {
            "pending" | "processing" => assert!(!call.redacted && segments.is_empty(), "{last}: {call:?}"),
            "completed" => assert_redacted(name, &self.bytes, &now, &segments),
            other => panic!("{last}: {other}"),
        }
    }
}

const HEADER: &str =
    "calldate,uniqueid,linkedid,sequence,disposition,billsec,duration,dstchannel,recordingfile,did\n";

#[track_caller]
fn plays(name: &str, bytes: &[u8]) {
    let layout = unsaid_dsp::container::locate(name, bytes).unwrap();
    assert!(unsaid_dsp::decode::decode(bytes, &layout).is_ok(), "{name} does not play");
}

/// `NAME STEP KIND FAULT`
fn step_of(fired: &str) -> usize {
    fired.split(' ').nth(1).unwrap().parse().unwrap()
}

/// What a fault at a step came to.
fn check_cell(
    table: &Table,
    n: usize,
    fault: &str,
    fired: &str,
    call: &Value,
    seen: &mut HashMap<String, usize>,
) {
    let path = format!("2024/05/16/{}", name(n));
    let (cell, status) = (format!("{fired} -> {call:.300}"), call["status"].as_str().unwrap());
    *seen.entry(format!("{fault} {status}")).or_default() += 1;
    let (file, aside) = (table.file(n), table.tap.join(name(n)));
    let segments = segments_of(call);
    match (fault, status) {
        // One refusal is an answer: the call says that a person must look, and its file is whole.
        ("permission", "failed") => {
            let detail = call["detail"].as_str().unwrap();
            assert!(detail.contains("permission") || detail.contains("owner"), "{cell}");
            plays(&path, &std::fs::read(&file).unwrap());
        }
        // Nobody touched it before it went, or what was written is what was meant.
        ("gone", "failed") => {
            assert!(call["detail"].as_str().unwrap().contains("not there"), "{cell}");
            assert!(!file.exists(), "nothing is put where it was: {cell}");
            plays(&path, &std::fs::read(&aside).unwrap());
        }
        ("gone", "completed") => {
            let left = if file.exists() { &file } else { &aside };
            assert_redacted(&path, &table.bytes, &std::fs::read(left).unwrap(), &segments);
        }
        // Between the last look and the rename stand two requests: what comes then is lost with the
        // old file. It is why a recording is written in place wherever its format allows.
        ("appended" | "changed", "completed") if table.compared.is_some_and(|step| step_of(fired) > step) => {
            assert_redacted(&path, &table.bytes, &std::fs::read(&file).unwrap(), &segments);
        }
        ("appended", "completed") => {
            let now = std::fs::read(&file).unwrap();
            let tail = now.len() - 1_600;
            assert!(now[tail..].iter().all(|b| *b == 0x11), "what Asterisk appended is there: {cell}");
            let mut before = table.bytes.clone();
            before.extend_from_slice(&[0x11; 1_600]);
            assert_redacted(&path, &before, &now, &segments);
        }
        ("changed", "completed") => {
            let mut before = table.bytes.clone();
            *before.last_mut().unwrap() ^= 0x55;
            assert_redacted(&path, &before, &std::fs::read(&file).unwrap(), &segments);
        }
        (_, "completed") => assert_redacted(&path, &table.bytes, &std::fs::read(&file).unwrap(), &segments),
        _ => panic!("{cell}"),
    }
}

fn the_table_holds(write_back: &str) {
    let mut table = Table::lay_out(write_back);
    // Once without a fault: these are the steps.
    table.plan(&[(0, 0, "none")]);
    table.run(1);
    let steps: Vec<String> =
        table.told("steps").lines().map(|l| l.rsplit(' ').next().unwrap().to_owned()).collect();
    println!("{write_back}: {} steps: {}", steps.len(), steps.join(" "));
    assert!(steps.len() > 15 && steps.iter().any(|s| s == "fsync"), "{steps:?}");
    if write_back == "replace" {
        table.compared = steps.iter().rposition(|s| s == "stat");
    }
    let stride = if std::env::var("TEST_FAULT_TABLE").is_ok_and(|w| w == "whole") { 1 } else { 3 };
    let mut cells = Vec::new();
    for (f, fault) in FAULTS.iter().enumerate() {
        for step in (f % stride..steps.len()).step_by(stride) {
            cells.push((cells.len() + 1, step, *fault));
        }
    }
    table.plan(&cells);
    let calls = table.run(cells.len() + 1);
    let fired = table.told("fired");
    let fired: HashMap<&str, &str> = fired.lines().filter_map(|l| Some((l.split(' ').next()?, l))).collect();
    let (mut seen, mut met) = (HashMap::new(), 0);
    for (n, _, fault) in &cells {
        let own = name(*n);
        let Some(line) = fired.get(own.as_str()) else { continue };
        met += 1;
        check_cell(&table, *n, fault, line, &calls[&linkedid(*n)], &mut seen);
    }
    let mut seen: Vec<_> = seen.into_iter().collect();
    seen.sort();
    println!("{write_back}: {met} of {} cells met their fault: {seen:?}", cells.len());
    assert!(met * 10 >= cells.len() * 9, "{met} of {} cells met their fault", cells.len());
    let left = std::fs::read_dir(table.office.monitor().join("2024/05/16")).unwrap().flatten();
    let ours: Vec<_> =
        left.map(|e| e.file_name()).filter(|n| n.to_string_lossy().starts_with(".tmp")).collect();
    // Beside a file that went, or that a person must look at, ours may stay until its next run.
    let failed: usize = seen.iter().filter(|(what, _)| what.ends_with("failed")).map(|(_, n)| n).sum();
    assert!(ours.len() <= failed, "{ours:?}");
}

#[test]
fn the_table_holds_in_place() {
    the_table_holds("in_place");
}

#[test]
fn the_table_holds_where_files_are_replaced() {
    the_table_holds("replace");
}
