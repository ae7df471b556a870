//! Prometheus, scraping one address every second.

use super::{Process, eventually, folder, free_port, install_tls, program};

pub struct Prometheus {
    pub url: String,
    _process: Process,
    _dir: tempfile::TempDir,
}

impl Prometheus {
    pub fn scraping(target: &str) -> Prometheus {
        let dir = folder();
        let port = free_port();
        let config = dir.path().join("prometheus.yml");
        std::fs::write(
            &config,
            format!("global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: unsaid\n    static_configs:\n      - targets: ['{target}']\n"),
        )
        .unwrap();
        let args = [
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", dir.path().join("data").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ];
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut process = Process::start(dir.path(), &program("prometheus", "prometheus"), &args, None);
        process.wait_for_port(port);
        let url = format!("http://127.0.0.1:{port}");
        // It listens before it can answer, and says 503 until then.
        install_tls();
        let http = reqwest::blocking::Client::new();
        eventually("Prometheus is ready", 30, || {
            let answer = http.get(format!("{url}/-/ready")).send().ok()?;
            answer.status().is_success().then_some(())
        });
        Prometheus { url, _process: process, _dir: dir }
    }
}
