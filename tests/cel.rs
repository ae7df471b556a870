//! Following a PBX by CEL, against a real MariaDB: long calls, late rows, ids
//! that become visible out of order, and changing between the ways of reading.

use crate::servers::mariadb::MariaDb;
use std::collections::BTreeSet;
use unsaid::source::freepbx::{CalldateWindow, CelCursor, Followed, followed};
use unsaid::source::{CdrSource, SourceError};

async fn start(with_cel: bool) -> MariaDb {
    let db = tokio::task::spawn_blocking(|| MariaDb::start(true)).await.unwrap();
    if with_cel {
        db.sql(include_str!("data/freepbx/cel.sql"));
    }
    db
}

/// Everything that is to be read now, and the cursor after it.
async fn read(source: &mut dyn CdrSource, cursor: &mut Option<String>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    loop {
        let chunk = source.next(cursor.as_deref()).await.unwrap();
        source.acknowledge();
        found.extend(chunk.rows.iter().map(|r| r.uniqueid.clone()));
        *cursor = Some(chunk.cursor);
        if !chunk.more {
            return found;
        }
    }
}

/// A leg that began so many minutes ago.
fn leg(db: &MariaDb, linkedid: &str, uniqueid: &str, minutes_ago: u32) {
    db.sql(&format!(
        "USE asteriskcdrdb; INSERT INTO cdr (calldate, uniqueid, linkedid, sequence, disposition) VALUES \
         (DATE_SUB(NOW(), INTERVAL {minutes_ago} MINUTE), '{uniqueid}', '{linkedid}', 1, 'ANSWERED')"
    ));
}

