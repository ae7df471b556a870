//! A row that was read is published, or it is read again: whichever step fails,
//! for every source, and whoever stops it in the middle.

use crate::servers::folder;
use crate::servers::kafka::Broker;
use crate::servers::mariadb::MariaDb;
use crate::servers::twilio::{ACCOUNT, TOKEN, Twilio};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use unsaid::bus::embedded::EmbeddedLog;
use unsaid::bus::kafka::KafkaBus;
use unsaid::bus::{Ack, Bus, BusError, Event, Outgoing, Subscription, Topics};
use unsaid::call::{PbxId, TenantId, Zone};
use unsaid::message::{CdrChanged, Topic};
use unsaid::metrics::Metrics;
use unsaid::source::freepbx::{Binlog, CalldateWindow, CelCursor, CsvSource, Orphans, Swept};
use unsaid::source::twilio::TwilioSource;
use unsaid::source::{CdrSource, Feeder};
use unsaid::store::Store;

/// A bus that refuses some of what is published.
struct Faulty {
    bus: EmbeddedLog,
    published: AtomicUsize,
    /// The publications, counted from the first, that are refused.
    refused: Vec<Range<usize>>,
    /// All are.
    away: AtomicBool,
}

#[async_trait]
impl Bus for Faulty {
    async fn ensure_topic(&self, topic: &str, partitions: i32) -> Result<(), BusError> {
        self.bus.ensure_topic(topic, partitions).await
    }

    async fn publish(&self, topic: &str, message: Outgoing) -> Result<Ack, BusError> {
        let n = self.published.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) || self.refused.iter().any(|r| r.contains(&n)) {
            return Err(BusError::Unavailable("refused on purpose".to_owned()));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.bus.publish(topic, message).await
    }

    async fn subscribe(&self, topics: &[String], group: &str) -> Result<Box<dyn Subscription>, BusError> {
        self.bus.subscribe(topics, group).await
    }

    async fn lag(&self, topic: &str, group: &str) -> Result<Vec<(i32, i64)>, BusError> {
        self.bus.lag(topic, group).await
    }
}

/// What breaks while history is read.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    /// The bus refuses some of what is published, now one row, now many.
    Bus,
    /// The store keeps no cursor, now and then.
    Store,
    /// unsaid is stopped and started again, now and then, in the middle of what it does.
    Restarts,
}

const ALL: [Trouble; 3] = [Trouble::Bus, Trouble::Store, Trouble::Restarts];

type MakeSource<'a> = &'a dyn Fn() -> Box<dyn CdrSource>;

type Arrived = Arc<Mutex<BTreeSet<String>>>;

/// The rows that come to topic `cdr`, by their identities.
async fn collect(topics: &Topics) -> (Arrived, JoinHandle<()>) {
    let arrived = Arrived::default();
    let mut subscription = topics.bus().subscribe(&[topics.name(Topic::Cdr)], "all").await.unwrap();
    let into = arrived.clone();
    let collector = tokio::spawn(async move {
        while let Ok(event) = subscription.next().await {
            if let Event::Message(message) = event {
                let row: CdrChanged = serde_json::from_slice(&message.payload).unwrap();
                into.lock().unwrap().insert(row.identity);
            }
        }
    });
    (arrived, collector)
}

fn start(
    source: Box<dyn CdrSource>,
    topics: &Topics,
    store: &Store,
    dir: &Path,
) -> (CancellationToken, JoinHandle<()>) {
    let base = toml::from_str(&format!("kind = \"local\"\nbase = \"{}\"", dir.display()));
    let (tenant, pbx) = (TenantId::default_tenant(), PbxId::try_from("office".to_owned()).unwrap());
    let swept = Swept { tenant: tenant.clone(), pbx: pbx.clone(), zone: Zone::UTC, days: 0, since: None };
    let feeder = Feeder {
        tenant,
        pbx,
        source,
        topics: topics.clone(),
        store: store.clone(),
        metrics: Metrics::new().unwrap(),
        orphans: Orphans::new(unsaid::recordings::open(&base.unwrap()), swept),
    };
    let stop = CancellationToken::new();
    (stop.clone(), tokio::spawn(feeder.run(stop)))
}

/// A feeder's surroundings, and what has come to topic `cdr`.
struct Place {
    dir: tempfile::TempDir,
    bus: Arc<Faulty>,
    topics: Topics,
    store: Store,
    arrived: Arrived,
    collector: JoinHandle<()>,
}

