//! The table of faults: for each step of a redaction over a real SFTP server,
//! what is on the PBX, what the store says and what the next run does when the
//! process is killed, the connection is cut, the server is killed, the PBX's disk
//! or our own is full, the permission is taken, a request is refused or denied
//! once, or the file changes, grows, goes or is told with a wrong length.
//! Recording and store are looked at when a fault comes, when it has come, and at
//! the end. `TEST_FAULT_TABLE=whole` runs every cell; without it, each fault meets
//! every third step, and every step some of the faults.

use crate::office::{DATA, Office, Unsaid, age, assert_redacted, segments_of};
use crate::servers::openssh::{Release, Sshd, tap_program};
use crate::servers::small_disk::SmallDisk;
use crate::servers::{eventually, is_root};
use chrono::{Days, NaiveDate};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use unsaid::call::TenantId;
use unsaid::store::Store;
use unsaid::store::calls::CallRow;

const FAULTS: [&str; 12] = [
    "kill",
    "cut",
    "server",
    "full",
    "own-disk",
    "permission",
    "refused",
    "denied",
    "changed",
    "appended",
    "gone",
    "length",
];
/// A short recording with one secret.
const SOURCE: &str = "2024/05/14/external-202-15557654321-20240514-130500-1715706300.110.wav";
/// Whom the SFTP server runs as where the tests run as root, from whom no permission can be taken.
const NOBODY: u32 = 65_534;
/// How long a disk stays full.
const FULL_FOR: Duration = Duration::from_millis(700);

struct Table {
    office: Office,
    /// Where the tap is told what to do, and tells what it did.
    tap: PathBuf,
    sshd: Sshd,
    settings: String,
    bytes: Vec<u8>,
    /// The same, redacted: known when the first call has ended.
    muted: Vec<u8>,
    /// The recordings' disk and unsaid's own, where disks can be mounted.
    disks: [Option<SmallDisk>; 2],
    /// Until when one of them is full.
    full_until: Option<Instant>,
    /// Faults that were looked at, before and after, and what the store said.
    looked: usize,
    after: VecDeque<(Instant, String)>,
    said: BTreeMap<String, usize>,
    runtime: tokio::runtime::Runtime,
    store: Option<Store>,
}

/// A day for each call: what befalls a folder befalls one recording.
fn day(n: usize) -> NaiveDate {
    NaiveDate::from_ymd_opt(2022, 1, 1).unwrap() + Days::new(n as u64)
}

fn name(n: usize) -> String {
    format!("external-201-1555{n:05}-{}-090000-17158{n:05}.1.wav", day(n).format("%Y%m%d"))
}

/// The folder and name of a call's recording.
fn path(n: usize) -> String {
    format!("{}/{}", day(n).format("%Y/%m/%d"), name(n))
}

fn linkedid(n: usize) -> String {
    format!("17158{n:05}.1")
}

/// Gives everybody a recording and its folder, or takes them from everybody but root.
fn permit(file: &Path, is_given: bool) {
    let set = |path: &Path, mode| {
        // The file may be gone by now.
        let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
    };
    let folder = file.parent().unwrap();
    if is_given {
        set(folder, 0o755);
        set(file, 0o644);
    } else {
        set(file, 0);
        set(folder, 0);
    }
}

impl Table {
    fn lay_out(write_back: &str) -> Table {
        let office = Office::lay_out();
        let bytes = std::fs::read(Path::new(DATA).join("monitor").join(SOURCE)).unwrap();
        let tap = office.path().join("tap");
        std::fs::create_dir_all(tap.join("looked")).unwrap();
        let disks = [("monitor", 240), ("data", 64)]
            .map(|(folder, megabytes)| SmallDisk::mount(&office.path().join(folder), megabytes));
        let program = tap_program();
        let other = format!("setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups --");
        let other = if is_root() { other.as_str() } else { "" };
        let tapped = |sftp: &str| format!("{} {} {other} {sftp}", program.display(), tap.display());
        // Both ways over both servers would take twice as long, and they differ little.
        let release = if write_back == "replace" { Release::of_2017() } else { Release::installed() };
        let sshd = Sshd::start_release(release, "", tapped);
        let local = format!("kind = \"local\"\nbase = \"{}\"\n", office.monitor().display());
        let settings = office.settings().replace(&local, &sshd.settings(&office.monitor()));
        // A disk is full for longer than four attempts take.
        let settings = settings.replace("attempts = 4", "attempts = 12");
        let settings = settings.replace("[limits]\n", "[limits]\nmessages = 1\n");
        let own = format!("[[pbx]]\nwrite_back = \"{write_back}\"\nsweep_folders_days = 0\n");
        let settings = settings.replace("[[pbx]]\n", &own);
        std::fs::write(office.path().join("cdr.csv"), HEADER).unwrap();
        Table {
            office,
            tap,
            sshd,
            settings,
            bytes,
            muted: Vec::new(),
            disks,
            full_until: None,
            looked: 0,
            after: VecDeque::new(),
            said: BTreeMap::new(),
            runtime: tokio::runtime::Runtime::new().unwrap(),
            store: None,
        }
    }

