//! An S3-compatible store: Adobe's S3Mock, which keeps its buckets in files.

use super::{Process, folder, free_port, program};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub const BUCKET: &str = "unsaid";

pub struct S3 {
    pub process: Process,
    pub port: u16,
    _dir: tempfile::TempDir,
}

fn jar() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".servers/s3mock");
    let found = std::fs::read_dir(&folder).ok().and_then(|all| all.flatten().map(|f| f.path()).next());
    found
        .unwrap_or_else(|| panic!("S3Mock is not in {}: `make test` fetches it with Maven", folder.display()))
}

impl S3 {
    /// A store with one bucket.
    pub fn start() -> S3 {
        let (dir, port, jar) = (folder(), free_port(), jar().display().to_string());
        let root = dir.path().join("root");
        std::fs::create_dir(&root).unwrap();
        let args = [
            "-Xmx256m".to_owned(),
            "-XX:+UseSerialGC".to_owned(),
            format!("-Dcom.adobe.testing.s3mock.store.initialBuckets={BUCKET}"),
            format!("-Dcom.adobe.testing.s3mock.store.root={}", root.display()),
            format!("-Dhttp.port={port}"),
            "-Dserver.port=0".to_owned(),
            "-jar".to_owned(),
            jar,
        ];
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let java = program("java", "default-jre-headless");
        let mut process = Process::start(dir.path(), &java, &args, None);
        process.wait_for_port(port);
        let server = S3 { process, port, _dir: dir };
        super::eventually("the bucket is there", 60, || {
            let url = format!("http://127.0.0.1:{port}/{BUCKET}?list-type=2");
            let answer = reqwest::blocking::Client::new().get(url).timeout(Duration::from_secs(5)).send();
            answer.is_ok_and(|a| a.status().is_success()).then_some(())
        });
        server
    }

    /// `keep` for this store.
    pub fn keep(&self, prefix: &str) -> String {
        format!(
            "{{ kind = \"s3\", bucket = \"{BUCKET}\", prefix = \"{prefix}\", endpoint = \"http://127.0.0.1:{}\", \
             access_key_id = \"key\", secret_access_key = \"a secret of the store\" }}",
            self.port
        )
    }
}
