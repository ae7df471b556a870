//! A PBX that tells by itself, and a person who does not want to wait.

use crate::office::{Office, UNSAID, Unsaid};
use crate::servers::free_port;
use std::process::{Command, Output};

/// An office whose calls are read once an hour, and which has none yet.
fn quiet_office() -> (Office, String) {
    let office = Office::lay_out();
    let cdrs = std::fs::read_to_string(office.path().join("cdr.csv")).unwrap();
    let header = cdrs.lines().next().unwrap();
    std::fs::write(office.path().join("cdr.csv"), format!("{header}\n")).unwrap();
    (office, cdrs)
}

fn slow(settings: &str) -> String {
    settings.replace("interval = \"200ms\"", "interval = \"1h\"")
}

fn install(office: &Office, more: &[&str]) -> Output {
    let config = office.path().join("unsaid.toml").display().to_string();
    Command::new(UNSAID).args(["hook", "install", "--config", &config]).args(more).output().unwrap()
}

/// As Asterisk runs the script: by a shell.
fn shell(line: &str) -> bool {
    Command::new("sh").args(["-c", line]).status().unwrap().success()
}

fn post(url: &str, origin: Option<&str>) -> u16 {
    crate::servers::install_tls();
    let mut request = reqwest::blocking::Client::new().post(url);
    if let Some(origin) = origin {
        request = request.header("Origin", origin);
    }
    request.send().unwrap().status().as_u16()
}

#[test]
fn the_line_that_hook_install_prints_brings_a_call_at_once() {
    let (office, cdrs) = quiet_office();
    let hooks = free_port();
    let api = format!("hooks_listen = \"127.0.0.1:{hooks}\"\n");
    let mut unsaid = Unsaid::serve_with(office.path(), &slow(&office.settings()), &api);
    unsaid.wait_until_ready();
    let printed = install(&office, &[]);
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let line = String::from_utf8(printed.stdout).unwrap();
    assert_eq!(line.lines().count(), 1, "one line for MIXMON_POST: {line}");
    assert!(!line.contains(['"', '\'', ',', ';', '^']), "Asterisk would take these for its own: {line}");
    assert!(line.contains(&format!("127.0.0.1:{hooks}/api/v1/hooks/recording")), "{line}");

    std::fs::write(office.path().join("cdr.csv"), cdrs).unwrap();
    let url = format!("http://127.0.0.1:{hooks}");
    assert_eq!(post(&format!("{url}/api/v1/hooks/recording"), None), 401);
    assert!(!shell(&line.replace("unsaid:", "unsaid:x")), "a token that nobody gave");
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!(unsaid.calls().len(), 0, "nobody who may has asked yet");
    assert!(shell(&line), "{line}");
    unsaid.wait_for_calls(17, 90);

    // Nothing else answers there.
    assert_eq!(reqwest::blocking::get(format!("{url}/api/v1/calls")).unwrap().status().as_u16(), 404);
    // A new token takes the old one's place, and the store holds neither.
    let again = String::from_utf8(install(&office, &["--pbx", "office"]).stdout).unwrap();
    assert!(!shell(&line) && shell(&again));
    for line in [&line, &again] {
        let token = line.split("unsaid:").nth(1).unwrap().split(' ').next().unwrap();
        for file in std::fs::read_dir(office.path().join("data")).unwrap().flatten() {
            let bytes = std::fs::read(file.path()).unwrap_or_default();
            let held = bytes.windows(token.len()).any(|w| w == token.as_bytes());
            assert!(!held, "{:?} holds the token", file.path());
        }
    }
    let unknown = install(&office, &["--pbx", "elsewhere"]);
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn refresh_reads_at_once_and_not_for_a_page_of_another_site() {
    let (office, cdrs) = quiet_office();
    let mut unsaid = Unsaid::serve(office.path(), &slow(&office.settings()));
    unsaid.wait_until_ready();
    std::thread::sleep(std::time::Duration::from_secs(1));
    std::fs::write(office.path().join("cdr.csv"), cdrs).unwrap();
    let refresh = format!("{}/api/v1/integrations/freepbx/refresh", unsaid.url);
    assert_eq!(post(&refresh, Some("https://example.com")), 403);
    assert_eq!(post(&refresh, Some("null")), 403);
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!(unsaid.calls().len(), 0);
    assert_eq!(post(&refresh, Some(&unsaid.url)), 202);
    unsaid.wait_for_calls(17, 90);
}

fn put(url: &str, body: &str) -> u16 {
    let request = reqwest::blocking::Client::new().put(url).header("Content-Type", "application/json");
    request.body(body.to_owned()).send().unwrap().status().as_u16()
}

#[test]
fn reading_is_paused_says_so_and_goes_on_where_it_was() {
    let (office, cdrs) = quiet_office();
    let mut unsaid = Unsaid::serve(office.path(), &office.settings());
    unsaid.wait_until_ready();
    let sync = format!("{}/api/v1/integrations/freepbx/office/sync", unsaid.url);
    assert_eq!(put(&sync.replace("office", "nobody"), "{\"paused\": true}"), 404);
    assert_eq!(put(&sync, "{\"paused\": true}"), 200);
    std::thread::sleep(std::time::Duration::from_secs(1));
    std::fs::write(office.path().join("cdr.csv"), cdrs).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(3));
    let states = unsaid.get("/api/v1/integrations/freepbx/sync").unwrap();
    assert_eq!((&states[0]["pbx"], &states[0]["paused"]), (&"office".into(), &true.into()), "{states}");
    assert_eq!((unsaid.calls().len(), &states[0]["rows_sent"]), (0, &0.into()));
    assert_eq!(put(&sync, "{\"paused\": false}"), 200);
    unsaid.wait_for_calls(17, 90);
    let states = unsaid.get("/api/v1/integrations/freepbx/sync").unwrap();
    assert_eq!(states[0]["paused"], false, "{states}");
    assert_eq!(states[0]["rows_registered"], states[0]["rows_sent"], "{states}");
    assert!(states[0]["rows_sent"].as_i64().unwrap() > 17, "{states}");
}
