//! Chromium through its own driver (W3C WebDriver).

use super::{Process, folder, free_port, program};
use serde_json::{Value, json};
use std::time::Duration;

pub struct Browser {
    session: String,
    http: reqwest::Client,
    _driver: Process,
    _dir: tempfile::TempDir,
}

impl Browser {
    pub async fn start() -> Browser {
        super::install_tls();
        let dir = folder();
        let port = free_port();
        let chromium = program("chromium", "chromium");
        let driver = program("chromedriver", "chromium-driver");
        let mut process = Process::start(dir.path(), &driver, &[&format!("--port={port}")], None);
        process.wait_for_port(port);
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        let profile = format!("--user-data-dir={}", dir.path().join("profile").display());
        let args = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=1400,900",
            &profile,
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": { "binary": chromium, "args": args } } } });
        let answer: Value = http
            .post(format!("http://127.0.0.1:{port}/session"))
            .json(&wanted)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let id = answer["value"]["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("Chromium did not start: {answer}"));
        Browser {
            session: format!("http://127.0.0.1:{port}/session/{id}"),
            http,
            _driver: process,
            _dir: dir,
        }
    }

    async fn post(&self, command: &str, body: Value) -> Value {
        let answer = self.http.post(format!("{}/{command}", self.session)).json(&body).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert!(answer["value"].get("error").is_none(), "{command}: {answer}");
        answer["value"].clone()
    }

    pub async fn open(&self, url: &str) {
        self.post("url", json!({ "url": url })).await;
    }

    /// The value of a JavaScript function body.
    pub async fn script(&self, body: &str) -> Value {
        self.post("execute/sync", json!({ "script": body, "args": [] })).await
    }

    /// Asks `body` again until it is true.
    pub async fn until(&self, what: &str, body: &str) {
        for _ in 0..300 {
            if self.script(&format!("return Boolean({body})")).await == json!(true) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let page = self.script("return document.body.innerText").await;
        panic!("the page never showed: {what}\n{page}");
    }

    /// A PNG of the window, in base 64.
    pub async fn screenshot(&self) -> String {
        let answer: Value =
            self.http.get(format!("{}/screenshot", self.session)).send().await.unwrap().json().await.unwrap();
        answer["value"].as_str().unwrap().to_owned()
    }

    pub async fn close(self) {
        let _ = self.http.delete(&self.session).send().await;
    }
}
