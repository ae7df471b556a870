//! 100,000 historic calls from a MyISAM table of a real MariaDB into the
//! embedded store, by `unsaid serve` as a process with all its roles, killed and
//! started again on the way: rows a second, and how long an INSERT of Asterisk's
//! had to wait. The recordings are gone, as those of old calls often are.
//!
//!   cargo bench --bench import [-- ROWS]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that cannot run has nothing to report")]

#[allow(dead_code)]
#[path = "../tests/servers/mod.rs"]
mod servers;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use servers::mariadb::{MariaDb, PASSWORD, USER};
use servers::{Process, folder, free_port};
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const ROWS: usize = 100_000;
/// A busy office's day.
const ROWS_A_DAY: usize = 4_000;

fn history(db: &MariaDb, rows: usize) {
    db.sql("USE asteriskcdrdb; ALTER TABLE cdr ENGINE=MyISAM;");
    let mut sql = "USE asteriskcdrdb;\n".to_owned();
    for chunk in (0..rows).collect::<Vec<_>>().chunks(2_000) {
        sql.push_str("INSERT INTO cdr (calldate, src, dst, channel, dstchannel, disposition, duration, billsec, uniqueid, linkedid, did, recordingfile, sequence) VALUES ");
        for n in chunk {
            let (day, second) = (n / ROWS_A_DAY, n % ROWS_A_DAY * 20);
            let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
            let date = format!("2024-{:02}-{:02}", day / 28 + 1, day % 28 + 1);
            let name = date.replace('-', "");
            let id = format!("17{:08}.{n}", n);
            let end = if n == chunk.last().unwrap() { ";\n" } else { "," };
            write!(sql, "('{date} {hour:02}:{minute:02}:{second:02}', '15557654321', '201', 'PJSIP/ITSP-{n}', 'PJSIP/201-{n}', 'ANSWERED', 60, 50, '{id}', '{id}', '15551230000', 'external-201-15557654321-{name}-{hour:02}{minute:02}{second:02}-{id}.wav', {})", n + 1).unwrap();
            sql.push_str(end);
        }
    }
    db.sql(&sql);
}

/// Inserts as Asterisk does, until told to stop; the longest wait.
async fn asterisk(port: u16, stop: Arc<AtomicBool>) -> Duration {
    let options = OptsBuilder::default().ip_or_hostname("127.0.0.1").tcp_port(port).prefer_socket(false);
    let mut conn = Conn::new(options.user(Some("root")).db_name(Some("asteriskcdrdb"))).await.unwrap();
    let mut longest = Duration::ZERO;
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        let started = Instant::now();
        conn.exec_drop("INSERT INTO cdr (calldate, uniqueid, sequence) VALUES ('1999-01-01', ?, 1)", (n,))
            .await
            .unwrap();
        longest = longest.max(started.elapsed());
        n += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    longest
}

async fn calls(store: &Path) -> u64 {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(store).read_only(true);
    let Ok(pool) = sqlx::SqlitePool::connect_with(options).await else { return 0 };
    let count: Result<i64, _> = sqlx::query_scalar("SELECT COUNT(*) FROM calls").fetch_one(&pool).await;
    count.unwrap_or(0) as u64
}

#[tokio::main]
async fn main() {
    let rows = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(ROWS);
    let db = tokio::task::block_in_place(|| MariaDb::start(false));
    history(&db, rows);
    let dir = folder();
    let config = dir.path().join("unsaid.toml");
    let settings = format!(
        "[data]\ndir = \"{}\"\n[api]\nlisten = \"127.0.0.1:{}\"\n[[pbx]]\nid = \"office\"\ntrunks = [\"ITSP\"]\n[pbx.source]\n\
         kind = \"freepbx\"\nhost = \"127.0.0.1\"\nport = {}\nuser = \"{USER}\"\npassword = \"{PASSWORD}\"\nfollow = \"calldate\"\n\
         since = \"2024-01-01\"\n[pbx.recordings]\nkind = \"local\"\nbase = \"{}\"\n",
        dir.path().join("data").display(),
        free_port(),
        db.port,
        dir.path().display()
    );
    std::fs::write(&config, settings).unwrap();
    let config = config.display().to_string();
    let args = ["serve", "--config", &config];
    let start = || Process::start(dir.path(), Path::new(env!("CARGO_BIN_EXE_unsaid")), &args, None);
    let stop = Arc::new(AtomicBool::new(false));
    let asterisk = tokio::spawn(asterisk(db.port, stop.clone()));
    let store = dir.path().join("data/store.sqlite");
    let started = Instant::now();
    let mut unsaid = start();
    let (mut killed, mut done) = (false, 0);
    while done < rows as u64 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        done = calls(&store).await;
        if !killed && done > rows as u64 / 2 {
            unsaid.kill();
            unsaid = start();
            killed = true;
        }
        assert!(started.elapsed() < Duration::from_secs(1_200), "{done} of {rows} calls\n{}", unsaid.tail());
    }
    let seconds = started.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    let longest = asterisk.await.unwrap();
    println!("{rows} rows in {seconds:.1} s, one kill -9 among them: {:.0} rows/s", rows as f64 / seconds);
    println!("longest INSERT into the MyISAM table meanwhile: {} ms", longest.as_millis());
}
