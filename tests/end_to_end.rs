//! The whole chain through real parts: MariaDB → Kafka → sshd → PostgreSQL →
//! the page in Chromium.

use crate::office::{Office, PLAIN, SECRETS, Unsaid, assert_redacted, segments_of};
use crate::servers::chromium::Browser;
use crate::servers::mariadb::{MariaDb, PASSWORD, USER};
use crate::servers::openssh::Sshd;
use crate::servers::{kafka, postgres};
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;

/// The office's CDRs as rows of MariaDB.
fn insert_office(db: &MariaDb, office: &Office) {
    let mut reader = csv::Reader::from_path(office.path().join("cdr.csv")).unwrap();
    let columns: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows: Vec<String> = reader
        .records()
        .map(|record| {
            let values: Vec<String> =
                record.unwrap().iter().map(|v| format!("'{}'", v.replace('\'', "''"))).collect();
            format!("({})", values.join(","))
        })
        .collect();
    db.sql(&format!("USE asteriskcdrdb; INSERT INTO cdr ({}) VALUES {}", columns.join(","), rows.join(",")));
}

#[test]
fn a_call_goes_from_mariadb_over_kafka_and_sftp_to_postgresql_and_the_page() {
    let office = Office::lay_out();
    let (db, sshd) = (MariaDb::start(true), Sshd::start());
    insert_office(&db, &office);
    let inodes: HashMap<&str, u64> = SECRETS
        .iter()
        .map(|(p, _)| (*p, std::fs::metadata(office.monitor().join(p)).unwrap().ino()))
        .collect();
    let times: HashMap<&str, i64> = SECRETS
        .iter()
        .map(|(p, _)| (*p, std::fs::metadata(office.monitor().join(p)).unwrap().mtime()))
        .collect();
    let before: HashMap<&str, Vec<u8>> = SECRETS.iter().map(|(p, _)| (*p, office.read(p))).collect();
    let settings = format!(
        "[store]\nurl = \"{}\"\n[bus]\nkind = \"kafka\"\nbrokers = \"{}\"\ntopic_prefix = \"{}\"\npartitions = 4\n\
         [redact]\nsettle = \"1s\"\n[speech]\nkind = \"sidecar\"\n[[pbx]]\nid = \"head-office\"\ntrunks = [\"ITSP\"]\n\
         [pbx.source]\nkind = \"freepbx\"\nhost = \"127.0.0.1\"\nport = {}\nuser = \"{USER}\"\npassword = \"{PASSWORD}\"\n\
         tls = \"verify-ca\"\nca_file = \"{}\"\nsince = \"2024-05-13\"\ninterval = \"1s\"\n[pbx.recordings]\n{}",
        postgres::database(),
        kafka::brokers(),
        kafka::prefix(),
        db.port,
        db.ca.display(),
        sshd.settings(&office.monitor())
    );
    let mut unsaid = Unsaid::serve(office.path(), &settings);
    unsaid.wait_until_ready();
    let calls = unsaid.wait_for_calls(17, 120);
    assert_eq!(calls.len(), 17);
    assert!(calls.iter().all(|c| c["status"] != "failed"), "{calls:#?}");
    let statuses = |s: &str| calls.iter().filter(|c| c["status"] == s).count();
    assert_eq!((statuses("completed"), statuses("unanswered")), (12, 5));
    let directions = |d: &str| calls.iter().filter(|c| c["direction"] == d).count();
    assert_eq!((directions("inbound"), directions("outbound"), directions("internal")), (12, 3, 2));
    let mut checked = 0;
    for call in &calls {
        let detail = unsaid.get(&format!("/api/v1/calls/{}", call["id"].as_str().unwrap())).unwrap();
        for recording in detail["recordings"].as_array().unwrap() {
            let path = recording["path"].as_str().unwrap();
            let Some(original) = before.get(path) else {
                assert_eq!(recording["redaction_status"], "not_needed", "{path}");
                continue;
            };
            let wanted = SECRETS.iter().find(|s| s.0 == path).unwrap().1;
            let segments = segments_of(recording);
            assert_eq!(segments.len(), wanted, "{path}");
            assert_redacted(path, original, &office.read(path), &segments);
            let now = std::fs::metadata(office.monitor().join(path)).unwrap();
            assert_eq!(
                (now.ino(), now.mtime()),
                (inodes[path], times[path]),
                "{path}: inode and time are kept"
            );
            checked += 1;
        }
    }
    assert_eq!(checked, SECRETS.len());
    for path in PLAIN {
        assert_eq!(
            office.read(path),
            std::fs::read(std::path::Path::new(crate::office::DATA).join("monitor").join(path)).unwrap()
        );
    }
    ranges(&unsaid, &office);
    tokio::runtime::Runtime::new().unwrap().block_on(page(&unsaid.url));
    unsaid.process.signal("TERM");
    assert!(unsaid.process.wait().success(), "it drains and stops:\n{}", unsaid.process.tail());
}