    /// Calls and what is to happen to each: `(number, step, fault)`.
    fn plan(&self, cells: &[(usize, usize, &str)]) {
        let mut plan = self.told("plan");
        let mut csv = std::fs::read_to_string(self.office.path().join("cdr.csv")).unwrap();
        for (n, step, fault) in cells {
            let file = self.file(*n);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, &self.bytes).unwrap();
            let words = Path::new(DATA).join("monitor").join(SOURCE).with_extension("json");
            std::fs::copy(words, file.with_extension("json")).unwrap();
            age(&file);
            if is_root() {
                for path in [file.parent().unwrap(), &file] {
                    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
                }
            }
            writeln!(plan, "{} {step} {fault}", name(*n)).unwrap();
            let (id, day) = (linkedid(*n), day(*n));
            writeln!(csv, "{day} 09:00:00,{id},{id},{},ANSWERED,20,25,PJSIP/201-1,{},1555", n + 1, name(*n))
                .unwrap();
        }
        std::fs::write(self.tap.join("plan"), plan).unwrap();
        std::fs::write(self.office.path().join("cdr.csv"), csv).unwrap();
    }

    fn file(&self, n: usize) -> PathBuf {
        self.office.monitor().join(path(n))
    }

    fn told(&self, file: &str) -> String {
        std::fs::read_to_string(self.tap.join(file)).unwrap_or_default()
    }

    fn serve(&mut self) -> Unsaid {
        self.make_room();
        let mut unsaid = Unsaid::serve(self.office.path(), &self.settings);
        std::fs::write(self.tap.join("pid"), unsaid.process.id().to_string()).unwrap();
        let started = Instant::now();
        // A fault may come before it is ready, and waits to be looked at.
        while unsaid.get("/readyz").is_none() {
            assert!(unsaid.process.is_running(), "unsaid stopped:\n{}", unsaid.process.tail());
            assert!(started.elapsed() < Duration::from_secs(60), "unsaid is not ready");
            std::thread::sleep(Duration::from_millis(50));
        }
        unsaid
    }

    fn make_room(&mut self) {
        self.disks.iter().flatten().for_each(SmallDisk::make_room);
        self.full_until = None;
    }

    /// Runs until every call of the plan has ended, starting again what was killed.
    fn run(&mut self, calls: usize) -> BTreeMap<String, Value> {
        let mut unsaid = self.serve();
        let (started, mut asked) = (Instant::now(), Instant::now());
        let mut restarts = 0;
        loop {
            std::thread::sleep(Duration::from_millis(4));
            self.look_at_faults();
            if self.full_until.is_some_and(|until| until < Instant::now()) {
                self.make_room();
            }
            if self.told("restart").lines().count() > restarts {
                restarts += 1;
                self.sshd.stop();
                self.sshd.start_again();
            }
            if !unsaid.process.is_running() {
                let fired = self.told("fired");
                let last = fired.lines().last().unwrap();
                assert!(last.ends_with("kill"), "{last}: unsaid stopped:\n{}", unsaid.process.tail());
                self.look_at(last, "after");
                unsaid = self.serve();
            }
            if asked.elapsed() < Duration::from_millis(100) {
                continue;
            }
            asked = Instant::now();
            let found = self.stored();
            let ended = found.iter().filter(|c| matches!(c.status.as_str(), "completed" | "failed")).count();
            if ended == calls && found.len() == calls && self.after.is_empty() {
                let by_id = |c: Value| (c["linkedid"].as_str().unwrap().to_owned(), c);
                return unsaid.calls().into_iter().map(by_id).collect();
            }
            assert!(
                started.elapsed() < Duration::from_secs(900),
                "{ended} of {calls} ended, {} faults\n{}",
                self.told("fired").lines().count(),
                unsaid.process.tail()
            );
        }
    }

    /// Looks at what is there when a fault comes, lets it come, and looks again when it has.
    fn look_at_faults(&mut self) {
        let fired = self.told("fired");
        for line in fired.lines().skip(self.looked) {
            self.looked += 1;
            self.look_at(line, "before");
            let name = line.split(' ').next().unwrap();
            match line.rsplit(' ').next().unwrap() {
                "full" => self.fill(0),
                "own-disk" => self.fill(1),
                "permission" => permit(&self.file(number(line)), false),
                _ => {}
            }
            std::fs::write(self.tap.join("looked").join(name), "").unwrap();
            if !line.ends_with("kill") {
                self.after.push_back((Instant::now() + Duration::from_millis(300), line.to_owned()));
            }
        }
        while let Some((_, line)) = self.after.pop_front_if(|(at, _)| *at < Instant::now()) {
            self.look_at(&line, "after");
        }
    }

    fn fill(&mut self, disk: usize) {
        if let Some(disk) = &self.disks[disk] {
            disk.fill();
            self.full_until = Some(Instant::now() + FULL_FOR);
        }
    }

    /// Whatever is being done: the file plays, each byte of it is the recording's or the mute's, and
    /// the store says nothing of it that is not so.
    fn look_at(&mut self, fired: &str, when: &str) {
        let n = number(fired);
        let fault = fired.rsplit(' ').next().unwrap();
        let changed = when == "after";
        // What the store says comes first: it may say no more than the file holds.
        let call = self.store_says(n);
        let file = if changed && fault == "gone" && !self.file(n).exists() {
            self.tap.join(name(n))
        } else {
            self.file(n)
        };
        let Ok(now) = std::fs::read(&file) else {
            assert!(fault == "permission" && !is_root(), "{when} {fired}: no {}", file.display());
            return;
        };
        plays(fired, &now);
        let len = self.bytes.len();
        let grown: &[usize] = if changed && fault == "appended" { &[0, 1_600] } else { &[0] };
        assert!(
            now.len() >= len && grown.contains(&(now.len() - len)),
            "{when} {fired}: {} bytes",
            now.len()
        );
        let other =
            |k: usize| changed && fault == "changed" && k + 1 == len && now[k] == self.bytes[k] ^ 0x55;
        let allowed = |k: usize| now[k] == self.bytes[k] || now[k] == self.muted[k] || other(k);
        assert!((0..len).all(allowed), "{when} {fired}: a byte is neither the recording's nor the mute's");
        let is_muted = (0..len).all(|k| now[k] == self.muted[k] || other(k));
        match call.status.as_str() {
            // It comes again where its file changed after its end: what is told was silenced before.
            "pending" | "processing" => {
                let tells = !call.redacted_segments.0.is_empty();
                assert!(!call.redacted && (!tells || is_muted), "{when} {fired}: {call:?}");
            }
            "completed" => assert!(is_muted, "{when} {fired}: it is called completed"),
            "failed" if changed => assert!(!call.redacted, "{when} {fired}: {call:?}"),
            said => panic!("{when} {fired}: {said}"),
        }
        *self.said.entry(format!("{when} {fault}: {}", call.status.as_str())).or_default() += 1;
    }

    fn store_says(&mut self, n: usize) -> CallRow {
        self.stored().into_iter().find(|c| c.linkedid == linkedid(n)).unwrap()
    }

    /// What the store says, whether or not unsaid runs.
    fn stored(&mut self) -> Vec<CallRow> {
        let folder = self.office.path().join("data");
        let runtime = &self.runtime;
        let store = self.store.get_or_insert_with(|| runtime.block_on(Store::open_sqlite(&folder)).unwrap());
        let tenant = TenantId::default_tenant();
        runtime.block_on(store.calls(&tenant, None, 10_000)).unwrap()
    }
}

