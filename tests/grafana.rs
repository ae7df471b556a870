//! Every query of every dashboard: its metrics and labels are ours, and a real
//! Prometheus that scrapes the running demo answers it.

use crate::office::UNSAID;
use crate::servers::prometheus::Prometheus;
use crate::servers::{Process, eventually, folder, free_port};
use regex::Regex;
use serde_json::Value;
use std::path::Path;
use unsaid::metrics::Metrics;

/// The expressions of every panel.
fn queries() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana/dashboards");
    let mut out = Vec::new();
    for file in std::fs::read_dir(folder).unwrap().flatten() {
        let dashboard: Value = serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().map_or(&[][..], Vec::as_slice) {
                let title = panel["title"].as_str().unwrap().to_owned();
                out.push((title, target["expr"].as_str().unwrap().to_owned()));
            }
        }
    }
    assert!(out.len() >= 10);
    out
}

#[test]
fn every_metric_of_the_dashboards_is_one_of_ours() {
    let ours = Metrics::catalogue();
    let name = Regex::new(r"unsaid_[a-z_]+").unwrap();
    for (panel, query) in queries() {
        for found in name.find_iter(&query) {
            let plain = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|s| found.as_str().strip_suffix(s))
                .unwrap_or(found.as_str());
            assert!(ours.iter().any(|(n, _)| *n == plain), "{panel}: {plain} is no metric");
        }
    }
}

#[test]
fn every_query_is_answered_by_prometheus_scraping_the_demo() {
    let dir = folder();
    let port = free_port();
    let data = dir.path().join("demo").display().to_string();
    let args = ["demo", "--words", "sidecar", "--data", &data, "--listen", &format!("127.0.0.1:{port}")];
    let mut demo = Process::start(dir.path(), Path::new(UNSAID), &args, None);
    demo.wait_for_port(port);
    let prometheus = Prometheus::scraping(&format!("127.0.0.1:{port}"));
    let http = reqwest::blocking::Client::new();
    let ask = |query: &str| -> Value {
        let url =
            reqwest::Url::parse_with_params(&format!("{}/api/v1/query", prometheus.url), [("query", query)])
                .unwrap();
        http.get(url).send().unwrap().json().unwrap()
    };
    let count = |answer: &Value| answer["data"]["result"].as_array().map_or(0, Vec::len);
    eventually("the demo's redactions are scraped", 60, || {
        let answer = ask("sum(unsaid_redactions_total) >= 13");
        (count(&answer) > 0).then_some(())
    });
    for (panel, query) in queries() {
        let query = query.replace("$__rate_interval", "30s").replace("$__range", "5m");
        eventually(&format!("{panel}: {query} has an answer"), 45, || {
            let answer = ask(&query);
            assert_eq!(answer["status"], "success", "{panel}: {answer}");
            (count(&answer) > 0).then_some(())
        });
    }
}

#[test]
fn docker_compose_is_sound_where_docker_can_tell() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker-compose.yml");
    let text = std::fs::read_to_string(&file).unwrap();
    for service in ["unsaid:", "kafka:", "postgres:", "prometheus:", "grafana:"] {
        assert!(text.contains(&format!("\n  {service}")), "{service} is missing");
    }
    let asked = std::process::Command::new("docker").args(["compose", "version"]).output();
    if asked.is_ok_and(|o| o.status.success()) {
        let mut check = std::process::Command::new("docker");
        assert!(crate::servers::run(check.args(["compose", "-f"]).arg(&file).args(["config", "-q"])));
    } else {
        println!("docker compose is not on this machine: the file was read, not checked by it");
    }
}
