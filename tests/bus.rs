//! One suite over both buses: what a stage may rely on.

use crate::servers::{folder, kafka};
use async_trait::async_trait;
use futures::FutureExt;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use unsaid::bus::consumer::{Consumer, Limits, Outcome, Stage};
use unsaid::bus::embedded::EmbeddedLog;
use unsaid::bus::kafka::KafkaBus;
use unsaid::bus::retry::RetryRelay;
use unsaid::bus::{Bus, Event, Message, Outgoing, Subscription, Topics};
use unsaid::call::{CallKey, PbxId, TenantId};
use unsaid::message::{DeadLetter, Payload, RecordingReady, Retried, Topic, Why};
use unsaid::metrics::Metrics;

fn outgoing(key: &str, n: usize) -> Outgoing {
    Outgoing {
        key: key.to_owned(),
        headers: vec![("n".to_owned(), n.to_string())],
        payload: n.to_string().into_bytes(),
    }
}

/// The next message, committed partitions answered on the way.
async fn next(subscription: &mut Box<dyn Subscription>) -> Message {
    let wait = async {
        loop {
            match subscription.next().await.unwrap() {
                Event::Message(message) => return message,
                Event::Assigned(_) => {}
                Event::Revoked { drained, .. } => {
                    let _ = drained.send(());
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("a message within a minute")
}

async fn order_and_commits(bus: &dyn Bus, prefix: &str) {
    let topic = format!("{prefix}order");
    bus.ensure_topic(&topic, 3).await.unwrap();
    bus.ensure_topic(&topic, 3).await.unwrap();
    let mut last = HashMap::new();
    for n in 0..60 {
        let ack = bus.publish(&topic, outgoing(&format!("key{}", n % 7), n)).await.unwrap();
        assert_eq!(last.insert(ack.partition, ack.offset).map_or(0, |o| o + 1), ack.offset);
    }
    let mut subscription = bus.subscribe(std::slice::from_ref(&topic), "order").await.unwrap();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut done = HashMap::new();
    for _ in 0..60 {
        let message = next(&mut subscription).await;
        let n: usize = message.header("n").unwrap().parse().unwrap();
        assert_eq!(message.payload, n.to_string().into_bytes());
        assert!(seen.insert(message.key.clone(), n).is_none_or(|before| before < n), "a key went back");
        done.insert(message.at, message.offset + 1);
    }
    assert_eq!(bus.lag(&topic, "order").await.unwrap().iter().map(|(_, l)| l).sum::<i64>(), 60);
    let positions: Vec<_> = done.into_iter().collect();
    subscription.commit(&positions).await.unwrap();
    subscription.close().await;
    assert_eq!(bus.lag(&topic, "order").await.unwrap().iter().map(|(_, l)| l).sum::<i64>(), 0);
    bus.publish(&topic, outgoing("key1", 99)).await.unwrap();
    let mut again = bus.subscribe(&[topic], "order").await.unwrap();
    assert_eq!(next(&mut again).await.payload, b"99", "what was committed does not come again");
    again.close().await;
}

/// A consumer waits for messages and for its tasks at once, and asks anew after each.
async fn breaking_off(bus: &dyn Bus, prefix: &str) {
    let topic = format!("{prefix}broken-off");
    bus.ensure_topic(&topic, 2).await.unwrap();
    for n in 0..300 {
        bus.publish(&topic, outgoing(&format!("key{}", n % 5), n)).await.unwrap();
    }
    let mut subscription = bus.subscribe(std::slice::from_ref(&topic), "broken-off").await.unwrap();
    let mut seen = Vec::new();
    let started = std::time::Instant::now();
    while seen.len() < 300 {
        assert!(started.elapsed() < Duration::from_secs(60), "{} of 300 in a minute", seen.len());
        match subscription.next().now_or_never() {
            Some(Ok(Event::Message(message))) => {
                seen.push(message.header("n").unwrap().parse::<usize>().unwrap());
            }
            Some(event) => drop(event.unwrap()),
            None => tokio::time::sleep(Duration::from_micros(100)).await,
        }
    }
    for key in 0..5 {
        let of_key: Vec<usize> = seen.iter().copied().filter(|n| n % 5 == key).collect();
        assert!(of_key.is_sorted(), "a key went back: {of_key:?}");
    }
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..300), "each once");
}

async fn redelivery_and_takeover(bus: &dyn Bus, prefix: &str) {
    let topic = format!("{prefix}takeover");
    bus.ensure_topic(&topic, 4).await.unwrap();
    for n in 0..40 {
        bus.publish(&topic, outgoing(&format!("key{n}"), n)).await.unwrap();
    }
    let mut first = bus.subscribe(std::slice::from_ref(&topic), "takeover").await.unwrap();
    for _ in 0..40 {
        next(&mut first).await;
    }
    // It leaves without having committed: everything comes again, to whoever is there.
    first.close().await;
    let mut second = bus.subscribe(&[topic], "takeover").await.unwrap();
    let mut all = HashSet::new();
    while all.len() < 40 {
        all.insert(next(&mut second).await.payload);
    }
    second.close().await;
}

async fn sharing(bus: &dyn Bus, prefix: &str) {
    let topic = format!("{prefix}sharing");
    bus.ensure_topic(&topic, 4).await.unwrap();
    let mut one = bus.subscribe(std::slice::from_ref(&topic), "sharing").await.unwrap();
    bus.publish(&topic, outgoing("first", 0)).await.unwrap();
    next(&mut one).await;
    let mut two = bus.subscribe(std::slice::from_ref(&topic), "sharing").await.unwrap();
    // Both poll until each was given partitions of its own.
    let mut owned: [HashSet<i32>; 2] = [(0..4).collect(), HashSet::new()];
    let share = async {
        while owned[1].is_empty() || owned[0].len() > 2 {
            let (who, event) = tokio::select! {
                event = one.next() => (0, event.unwrap()),
                event = two.next() => (1, event.unwrap()),
            };
            match event {
                Event::Assigned(list) => owned[who].extend(list.iter().map(|at| at.partition)),
                Event::Revoked { partitions, drained } => {
                    partitions.iter().for_each(|at| {
                        owned[who].remove(&at.partition);
                    });
                    let _ = drained.send(());
                }
                Event::Message(_) => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), share).await.expect("the partitions are shared");
    assert!(owned[0].is_disjoint(&owned[1]), "{owned:?}");
    one.close().await;
    two.close().await;
}

fn key(n: usize) -> CallKey {
    CallKey { tenant: TenantId::default_tenant(), pbx: PbxId::unknown(), linkedid: n.to_string() }
}

fn ready(n: usize, file: &str) -> RecordingReady {
    RecordingReady {
        call: key(n),
        recording_id: format!("r{n}"),
        recordingfile: file.to_owned(),
        why: Why::New,
    }
}

/// Does what the recording's name says.
struct Scripted {
    runs: Mutex<HashMap<String, Vec<u32>>>,
    running: AtomicUsize,
    most_at_once: AtomicUsize,
    busy_keys: Mutex<HashSet<String>>,
    given_up: Mutex<Vec<String>>,
}

#[async_trait]
impl Stage for Scripted {
    type Input = RecordingReady;

    fn name(&self) -> &'static str {
        "redact"
    }

    async fn expected_bytes(&self, _: &RecordingReady) -> u64 {
        1 << 20
    }

    async fn run(&self, input: &RecordingReady, attempts: u32) -> Outcome {
        let id = input.call.message_key();
        assert!(self.busy_keys.lock().unwrap().insert(id.clone()), "two messages of one key at once");
        let now = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(15)).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        self.busy_keys.lock().unwrap().remove(&id);
        assert!(
            input.recordingfile != "panic"
                || self.runs.lock().unwrap().insert("panic".into(), vec![0]).is_some(),
            "on purpose"
        );
        let mut runs = self.runs.lock().unwrap();
        let attempts_seen = runs.entry(input.recordingfile.clone()).or_default();
        attempts_seen.push(attempts);
        match input.recordingfile.as_str() {
            f if f.starts_with("reject") => Outcome::Reject { reason: "not_understood" },
            f if f.starts_with("always") => Outcome::retry(Duration::from_millis(10), "not_found"),
            f if f.starts_with("once") && attempts == 0 => {
                Outcome::retry(Duration::from_millis(10), "changed")
            }
            f if f.starts_with("outage") && attempts_seen.len() < 6 => {
                Outcome::wait(Duration::from_millis(10), "unreachable")
            }
            _ => Outcome::Done,
        }
    }

    async fn give_up(&self, input: &RecordingReady, reason: &str) -> bool {
        self.given_up.lock().unwrap().push(format!("{} {reason}", input.recordingfile));
        true
    }
}

async fn consumer(bus: Arc<dyn Bus>, prefix: &str) {
    let topics = Topics::new(bus.clone(), prefix);
    topics.ensure_all(2).await.unwrap();
    let stage = Arc::new(Scripted {
        runs: Mutex::default(),
        running: AtomicUsize::new(0),
        most_at_once: AtomicUsize::new(0),
        busy_keys: Mutex::default(),
        given_up: Mutex::default(),
    });
    let metrics = Metrics::new().unwrap();
    let limits = Limits {
        messages: 3,
        bytes: 2 << 20,
        attempts: 3,
        backlog: 16,
        retry_base: Duration::from_millis(10),
        retry_most: Duration::from_millis(50),
        ..Limits::default()
    };
    let shutdown = CancellationToken::new();
    let relay = Consumer {
        topics: topics.clone(),
        stage: Arc::new(RetryRelay::new(topics.clone())),
        limits: Limits { messages: 64, drain: Duration::ZERO, ..limits.clone() },
        metrics: metrics.clone(),
    };
    let work = Consumer { topics: topics.clone(), stage: stage.clone(), limits, metrics };
    let tasks = [tokio::spawn(work.run(shutdown.clone())), tokio::spawn(relay.run(shutdown.clone()))];
    for n in 0..60 {
        topics.publish(&ready(n % 9, &format!("plain{n}")), &[]).await.unwrap();
    }
    for name in ["reject", "panic", "always", "once", "outage"] {
        topics.publish(&ready(100, name), &[]).await.unwrap();
    }
    let garbage =
        Outgoing { key: "default/unknown/7".to_owned(), headers: vec![], payload: b"not json".to_vec() };
    bus.publish(&topics.name(Topic::Recordings), garbage).await.unwrap();
    let mut letters = bus.subscribe(&[topics.name(Topic::DeadLetters)], "letters").await.unwrap();
    let mut reasons = HashMap::new();
    while reasons.len() < 4 {
        let letter: DeadLetter = serde_json::from_slice(&next(&mut letters).await.payload).unwrap();
        reasons.insert(letter.reason.clone(), letter.attempts);
    }
    let want = [("not_understood", 1), ("panic", 1), ("not_found", 3), ("unreadable", 0)];
    assert_eq!(reasons, want.map(|(r, n)| (r.to_owned(), n)).into());
    // All is done in the end, and committed.
    let started = std::time::Instant::now();
    loop {
        let ran = stage.runs.lock().unwrap().len();
        let outage = stage.runs.lock().unwrap().get("outage").map_or(0, Vec::len);
        let lag: i64 = bus
            .lag(&topics.name(Topic::Recordings), "unsaid-redact")
            .await
            .unwrap()
            .iter()
            .map(|l| l.1)
            .sum();
        if ran == 65 && outage == 6 && lag == 0 {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{ran} ran, outage {outage}, lag {lag}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let runs = stage.runs.lock().unwrap().clone();
    assert_eq!(runs["always"], [0, 1, 2]);
    assert_eq!(runs["once"], [0, 1]);
    assert_eq!(runs["outage"], [0; 6], "an outage uses up no attempts");
    assert!(runs.iter().filter(|(f, _)| f.starts_with("plain")).all(|(_, a)| a == &[0]));
    assert!(stage.most_at_once.load(Ordering::SeqCst) <= 2, "memory for two, so never three at once");
    assert_eq!(stage.given_up.lock().unwrap().len(), 3);
    shutdown.cancel();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    letters.close().await;
}

/// Panics where its recording's name says, once or always.
#[derive(Default)]
struct Panicking {
    panicked: Mutex<HashSet<String>>,
    given_up: Mutex<HashSet<String>>,
}

impl Panicking {
    fn at(&self, place: &str, input: &RecordingReady) {
        let first = self.panicked.lock().unwrap().insert(format!("{place} {}", input.recordingfile));
        let file = input.recordingfile.as_str();
        assert!(file != format!("{place} always"), "on purpose, always");
        assert!(file != format!("{place} once") || !first, "on purpose, once");
    }
}

#[async_trait]
impl Stage for Panicking {
    type Input = RecordingReady;

    fn name(&self) -> &'static str {
        "redact"
    }

    async fn expected_bytes(&self, input: &RecordingReady) -> u64 {
        self.at("memory", input);
        0
    }

    async fn run(&self, input: &RecordingReady, _: u32) -> Outcome {
        match input.recordingfile.starts_with("end") {
            true => Outcome::Reject { reason: "not_understood" },
            false => Outcome::Done,
        }
    }

    async fn give_up(&self, input: &RecordingReady, _: &str) -> bool {
        self.at("end", input);
        self.given_up.lock().unwrap().insert(input.recordingfile.clone())
    }
}

/// A panic outside of a stage's work ends its message, visibly, and holds up no other.
async fn panics(bus: Arc<dyn Bus>, prefix: &str) {
    let topics = Topics::new(bus.clone(), prefix);
    topics.ensure_all(1).await.unwrap();
    let stage = Arc::new(Panicking::default());
    let stop = CancellationToken::new();
    let (limits, metrics) = (Limits::default(), Metrics::new().unwrap());
    let work = Consumer { topics: topics.clone(), stage: stage.clone(), limits, metrics };
    let task = tokio::spawn(work.run(stop.clone()));
    let files = ["memory always", "end always", "end once", "plain"];
    for file in files {
        topics.publish(&ready(1, file), &[]).await.unwrap();
    }
    let mut letters = bus.subscribe(&[topics.name(Topic::DeadLetters)], "letters").await.unwrap();
    let mut reasons = Vec::new();
    while reasons.len() < 3 {
        let letter: DeadLetter = serde_json::from_slice(&next(&mut letters).await.payload).unwrap();
        reasons.push(letter.reason);
    }
    assert_eq!(reasons, ["panic", "not_understood", "not_understood"]);
    let started = std::time::Instant::now();
    let lag = async || bus.lag(&topics.name(Topic::Recordings), "unsaid-redact").await.unwrap()[0].1;
    while lag().await > 0 {
        assert!(started.elapsed() < Duration::from_secs(30), "the partition stands still");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        *stage.given_up.lock().unwrap(),
        HashSet::from(["memory always", "end once"].map(str::to_owned))
    );
    stop.cancel();
    task.await.unwrap().unwrap();
    letters.close().await;
}

/// A retry that is due waits for none that is not: not of its call, not of its partition.
async fn retries_wait_alone(bus: Arc<dyn Bus>, prefix: &str) {
    let topics = Topics::new(bus.clone(), prefix);
    topics.ensure_all(1).await.unwrap();
    let relay = RetryRelay { held_at_most: Duration::from_secs(1), ..RetryRelay::new(topics.clone()) };
    let stop = CancellationToken::new();
    let limits = Limits { messages: 3, backlog: 2, drain: Duration::ZERO, ..Limits::default() };
    let metrics = Metrics::new().unwrap();
    let work = Consumer { topics: topics.clone(), stage: Arc::new(relay), limits, metrics };
    let retried = |n: usize, file: &str, after_s: i64| Retried {
        call: key(n),
        topic: "recordings".to_owned(),
        stage: "redact".to_owned(),
        reason: "unreachable".to_owned(),
        attempts: 1,
        not_before: chrono::Utc::now() + chrono::TimeDelta::seconds(after_s),
        input: serde_json::to_value(ready(n, file)).unwrap(),
    };
    // More than are held at once, and the last of them is due; so is another of the first one's call.
    topics.publish(&retried(1, "later", 20), &[]).await.unwrap();
    topics.publish(&retried(1, "of the same call", 0), &[]).await.unwrap();
    for n in 2..12 {
        topics.publish(&retried(n, "later", 20), &[]).await.unwrap();
    }
    topics.publish(&retried(12, "of the same partition", 0), &[]).await.unwrap();
    let published = std::time::Instant::now();
    let task = tokio::spawn(work.run(stop.clone()));
    let mut recordings = bus.subscribe(&[topics.name(Topic::Recordings)], "due").await.unwrap();
    let mut due = Vec::new();
    while due.len() < 13 {
        let ready: RecordingReady = serde_json::from_slice(&next(&mut recordings).await.payload).unwrap();
        due.push(ready.recordingfile);
        let early = due.len() < 3;
        assert_eq!(published.elapsed() < Duration::from_secs(17), early, "{due:?}");
    }
    assert_eq!(due[..2], ["of the same call", "of the same partition"]);
    stop.cancel();
    task.await.unwrap().unwrap();
    recordings.close().await;
}

/// A consumer that is stopped finishes and commits what runs; what waited comes to the next.
async fn shutdown_drains(bus: Arc<dyn Bus>, prefix: &str) {
    struct Slow(Mutex<Vec<String>>);
    #[async_trait]
    impl Stage for Slow {
        type Input = RecordingReady;
        fn name(&self) -> &'static str {
            "analyse"
        }
        async fn run(&self, input: &RecordingReady, _: u32) -> Outcome {
            tokio::time::sleep(Duration::from_millis(300)).await;
            self.0.lock().unwrap().push(input.recordingfile.clone());
            Outcome::Done
        }
    }
    let topics = Topics::new(bus, prefix);
    topics.ensure_all(2).await.unwrap();
    for n in 0..12 {
        topics.publish(&ready(n, &format!("f{n}")), &[]).await.unwrap();
    }
    let stage = Arc::new(Slow(Mutex::default()));
    let start = || {
        let stop = CancellationToken::new();
        let limits = Limits { messages: 2, ..Limits::default() };
        let work = Consumer {
            topics: topics.clone(),
            stage: stage.clone(),
            limits,
            metrics: Metrics::new().unwrap(),
        };
        (stop.clone(), tokio::spawn(work.run(stop)))
    };
    let done = || stage.0.lock().unwrap().len();
    let (stop, task) = start();
    while done() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    task.await.unwrap().unwrap();
    let before = done();
    assert!(before < 12);
    let (stop, task) = start();
    let started = std::time::Instant::now();
    while done() < 12 {
        assert!(started.elapsed() < Duration::from_secs(90), "the rest never came");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.cancel();
    task.await.unwrap().unwrap();
    let all = stage.0.lock().unwrap().clone();
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 12);
    assert_eq!(all.len(), 12, "what was done before the stop was committed");
    assert_eq!(RecordingReady::TOPIC, Topic::Recordings);
}

/// A second consumer takes over partitions in the middle of the work: what ran is finished and
/// committed before they are handed on, so nothing is done twice.
async fn revoke_drains(bus: Arc<dyn Bus>, prefix: &str) {
    struct Counted(Mutex<Vec<(usize, String)>>, AtomicUsize);
    struct Member(Arc<Counted>, usize);
    #[async_trait]
    impl Stage for Member {
        type Input = RecordingReady;
        fn name(&self) -> &'static str {
            "redact"
        }
        async fn run(&self, input: &RecordingReady, _: u32) -> Outcome {
            tokio::time::sleep(Duration::from_millis(300)).await;
            self.0.0.lock().unwrap().push((self.1, input.recordingfile.clone()));
            self.0.1.fetch_add(1, Ordering::SeqCst);
            Outcome::Done
        }
    }
    const MESSAGES: usize = 80;
    let topics = Topics::new(bus, prefix);
    topics.ensure_all(4).await.unwrap();
    for n in 0..MESSAGES {
        topics.publish(&ready(n, &format!("f{n}")), &[]).await.unwrap();
    }
    let counted = Arc::new(Counted(Mutex::default(), AtomicUsize::new(0)));
    let start = |member| {
        let stop = CancellationToken::new();
        let limits = Limits { messages: 2, ..Limits::default() };
        let stage = Arc::new(Member(counted.clone(), member));
        let work = Consumer { topics: topics.clone(), stage, limits, metrics: Metrics::new().unwrap() };
        (stop.clone(), tokio::spawn(work.run(stop)))
    };
    let reach = async |count: usize| {
        let started = std::time::Instant::now();
        while counted.1.load(Ordering::SeqCst) < count {
            assert!(started.elapsed() < Duration::from_secs(90), "{count} were never done");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let first = start(1);
    reach(4).await;
    let second = start(2);
    reach(MESSAGES).await;
    for (stop, task) in [first, second] {
        stop.cancel();
        task.await.unwrap().unwrap();
    }
    let done = counted.0.lock().unwrap().clone();
    assert!([1, 2].iter().all(|m| done.iter().any(|(who, _)| who == m)), "both members worked");
    let files: HashSet<&String> = done.iter().map(|(_, f)| f).collect();
    assert_eq!((files.len(), done.len()), (MESSAGES, MESSAGES), "each once");
}

async fn embedded() -> (tempfile::TempDir, Arc<dyn Bus>) {
    let dir = folder();
    let log = EmbeddedLog::open(dir.path()).await.unwrap();
    (dir, Arc::new(log))
}

fn on_kafka() -> Arc<dyn Bus> {
    Arc::new(KafkaBus::new(&kafka::brokers(), 1).unwrap())
}

macro_rules! on_both {
    ($($name:ident => $suite:expr;)+) => {
        mod embedded_log { $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
            let (_dir, bus) = super::embedded().await;
            ($suite)(bus, "t.".to_owned()).await;
        })+ }
        mod apache_kafka { $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
            ($suite)(super::on_kafka(), super::kafka::prefix()).await;
        })+ }
    };
}