/// The call of a line that the tap wrote.
fn number(fired: &str) -> usize {
    let (_, behind) = fired.split_once("-1555").unwrap();
    behind[..5].parse().unwrap()
}

const HEADER: &str =
    "calldate,uniqueid,linkedid,sequence,disposition,billsec,duration,dstchannel,recordingfile,did\n";

#[track_caller]
fn plays(name: &str, bytes: &[u8]) {
    let layout = unsaid_dsp::container::locate(name, bytes).unwrap();
    assert!(unsaid_dsp::decode::decode(bytes, &layout).is_ok(), "{name} does not play");
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
    let path = path(n);
    let (cell, status) = (format!("{fired} -> {call:.300}"), call["status"].as_str().unwrap());
    *seen.entry(format!("{fault} {status}")).or_default() += 1;
    let (file, aside) = (table.file(n), table.tap.join(name(n)));
    let segments = segments_of(call);
    permit(&file, true);
    match (fault, status) {
        // A refusal for good is an answer: the call says that a person must look, and its file is whole.
        ("permission" | "denied", "failed") => {
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
    let calls = table.run(1);
    table.muted = std::fs::read(table.file(0)).unwrap();
    assert_redacted(&path(0), &table.bytes, &table.muted, &segments_of(&calls[&linkedid(0)]));
    let steps: Vec<String> =
        table.told("steps").lines().map(|l| l.rsplit(' ').next().unwrap().to_owned()).collect();
    println!("{write_back}: {} steps: {}", steps.len(), steps.join(" "));
    assert!(steps.len() > 15 && steps.iter().any(|s| s == "fsync"), "{steps:?}");
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
    println!("{write_back}: the store said {:?}", table.said);
    // Beside a recording that was given up, ours may be left until unsaid is started again.
    let _unsaid = table.serve();
    eventually("nothing of ours is left", 30, || {
        let folders =
            (0..=cells.len()).filter_map(|n| std::fs::read_dir(table.file(n).parent().unwrap()).ok());
        let mut names = folders.flatten().flatten().map(|e| e.file_name());
        (!names.any(|n| n.to_string_lossy().starts_with(".tmp"))).then_some(())
    });
}

#[test]
fn the_table_holds_in_place() {
    the_table_holds("in_place");
}

#[test]
fn the_table_holds_where_files_are_replaced() {
    the_table_holds("replace");
}
