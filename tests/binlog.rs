//! Following a PBX by its server's binary log, beside the other ways.

use crate::office::Unsaid;
use crate::servers::mariadb::{MariaDb, PASSWORD, USER};
use crate::servers::{eventually, folder};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use unsaid::bus::Topics;
use unsaid::bus::embedded::EmbeddedLog;
use unsaid::call::{CdrRow, PbxId, TenantId, Zone};
use unsaid::metrics::Metrics;
use unsaid::source::freepbx::{Binlog, CalldateWindow, CelCursor, Followed, Orphans, Swept, followed};
use unsaid::source::{CdrSource, Feeder, SourceError};
use unsaid::store::Store;

const LOG: &[&str] = &["--log-bin=pbx-bin", "--server-id=7", "--binlog-format=ROW"];
const GRANT: &str = "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'reader'@'%';";
const SETTINGS: &str = "follow = \"binlog\"\nsince = \"2024-05-01\"\nsweep_days = 1";

/// Starts a server that keeps a log as told.
type Start = fn(&[&str]) -> MariaDb;

fn mariadb(log: &[&str]) -> MariaDb {
    MariaDb::start_with(true, log)
}

async fn start(server: Start, log: &'static [&'static str]) -> MariaDb {
    tokio::task::spawn_blocking(move || server(log)).await.unwrap()
}

/// Each promise on MariaDB and, where its binary runs, on MySQL itself.
macro_rules! on_both_servers {
    ($($promise:ident),+ $(,)?) => {
        mod on_mariadb {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                super::$promise(super::mariadb).await;
            })+
        }
        #[cfg(target_arch = "x86_64")]
        mod on_mysql {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                super::$promise(crate::servers::mysql::start_with).await;
            })+
        }
    };
}

on_both_servers!(
    a_row_is_read_when_it_is_written_and_reading_goes_on_where_it_was,
    without_rights_rows_or_a_log_it_is_polled_and_says_why,
    whichever_ways_read_one_history_it_is_the_same_calls,
);

/// Reads until nothing more comes; every row by its identity, and how often.
async fn read(source: &mut dyn CdrSource, cursor: &mut Option<String>) -> BTreeMap<String, CdrRow> {
    let mut rows = BTreeMap::new();
    loop {
        let chunk = source.next(cursor.as_deref()).await.unwrap();
        source.acknowledge();
        rows.extend(chunk.rows.into_iter().map(|r| (r.uniqueid.clone(), r)));
        *cursor = Some(chunk.cursor);
        if !chunk.more {
            return rows;
        }
    }
}

fn insert(db: &MariaDb, uniqueid: &str, more: &str) {
    db.sql(&format!(
        "USE asteriskcdrdb; INSERT INTO cdr (calldate, uniqueid, linkedid, sequence, disposition, recordingfile) VALUES \
         (NOW(), '{uniqueid}', '{uniqueid}', 1, 'ANSWERED', ''){more};"
    ));
}

fn names(rows: &BTreeMap<String, CdrRow>) -> Vec<&str> {
    rows.keys().map(String::as_str).collect()
}