type Suite = Arc<dyn Bus>;

on_both! {
    keeps_the_order_of_a_key_and_what_is_committed =>
        |bus: super::Suite, prefix: String| async move { super::order_and_commits(bus.as_ref(), &prefix).await };
    goes_on_where_a_wait_was_broken_off =>
        |bus: super::Suite, prefix: String| async move { super::breaking_off(bus.as_ref(), &prefix).await };
    delivers_again_what_was_not_committed =>
        |bus: super::Suite, prefix: String| async move { super::redelivery_and_takeover(bus.as_ref(), &prefix).await };
    shares_partitions_among_members =>
        |bus: super::Suite, prefix: String| async move { super::sharing(bus.as_ref(), &prefix).await };
    retries_gives_up_and_stays_within_its_permits =>
        |bus: super::Suite, prefix: String| async move { super::consumer(bus, &prefix).await };
    ends_what_panics_and_goes_on =>
        |bus: super::Suite, prefix: String| async move { super::panics(bus, &prefix).await };
    holds_up_no_retry_that_is_due_for_one_that_is_not =>
        |bus: super::Suite, prefix: String| async move { super::retries_wait_alone(bus, &prefix).await };
    drains_what_is_revoked_before_another_takes_it =>
        |bus: super::Suite, prefix: String| async move { super::revoke_drains(bus, &prefix).await };
    drains_at_shutdown =>
        |bus: super::Suite, prefix: String| async move { super::shutdown_drains(bus, &prefix).await };
}

#[tokio::test]
async fn the_embedded_log_is_there_after_a_restart_and_opens_once() {
    let dir = folder();
    let log = EmbeddedLog::open(dir.path()).await.unwrap();
    log.ensure_topic("t", 2).await.unwrap();
    let ack = log.publish("t", outgoing("k", 1)).await.unwrap();
    let error = EmbeddedLog::open(dir.path()).await.err().expect("a second process is refused").to_string();
    assert!(error.contains("another unsaid"), "{error}");
    drop(log);
    let log = EmbeddedLog::open(dir.path()).await.unwrap();
    log.ensure_topic("t", 9).await.unwrap();
    let mut subscription = log.subscribe(&["t".to_owned()], "g").await.unwrap();
    let message = next(&mut subscription).await;
    assert_eq!((message.at.partition, message.offset), (ack.partition, ack.offset));
}
