//! The FreePBX source against a real MariaDB.

use crate::servers::folder;
use crate::servers::mariadb::MariaDb;
use std::collections::HashSet;
use unsaid::config::pbx::FreepbxConfig;
use unsaid::source::freepbx::CalldateWindow;
use unsaid::source::{CdrSource, SourceError};

fn config(db: &MariaDb, more: &str) -> FreepbxConfig {
    db.source(&format!("since = \"2024-05-01\"\n{more}"))
}

/// Reads until there is no more; every row's identity, with repeats.
async fn read_all(
    source: &mut CalldateWindow,
    mut cursor: Option<String>,
) -> Result<(Vec<String>, String), SourceError> {
    let mut identities = Vec::new();
    loop {
        let chunk = source.next(cursor.as_deref()).await?;
        source.acknowledge();
        identities.extend(chunk.rows.iter().map(|r| r.identity()));
        if !chunk.more {
            return Ok((identities, chunk.cursor));
        }
        cursor = Some(chunk.cursor);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_history_is_read_and_late_rows_within_the_overlap_are_found() {
    let db = tokio::task::spawn_blocking(|| MariaDb::start(true)).await.unwrap();
    db.load_samples();
    let mut source = CalldateWindow::new(config(&db, "overlap = \"6h\""));
    let (identities, cursor) = read_all(&mut source, None).await.unwrap();
    let once: HashSet<&String> = identities.iter().collect();
    assert_eq!(once.len(), identities.len(), "history has no late rows: it is read once");
    let samples = include_str!("data/freepbx/samples.sql").matches("INSERT INTO cdr").count();
    assert_eq!(identities.len(), samples);
    // A call that began three hours before the newest row ends now.
    db.sql(&format!(
        "USE asteriskcdrdb; INSERT INTO cdr (calldate, uniqueid, linkedid, sequence, disposition) VALUES
         (DATE_SUB('{}', INTERVAL 3 HOUR), '1999.1', '1999.1', 9001, 'ANSWERED')",
        cursor.replace('T', " ")
    ));
    let (late, _) = read_all(&mut source, Some(cursor)).await.unwrap();
    assert!(late.contains(&"1999.1#9001".to_owned()), "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_modes_do_what_they_say() {
    let (with, without) =
        tokio::task::spawn_blocking(|| (MariaDb::start(true), MariaDb::start(false))).await.unwrap();
    let ca = format!("tls = \"verify-ca\"\nca_file = \"{}\"", with.ca.display());
    let foreign = folder();
    std::fs::copy(&without.ca, foreign.path().join("ca.pem")).unwrap();
    let wrong = format!("tls = \"verify-ca\"\nca_file = \"{}\"", foreign.path().join("ca.pem").display());
    for (db, more, ok) in [
        (&with, "tls = \"off\"", true),
        (&with, "tls = \"preferred\"", true),
        (&with, "tls = \"required\"", true),
        (&with, ca.as_str(), true),
        (&with, wrong.as_str(), false),
        (&without, "tls = \"off\"", true),
        (&without, "tls = \"preferred\"", true),
        (&without, "tls = \"required\"", false),
    ] {
        let result = CalldateWindow::new(config(db, more)).next(None).await;
        assert_eq!(result.is_ok(), ok, "{more}: {result:?}");
    }
    let no_tls = CalldateWindow::new(config(&without, "tls = \"required\"")).next(None).await.unwrap_err();
    assert!(matches!(no_tls, SourceError::NoTls), "{no_tls:?}");
    let untrusted = CalldateWindow::new(config(&with, &wrong)).next(None).await.unwrap_err();
    assert!(matches!(untrusted, SourceError::Certificate(_)), "{untrusted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_without_the_password_and_a_restart_is_survived() {
    let mut db = tokio::task::spawn_blocking(|| MariaDb::start(false)).await.unwrap();
    db.load_samples();
    let denied = FreepbxConfig { password: "wrong-password-here".into(), ..config(&db, "") };
    let error = CalldateWindow::new(denied).next(None).await.unwrap_err();
    assert!(
        matches!(error, SourceError::AccessDenied { .. }) && !error.to_string().contains("wrong-password"),
        "{error}"
    );
    let lost = FreepbxConfig { table: "nowhere".into(), ..config(&db, "") };
    let error = CalldateWindow::new(lost).next(None).await.unwrap_err();
    assert!(matches!(error, SourceError::NoTable(_) | SourceError::AccessDenied { .. }), "{error:?}");
    let mut source = CalldateWindow::new(config(&db, ""));
    let (before, _) = read_all(&mut source, None).await.unwrap();
    // Killed, the server loses what it has not flushed.
    db.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1; CREATE TABLE asteriskcdrdb.flushed (n int); INSERT INTO asteriskcdrdb.flushed VALUES (1)");
    db.stop();
    let error = source.next(None).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
    let db = tokio::task::spawn_blocking(move || {
        db.start_again();
        db
    })
    .await
    .unwrap();
    let (after, _) = read_all(&mut source, None).await.unwrap();
    assert_eq!(before, after);
    // A statement that the server holds up is given up in time.
    let blocked = config(&db, "statement_timeout = \"1s\"");
    let holder = std::thread::spawn(move || {
        db.sql("USE asteriskcdrdb; LOCK TABLES cdr WRITE; SELECT SLEEP(6); UNLOCK TABLES");
        db
    });
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    let started = std::time::Instant::now();
    let error = CalldateWindow::new(blocked).next(None).await.unwrap_err();
    assert!(matches!(error, SourceError::TimedOut(_)), "{error:?}");
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
    holder.join().unwrap();
}