/// Playback by byte range, over SFTP.
fn ranges(unsaid: &Unsaid, office: &Office) {
    let path = SECRETS[0].0;
    let bytes = office.read(path);
    let calls = unsaid.calls();
    let id = calls
        .iter()
        .filter_map(|c| unsaid.get(&format!("/api/v1/calls/{}", c["id"].as_str().unwrap())))
        .flat_map(|d| d["recordings"].as_array().unwrap().clone())
        .find(|r| r["path"] == path)
        .map(|r| r["id"].as_str().unwrap().to_owned())
        .unwrap();
    crate::servers::install_tls();
    let http = reqwest::blocking::Client::new();
    let get = |range: Option<&str>| {
        let mut request = http.get(format!("{}/api/v1/recordings/{id}/audio", unsaid.url));
        if let Some(range) = range {
            request = request.header("Range", range);
        }
        let response = request.send().unwrap();
        let content_range = response.headers().get("content-range").map(|v| v.to_str().unwrap().to_owned());
        (response.status().as_u16(), content_range, response.bytes().unwrap().to_vec())
    };
    let len = bytes.len();
    assert_eq!(get(None), (200, None, bytes.clone()));
    let part = |a: usize, b: usize| (206, Some(format!("bytes {a}-{}/{len}", b - 1)), bytes[a..b].to_vec());
    assert_eq!(get(Some("bytes=0-43")), part(0, 44));
    assert_eq!(get(Some("bytes=100000-")), part(100_000, len));
    assert_eq!(get(Some("bytes=-1000")), part(len - 1_000, len));
    assert_eq!(get(Some("bytes=100-99999999")), part(100, len));
    assert_eq!(get(Some("lines=1-2")).0, 200);
    let beyond = get(Some("bytes=99999999-"));
    assert_eq!((beyond.0, beyond.1), (416, Some(format!("bytes */{len}"))));
    let head = http.head(format!("{}/api/v1/recordings/{id}/audio", unsaid.url)).send().unwrap();
    assert_eq!(head.headers()["content-length"], len.to_string().as_str());
    let rebound = http
        .get(format!("{}/api/v1/calls", unsaid.url))
        .header("Host", "evil.example")
        .header("X-Forwarded-Host", "localhost")
        .send()
        .unwrap();
    assert_eq!(rebound.status().as_u16(), 403);
}

/// What the office manager sees.
async fn page(url: &str) {
    let browser = Browser::start().await;
    browser.open(url).await;
    browser.until("17 calls", "document.querySelectorAll('#calls tr').length === 17").await;
    browser.until("that it is live", "document.getElementById('live').textContent === 'live'").await;
    browser
        .script("[...document.querySelectorAll('#calls tr')].find(r => r.innerText.includes('cvv')).click()")
        .await;
    browser
        .until(
            "a waveform with three spans",
            "document.querySelector('canvas.waveform')?.dataset.spans === '3'",
        )
        .await;
    browser.until("a player that knows the length", "document.querySelector('audio')?.duration > 20").await;
    browser.until("a sanitized transcript", "document.querySelectorAll('.redacted').length === 3").await;
    let text = browser.script("return document.body.innerText").await;
    let text = text.as_str().unwrap();
    assert!(!text.contains("four five three two"), "{text}");
    let drawn = "(() => { const c = document.querySelector('canvas.waveform'); \
                 return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v > 0) })()";
    browser.until("a drawn waveform", drawn).await;
    if let Some(file) = std::env::var_os("TEST_SCREENSHOT") {
        std::fs::write(file, browser.screenshot().await).unwrap();
    }
    browser.close().await;
}