impl Place {
    async fn new(trouble: Trouble) -> Place {
        let dir = folder();
        let refused = match trouble {
            Trouble::Bus => vec![3..5, 130..133, 290..294, 431..432, 700..701, 900..902],
            Trouble::Store | Trouble::Restarts => vec![],
        };
        let bus = EmbeddedLog::open(dir.path()).await.unwrap();
        let (published, away) = (AtomicUsize::new(0), AtomicBool::new(false));
        let bus = Arc::new(Faulty { bus, published, refused, away });
        let topics = Topics::new(bus.clone(), "t.");
        topics.ensure_all(2).await.unwrap();
        let store = Store::open_sqlite(dir.path()).await.unwrap();
        let (arrived, collector) = collect(&topics).await;
        Place { dir, bus, topics, store, arrived, collector }
    }

    fn start(&self, source: Box<dyn CdrSource>) -> (CancellationToken, JoinHandle<()>) {
        start(source, &self.topics, &self.store, self.dir.path())
    }

    /// Reads under `trouble` until every row of `expected` has come.
    async fn reads(&self, make: MakeSource<'_>, trouble: Trouble, expected: &BTreeSet<String>) {
        let (mut stop, mut feeder) = self.start(make());
        let started = Instant::now();
        let mut round = 0;
        while !expected.is_subset(&self.arrived.lock().unwrap()) {
            let missing = expected.len() - self.arrived.lock().unwrap().intersection(expected).count();
            assert!(
                started.elapsed() < Duration::from_secs(40),
                "{trouble:?}: {missing} of {} rows never came",
                expected.len()
            );
            round += 1;
            match trouble {
                Trouble::Bus => {}
                Trouble::Store if round < 12 => self.keep_no_cursor(Duration::from_millis(250)).await,
                Trouble::Restarts if round < 12 => {
                    tokio::time::sleep(Duration::from_millis(40 * round)).await;
                    stop.cancel();
                    feeder.await.unwrap();
                    (stop, feeder) = self.start(make());
                }
                Trouble::Store | Trouble::Restarts => {}
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        stop.cancel();
        feeder.await.unwrap();
    }

    /// For so long, the store refuses to keep a cursor: as on a full disk, all else is as before.
    async fn keep_no_cursor(&self, so_long: Duration) {
        let path = self.dir.path().join("store.sqlite");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let other =
            sqlx::SqlitePool::connect_with(options.busy_timeout(Duration::from_secs(10))).await.unwrap();
        let sql = "CREATE TRIGGER IF NOT EXISTS no_cursor BEFORE INSERT ON cursors BEGIN SELECT RAISE(ABORT, 'full'); END";
        sqlx::raw_sql(sql).execute(&other).await.unwrap();
        tokio::time::sleep(so_long).await;
        sqlx::raw_sql("DROP TRIGGER no_cursor").execute(&other).await.unwrap();
        other.close().await;
    }

    /// The bus is away while `write` adds rows and for a while after; all come when it is back.
    async fn outage(&self, make: MakeSource<'_>, write: impl FnOnce(), expected: &BTreeSet<String>) {
        let (stop, feeder) = self.start(make());
        // It follows by now.
        tokio::time::sleep(Duration::from_secs(4)).await;
        self.bus.away.store(true, Ordering::SeqCst);
        write();
        tokio::time::sleep(Duration::from_secs(5)).await;
        self.bus.away.store(false, Ordering::SeqCst);
        let started = Instant::now();
        while !expected.is_subset(&self.arrived.lock().unwrap()) {
            let missing = expected.difference(&self.arrived.lock().unwrap()).count();
            assert!(started.elapsed() < Duration::from_secs(30), "{missing} rows never came");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        stop.cancel();
        feeder.await.unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.collector.abort();
    }
}

const DAYS: u32 = 12;
const CALLS_A_DAY: u32 = 60;

/// So many that a bus is killed before all of them are published.
const MANY_CALLS_A_DAY: u32 = 5_000;

/// Calls over the last days, by CEL as well where they are young enough; their rows' identities.
fn history(db: &MariaDb, calls_a_day: u32) -> BTreeSet<String> {
    let (mut rows, mut ends, mut identities) = (Vec::new(), Vec::new(), BTreeSet::new());
    for day in 0..DAYS {
        for n in 0..calls_a_day {
            let (id, minutes) = (format!("{day}.{n}"), day * 1_440 + 90 + n % 1_200);
            rows.push(format!("(DATE_SUB(NOW(), INTERVAL {minutes} MINUTE), '{id}', '{id}', 1, 'BUSY')"));
            if day < 2 {
                ends.push(format!(
                    "('LINKEDID_END', DATE_SUB(NOW(), INTERVAL {} MINUTE), '{id}', '{id}')",
                    minutes - 1
                ));
            }
            identities.insert(format!("{id}#1"));
        }
    }
    ends.reverse();
    insert(db, &rows, &ends);
    identities
}

fn insert(db: &MariaDb, rows: &[String], ends: &[String]) {
    db.sql(&format!(
        "USE asteriskcdrdb; INSERT INTO cdr (calldate, uniqueid, linkedid, sequence, disposition) VALUES {};
         INSERT INTO cel (eventtype, eventtime, uniqueid, linkedid) VALUES {};",
        rows.join(","),
        ends.join(",")
    ));
}

/// Calls that began long ago, beyond the overlap of dates, and end now; and some that began just now.
fn live(db: &MariaDb, minutes_ago: u32, name: &str) -> BTreeSet<String> {
    let id = |n: u32| format!("{name}.{n}");
    let rows: Vec<String> = (0..50)
        .map(|n| format!("(DATE_SUB(NOW(), INTERVAL {minutes_ago} MINUTE), '{0}', '{0}', 1, 'BUSY')", id(n)))
        .collect();
    let ends: Vec<String> = (0..50)
        .map(|n| format!("('LINKEDID_END', DATE_SUB(NOW(), INTERVAL 2 SECOND), '{0}', '{0}')", id(n)))
        .collect();
    insert(db, &rows, &ends);
    (0..50).map(|n| format!("{}#1", id(n))).collect()
}

async fn database(log: &'static [&'static str], calls_a_day: u32) -> (MariaDb, BTreeSet<String>, String) {
    tokio::task::spawn_blocking(move || {
        let db = MariaDb::start_with(true, log);
        db.sql(include_str!("data/freepbx/cel.sql"));
        db.sql("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'reader'@'%';");
        let identities = history(&db, calls_a_day);
        let since = chrono::Utc::now().date_naive() - chrono::TimeDelta::days(i64::from(DAYS) + 1);
        let settings = format!(
            "since = \"{since}\"\nsweep_days = 1\ninterval = \"100ms\"\ngrace = \"0s\"\noverlap = \"1h\""
        );
        (db, identities, settings)
    })
    .await
    .unwrap()
}

/// History under every trouble, then an outage while calls are followed.
async fn loses_nothing(db: &MariaDb, make: MakeSource<'_>, history: &BTreeSet<String>, minutes_ago: u32) {
    for trouble in ALL {
        let place = Place::new(trouble).await;
        place.reads(make, trouble, history).await;
        let mut expected = BTreeSet::new();
        let name = format!("live-{trouble:?}");
        for n in 0..50 {
            expected.insert(format!("{name}.{n}#1"));
        }
        place.outage(make, || drop(live(db, minutes_ago, &name)), &expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_cel_every_row_arrives_whichever_step_fails() {
    let (db, rows, settings) = database(&[], CALLS_A_DAY).await;
    loses_nothing(&db, &|| Box::new(CelCursor::new(db.source(&settings))), &rows, 600).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_dates_every_row_arrives_whichever_step_fails() {
    let (db, rows, settings) = database(&[], CALLS_A_DAY).await;
    loses_nothing(&db, &|| Box::new(CalldateWindow::new(db.source(&settings))), &rows, 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_binary_log_every_row_arrives_whichever_step_fails() {
    let (db, rows, settings) =
        database(&["--log-bin=pbx-bin", "--server-id=7", "--binlog-format=ROW"], CALLS_A_DAY).await;
    loses_nothing(&db, &|| Box::new(Binlog::new(db.source(&settings))), &rows, 600).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_csv_file_every_row_arrives_whichever_step_fails() {
    for trouble in ALL {
        let place = Place::new(trouble).await;
        let path = place.dir.path().join("Master.csv");
        let line = |n: u32| format!("2024-05-14 10:45:00,BUSY,{n}.1,1\n");
        let write = |lines: Range<u32>| {
            let mut text = std::fs::read_to_string(&path)
                .unwrap_or("calldate,disposition,uniqueid,sequence\n".to_owned());
            text.extend(lines.map(line));
            std::fs::write(&path, text).unwrap();
        };
        write(0..700);
        let config = format!("kind = \"csv\"\npath = \"{}\"\ninterval = \"100ms\"", path.display());
        let make = || -> Box<dyn CdrSource> {
            match toml::from_str(&config).unwrap() {
                unsaid::config::pbx::SourceConfig::Csv(csv) => Box::new(CsvSource::new(csv)),
                _ => unreachable!(),
            }
        };
        let identities = |lines: Range<u32>| lines.map(|n| format!("{n}.1#1")).collect::<BTreeSet<_>>();
        place.reads(&make, trouble, &identities(0..700)).await;
        place.outage(&make, || write(700..750), &identities(700..750)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_twilio_every_row_arrives_whichever_step_fails() {
    let twilio = Twilio::start();
    for n in 0..9 {
        let call = twilio.call(n, "inbound", "completed", n, None);
        twilio.recording(n, &call, 1, vec![]);
    }
    let config = format!(
        "kind = \"twilio\"\naccount_sid = \"{ACCOUNT}\"\nauth_token = \"{TOKEN}\"\nbase_url = \"{}\"\nsince = \"2024-05-01\"\ninterval = \"100ms\"",
        twilio.url
    );
    let make = || -> Box<dyn CdrSource> {
        match toml::from_str(&config).unwrap() {
            unsaid::config::pbx::SourceConfig::Twilio(config) => Box::new(TwilioSource::new(*config)),
            _ => unreachable!(),
        }
    };
    // What comes where nothing fails is what is to come.
    let calm = Place::new(Trouble::Store).await;
    let (stop, feeder) = calm.start(make());
    let started = Instant::now();
    while calm.arrived.lock().unwrap().len() < 18 && started.elapsed() < Duration::from_secs(30) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.cancel();
    feeder.await.unwrap();
    let expected = calm.arrived.lock().unwrap().clone();
    assert_eq!(expected.len(), 18, "a row of each call and of each recording");
    // So far back that no later reading begins before it.
    for trouble in ALL {
        let place = Place::new(trouble).await;
        place.reads(&make, trouble, &expected).await;
    }
}

/// Killed while history is read, for longer than the bus keeps trying to send a row.
#[tokio::test(flavor = "multi_thread")]
async fn history_outlives_a_kafka_that_is_killed_for_forty_seconds() {
    let (db, rows, settings) = database(&[], MANY_CALLS_A_DAY).await;
    let mut broker = tokio::task::spawn_blocking(Broker::start).await.unwrap();
    let topics = Topics::new(Arc::new(KafkaBus::new(&broker.address(), 1).unwrap()), "t.");
    topics.ensure_all(2).await.unwrap();
    let dir = folder();
    let store = Store::open_sqlite(dir.path()).await.unwrap();
    let (arrived, collector) = collect(&topics).await;
    let (stop, feeder) = start(Box::new(CelCursor::new(db.source(&settings))), &topics, &store, dir.path());
    let reaches = async |count: usize, within_s: u64| {
        let started = Instant::now();
        while arrived.lock().unwrap().len() < count {
            let now = arrived.lock().unwrap().len();
            assert!(started.elapsed() < Duration::from_secs(within_s), "{now} of {count} rows came");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    reaches(60, 60).await;
    broker.kill();
    assert!(arrived.lock().unwrap().len() < rows.len(), "history is being read");
    tokio::time::sleep(Duration::from_secs(40)).await;
    let waits = async || {
        let problem = store.syncs(&TenantId::default_tenant()).await.unwrap().remove(0).problem;
        problem.is_some_and(|p| p.contains("bus"))
    };
    let started = Instant::now();
    while !waits().await {
        assert!(started.elapsed() < Duration::from_secs(60), "the page says what it waits for");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let _broker = tokio::task::spawn_blocking(move || {
        broker.start_again();
        broker
    })
    .await
    .unwrap();
    reaches(rows.len(), 90).await;
    assert_eq!(*arrived.lock().unwrap(), rows);
    stop.cancel();
    feeder.await.unwrap();
    collector.abort();
}