/// What CEL writes of a call: its channels, and its end so many seconds ago; ids from `id` on.
fn events(db: &MariaDb, id: u32, linkedid: &str, channels: &[&str], seconds_ago: u32) {
    let at = format!("DATE_SUB(NOW(), INTERVAL {seconds_ago} SECOND)");
    let mut rows: Vec<String> = channels
        .iter()
        .enumerate()
        .map(|(n, c)| format!("({}, 'CHAN_END', {at}, '{c}', '{linkedid}')", id as usize + n))
        .collect();
    rows.push(format!(
        "({}, 'LINKEDID_END', {at}, '{linkedid}', '{linkedid}')",
        id as usize + channels.len()
    ));
    let rows = rows.join(",");
    db.sql(&format!(
        "USE asteriskcdrdb; INSERT INTO cel (id, eventtype, eventtime, uniqueid, linkedid) VALUES {rows}"
    ));
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_ten_hours_is_read_when_it_ends_with_all_its_legs() {
    let db = start(true).await;
    let mut cel = CelCursor::new(db.source("grace = \"5s\"\noverlap = \"6h\""));
    let mut dates = CalldateWindow::new(db.source("overlap = \"6h\""));
    let (mut by_cel, mut by_date) = (None, None);
    events(&db, 1, "0.1", &["0.1"], 7_200);
    read(&mut cel, &mut by_cel).await;
    read(&mut dates, &mut by_date).await;
    // Two legs of one call, one of them under the other's linked id.
    leg(&db, "9.1", "9.1", 600);
    leg(&db, "9.1", "9.2", 5);
    events(&db, 10, "9.1", &["9.1", "9.2"], 30);
    assert_eq!(read(&mut cel, &mut by_cel).await, set(&["9.1", "9.2"]));
    assert!(!read(&mut dates, &mut by_date).await.contains("9.1"), "dates alone lose it");
    // Read once, it is not read again.
    assert_eq!(read(&mut cel, &mut by_cel).await, set(&[]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_waits_for_its_grace_and_late_rows_are_looked_for_again() {
    let db = start(true).await;
    events(&db, 1, "0.1", &["0.1"], 7_200);
    let mut cel = CelCursor::new(db.source("grace = \"3s\""));
    let mut cursor = None;
    read(&mut cel, &mut cursor).await;
    events(&db, 10, "5.1", &["5.1"], 0);
    leg(&db, "5.1", "5.1", 1_000);
    assert_eq!(read(&mut cel, &mut cursor).await, set(&[]), "its CDRs may still be written");
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(read(&mut cel, &mut cursor).await, set(&["5.1"]));
    // Written in batches: the end is there long before the row.
    events(&db, 20, "6.1", &["6.1"], 60);
    assert_eq!(read(&mut cel, &mut cursor).await, set(&[]));
    leg(&db, "6.1", "6.1", 1_000);
    assert_eq!(read(&mut cel, &mut cursor).await, set(&["6.1"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_becomes_visible_after_a_later_one_is_read() {
    let db = start(true).await;
    events(&db, 1, "0.1", &["0.1"], 7_200);
    let mut cel = CelCursor::new(db.source(""));
    let mut cursor = None;
    read(&mut cel, &mut cursor).await;
    leg(&db, "8.1", "8.1", 1_000);
    leg(&db, "7.1", "7.1", 1_000);
    events(&db, 100, "8.1", &["8.1"], 60);
    assert_eq!(read(&mut cel, &mut cursor).await, set(&["8.1"]));
    events(&db, 90, "7.1", &["7.1"], 61);
    assert_eq!(read(&mut cel, &mut cursor).await, set(&["7.1"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn history_older_than_cel_is_read_and_what_cel_missed_is_swept_up() {
    let db = start(true).await;
    db.load_samples();
    let settings = "since = \"2024-05-01\"\nsweep_days = 2";
    let mut cursor = None;
    let first = read(&mut CelCursor::new(db.source(settings)), &mut cursor).await;
    let samples = include_str!("data/freepbx/samples.sql");
    let unread = ["1715693412.34", "1715695346.52", "1730615400.165"].iter().find(|u| !first.contains(**u));
    assert!(samples.contains("1730615400.165") && unread.is_none(), "{unread:?} was not read");
    // CEL was off for a while; the next start finds the call by its date.
    leg(&db, "3.1", "3.1", 1_500);
    let again = read(&mut CelCursor::new(db.source(settings)), &mut cursor).await;
    assert_eq!(again, set(&["3.1"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_the_way_of_reading_loses_nothing() {
    let db = start(true).await;
    let settings = "since = \"2024-05-01\"\nsweep_days = 0\ngrace = \"5s\"";
    let (mut cursor, mut all) = (None, BTreeSet::new());
    let mut made = BTreeSet::new();
    for round in 0..4u32 {
        for n in 0..5 {
            let id = format!("{round}{n}.1");
            leg(&db, &id, &id, 10 * (4 - round));
            events(&db, 1_000 * (round + 1) + 10 * n, &id, &[&id], 60 * (4 - round));
            made.insert(id);
        }
        // A new process each time, now by date, now by CEL, with the other's cursor.
        let found = if round % 2 == 0 {
            read(&mut CalldateWindow::new(db.source(settings)), &mut cursor).await
        } else {
            read(&mut CelCursor::new(db.source(settings)), &mut cursor).await
        };
        all.extend(found);
        assert_eq!(all, made, "after round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pbx_without_cel_is_followed_by_date_and_one_that_must_have_it_says_so() {
    let (without, with) = (start(false).await, start(true).await);
    leg(&without, "2.1", "2.1", 30);
    let found = read(&mut Followed::new(without.source("")), &mut None).await;
    assert_eq!(found, set(&["2.1"]));
    let forced = Followed::new(without.source("follow = \"cel\"")).next(None).await.unwrap_err();
    assert!(matches!(&forced, SourceError::NoTable(table) if table == "cel"), "{forced}");
    // With CEL it is followed: the cursor says so.
    leg(&with, "2.1", "2.1", 30);
    events(&with, 5, "2.1", &["2.1"], 60);
    let mut cursor = None;
    assert_eq!(read(&mut Followed::new(with.source("")), &mut cursor).await, set(&["2.1"]));
    assert!(cursor.unwrap().contains('@'));
    let told = |result: Result<String, SourceError>| result.unwrap();
    assert!(told(followed::check(&with.source("")).await).ends_with("followed by CEL"));
    assert!(told(followed::check(&without.source("")).await).contains("followed by calldate"));
    // CEL that was switched off two days ago is not trusted.
    with.sql("USE asteriskcdrdb; UPDATE cel SET eventtime = DATE_SUB(NOW(), INTERVAL 2 DAY)");
    let mut cursor = None;
    read(&mut Followed::new(with.source("")), &mut cursor).await;
    assert!(!cursor.unwrap().contains('@'));
}