async fn a_row_is_read_when_it_is_written_and_reading_goes_on_where_it_was(server: Start) {
    let mut db = start(server, LOG).await;
    db.sql(GRANT);
    db.load_samples();
    db.sql("SET GLOBAL sync_binlog = 1; SET GLOBAL innodb_flush_log_at_trx_commit = 1;");
    let (mut binlog, mut cursor) = (Binlog::new(db.source(SETTINGS)), None);
    binlog.check().await.unwrap();
    let samples = include_str!("data/freepbx/samples.sql").matches("INSERT INTO cdr").count();
    assert!(read(&mut binlog, &mut cursor).await.len() > samples / 2, "history, by dates");
    // Written while somebody waits for it, over both engines, among other tables' rows.
    for engine in ["InnoDB", "MyISAM"] {
        db.sql(&format!(
            "USE asteriskcdrdb; ALTER TABLE cdr ENGINE={engine}; DROP TABLE IF EXISTS other; CREATE TABLE other (n int);"
        ));
        read(&mut binlog, &mut cursor).await;
        let asked = Instant::now();
        db.sql(&format!("USE asteriskcdrdb; INSERT INTO other VALUES (1); INSERT INTO cdr (calldate, uniqueid, linkedid, sequence, cnam, billsec) VALUES (NOW(), '{engine}.1', 'l.1', 5, 'Zoë Ångström', 42);"));
        let rows = read(&mut binlog, &mut cursor).await;
        assert_eq!(names(&rows), [format!("{engine}.1")]);
        let row = &rows[&format!("{engine}.1")];
        assert_eq!(
            (row.linkedid.as_str(), row.sequence, row.billsec, row.cnam.as_str()),
            ("l.1", 5, 42, "Zoë Ångström")
        );
        assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
    }
    // What a script changes later is news, what is deleted is none.
    db.sql("USE asteriskcdrdb; UPDATE cdr SET recordingfile = 'a.mp3' WHERE uniqueid = 'InnoDB.1'; DELETE FROM cdr WHERE uniqueid = 'MyISAM.1';");
    let rows = read(&mut binlog, &mut cursor).await;
    assert_eq!((names(&rows), rows["InnoDB.1"].recordingfile.as_str()), (vec!["InnoDB.1"], "a.mp3"));
    // Many rows of one transaction, and a log that is rotated under the reader.
    let many: String =
        (0..2_500).map(|n| format!(", (NOW(), 'm.{n}', 'm.{n}', 1, 'ANSWERED', '')")).collect();
    insert(&db, "m", &many);
    db.sql("FLUSH BINARY LOGS;");
    insert(&db, "after", "");
    let rows = read(&mut binlog, &mut cursor).await;
    assert_eq!(rows.len(), 2_502);
    // Started again, both of them, with rows written meanwhile.
    drop(binlog);
    insert(&db, "between", "");
    db.sql("FLUSH TABLES;");
    db.stop();
    let db = tokio::task::spawn_blocking(move || {
        db.start_again();
        db
    })
    .await
    .unwrap();
    insert(&db, "then", "");
    let mut binlog = Binlog::new(db.source("follow = \"binlog\"\nsweep_days = 0"));
    let mut rows = read(&mut binlog, &mut cursor).await;
    rows.retain(|id, _| id == "between" || id == "then");
    assert_eq!(names(&rows), ["between", "then"]);
    // Opened again and again, it leaves no stream behind at the server.
    for _ in 0..12 {
        Binlog::new(db.source(SETTINGS)).check().await.unwrap();
    }
    let options = OptsBuilder::default().ip_or_hostname("127.0.0.1").tcp_port(db.port).prefer_socket(false);
    let mut root = Conn::new(options.user(Some("root"))).await.unwrap();
    let started = Instant::now();
    loop {
        // The server notices with its next event that nobody listens.
        db.sql("USE asteriskcdrdb; INSERT INTO other VALUES (2);");
        let sql = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog%'";
        let streams: Option<u64> = root.query_first(sql).await.unwrap();
        if streams.unwrap() <= 1 {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{streams:?} streams are open");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    // Purged beyond what was read: by dates once, then by the log again.
    let before = cursor.clone();
    insert(&db, "purged", "");
    // MySQL 8.4 has the other name alone.
    if root.query_drop("RESET MASTER").await.is_err() {
        root.query_drop("RESET BINARY LOGS AND GTIDS").await.unwrap();
    }
    insert(&db, "kept", "");
    let mut binlog = Binlog::new(db.source("follow = \"binlog\"\nsweep_days = 0"));
    assert!(before.is_some_and(|c| c.contains('#')));
    let rows = read(&mut binlog, &mut cursor).await;
    assert!(rows.contains_key("purged") && rows.contains_key("kept"), "{:?}", names(&rows));
    insert(&db, "last", "");
    assert_eq!(names(&read(&mut binlog, &mut cursor).await), ["last"]);
    assert!(cursor.is_some_and(|c| c.contains('#')), "by the log again");
}

async fn without_rights_rows_or_a_log_it_is_polled_and_says_why(server: Start) {
    let (granted, mixed, none) = (
        start(server, LOG).await,
        start(server, &["--log-bin=m-bin", "--server-id=7", "--binlog-format=MIXED"]).await,
        // MySQL 8 keeps one unless it is told not to.
        start(server, &["--skip-log-bin"]).await,
    );
    mixed.sql(GRANT);
    none.sql(GRANT);
    for (db, told) in
        [(&granted, "GRANT REPLICATION SLAVE"), (&mixed, "binlog_format=ROW"), (&none, "log_bin")]
    {
        db.load_samples();
        let error = Binlog::new(db.source(SETTINGS)).check().await.unwrap_err();
        assert!(matches!(&error, SourceError::NoBinlog(why) if why.contains(told)), "{error}");
        let said = followed::check(&db.source(SETTINGS)).await.unwrap();
        assert!(said.contains(told), "{said}");
        let (mut source, mut cursor) = (Followed::new(db.source(SETTINGS)), None);
        assert!(read(&mut source, &mut cursor).await.len() > 10, "{told}: it is polled");
        assert_eq!(source.interval(), Duration::from_secs(600));
    }
    // With the right granted, it is followed from there on, and nothing is lost in between.
    granted.sql(GRANT);
    let said = followed::check(&granted.source(SETTINGS)).await.unwrap();
    assert!(said.contains("followed by the binary log"), "{said}");
}

/// Two at once and all by turns, on one history: every row is registered once, no call is lost or doubled.
async fn whichever_ways_read_one_history_it_is_the_same_calls(server: Start) {
    let db = start(server, LOG).await;
    db.sql(GRANT);
    db.sql(include_str!("data/freepbx/cel.sql"));
    db.load_samples();
    let rows: Vec<String> = (0..60)
        .map(|n| {
            format!("(DATE_SUB(NOW(), INTERVAL {n} MINUTE), 'two.{n}', 'two.{}', {n}, 'ANSWERED')", n / 2 * 2)
        })
        .collect();
    db.sql(&format!(
        "USE asteriskcdrdb; INSERT INTO cdr (calldate, uniqueid, linkedid, sequence, disposition) VALUES {};",
        rows.join(",")
    ));
    let dir = folder();
    let bus = std::sync::Arc::new(EmbeddedLog::open(dir.path()).await.unwrap());
    let topics = Topics::new(bus, "unsaid.");
    topics.ensure_all(4).await.unwrap();
    let store = Store::open_sqlite(dir.path()).await.unwrap();
    let (tenant, pbx) = (TenantId::default_tenant(), PbxId::try_from("office".to_owned()).unwrap());
    let settings = "since = \"2024-05-01\"\ninterval = \"100ms\"\ngrace = \"0s\"";
    let recordings = unsaid::recordings::open(
        &toml::from_str(&format!("kind = \"local\"\nbase = \"{}\"", dir.path().display())).unwrap(),
    );
    let feeder = |source: Box<dyn CdrSource>| Feeder {
        tenant: tenant.clone(),
        pbx: pbx.clone(),
        source,
        topics: topics.clone(),
        store: store.clone(),
        metrics: Metrics::new().unwrap(),
        orphans: Orphans::new(
            recordings.clone(),
            Swept { tenant: tenant.clone(), pbx: pbx.clone(), zone: Zone::UTC, days: 0, since: None },
        ),
    };
    let register = register(&topics, &store, &db, dir.path()).await;
    let ways: [Box<dyn CdrSource>; 3] = [
        Box::new(CalldateWindow::new(db.source(settings))),
        Box::new(CelCursor::new(db.source(settings))),
        Box::new(Binlog::new(db.source(settings))),
    ];
    let stop = tokio_util::sync::CancellationToken::new();
    let running: Vec<_> = ways.into_iter().map(|way| tokio::spawn(feeder(way).run(stop.clone()))).collect();
    let expected: i64 =
        include_str!("data/freepbx/samples.sql").matches("INSERT INTO cdr").count() as i64 + 60;
    let registered = async || store.syncs(&tenant).await.unwrap().first().map_or(0, |s| s.rows_registered);
    let started = Instant::now();
    while registered().await < expected && started.elapsed() < Duration::from_secs(60) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    stop.cancel();
    for one in running {
        one.await.unwrap();
    }
    assert_eq!(registered().await, expected, "every row, once");
    let calls = store.calls(&tenant, None, 1_000).await.unwrap();
    let two = calls.iter().filter(|c| c.linkedid.starts_with("two.")).count();
    assert_eq!(two, 30, "two legs each");
    // By turns: each way goes on where the one before it was.
    for (n, follow) in ["calldate", "binlog", "cel", "binlog", "calldate"].iter().enumerate() {
        insert(&db, &format!("turn.{n}"), "");
        db.sql(&format!(
            "USE asteriskcdrdb; INSERT INTO cel (eventtype, eventtime, uniqueid, linkedid) VALUES ('LINKEDID_END', NOW(), 'turn.{n}', 'turn.{n}');"
        ));
        let stop = tokio_util::sync::CancellationToken::new();
        let source = Followed::new(db.source(&format!("{settings}\nfollow = \"{follow}\"")));
        let running = tokio::spawn(feeder(Box::new(source)).run(stop.clone()));
        let started = Instant::now();
        while registered().await < expected + n as i64 + 1 && started.elapsed() < Duration::from_secs(30) {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        stop.cancel();
        running.await.unwrap();
        assert_eq!(registered().await, expected + n as i64 + 1, "{follow}");
    }
    register.cancel();
    assert_eq!(store.calls(&tenant, None, 1_000).await.unwrap().len(), calls.len() + 5);
}

/// The stage that makes calls of the rows, as `unsaid serve --roles register` runs it.
async fn register(
    topics: &Topics,
    store: &Store,
    db: &MariaDb,
    dir: &std::path::Path,
) -> tokio_util::sync::CancellationToken {
    use unsaid::bus::consumer::{Consumer, Limits};
    use unsaid::stage::pbx::{Circuit, Pbx, Pbxs};
    use unsaid::stage::register::Register;
    let text = format!(
        "id = \"office\"\n[source]\nkind = \"freepbx\"\nhost = \"127.0.0.1\"\nport = {}\nuser = \"{USER}\"\npassword = \"{PASSWORD}\"\n\
         [recordings]\nkind = \"local\"\nbase = \"{}\"\n",
        db.port,
        dir.display()
    );
    let config: unsaid::config::pbx::PbxConfig = toml::from_str(&text).unwrap();
    let pbx = Pbx {
        recordings: unsaid::recordings::open(&config.recordings),
        config,
        player_cache: None,
        speech: None,
        originals: None,
        trunks: unsaid::source::freepbx::Trunks::default(),
        circuit: Circuit::default(),
    };
    let stage = Register::new(topics.clone(), store.clone(), Pbxs::new([pbx]));
    let limits = Limits { messages: 64, ..Limits::default() };
    let consumer = Consumer {
        topics: topics.clone(),
        stage: std::sync::Arc::new(stage),
        limits,
        metrics: Metrics::new().unwrap(),
    };
    let stop = tokio_util::sync::CancellationToken::new();
    tokio::spawn(consumer.run(stop.clone()));
    stop
}

/// Through the real door: a call is on the page seconds after its row is written, read every 10 minutes otherwise.
#[test]
fn a_call_is_shown_seconds_after_its_row() {
    let db = MariaDb::start_with(false, LOG);
    db.sql(GRANT);
    let dir = folder();
    let settings = format!(
        "[[pbx]]\nid = \"office\"\ntrunks = [\"ITSP\"]\n[pbx.source]\nkind = \"freepbx\"\nhost = \"127.0.0.1\"\nport = {}\nuser = \"{USER}\"\n\
         password = \"{PASSWORD}\"\nfollow = \"binlog\"\n[pbx.recordings]\nkind = \"local\"\nbase = \"{}\"\n",
        db.port,
        dir.path().display()
    );
    let mut unsaid = Unsaid::serve(dir.path(), &settings);
    unsaid.wait_until_ready();
    eventually("it follows", 30, || unsaid.process.tail().contains("binary log").then_some(()));
    std::thread::sleep(Duration::from_secs(2));
    insert(&db, "now.1", "");
    let written = Instant::now();
    eventually("the call is there", 20, || (unsaid.calls().len() == 1).then_some(()));
    assert!(written.elapsed() < Duration::from_secs(8), "{:?}", written.elapsed());
}
