//! Apache Kafka's own broker in KRaft mode, one for all tests that let it live.

use super::{Process, folder, free_port, program, run};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

pub struct Broker {
    port: u16,
    process: Process,
    java: PathBuf,
    args: Vec<String>,
    dir: tempfile::TempDir,
}

static BROKER: LazyLock<Broker> = LazyLock::new(Broker::start);

impl Broker {
    /// One of one's own, which may be killed.
    pub fn start() -> Broker {
        let jars = Path::new(env!("CARGO_MANIFEST_DIR")).join(".servers/kafka");
        let there = std::fs::read_dir(&jars).is_ok_and(|all| {
            all.flatten().any(|f| f.file_name().to_string_lossy().starts_with("kafka_2.13"))
        });
        assert!(there, "Apache Kafka is not in {}: `make test` fetches it with Maven", jars.display());
        let dir = folder();
        let (port, controller) = (free_port(), free_port());
        let properties = dir.path().join("server.properties");
        std::fs::write(
        &properties,
        format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port}\ncontroller.listener.names=CONTROLLER\n\
             log.dirs={}\noffsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\n\
             transaction.state.log.min.isr=1\noffsets.topic.num.partitions=3\ndefault.replication.factor=1\n\
             group.initial.rebalance.delay.ms=0\nauto.create.topics.enable=false\n",
            dir.path().join("logs").display()
        ),
    )
    .unwrap();
        let java = program("java", "default-jre-headless");
        let classes = format!("{}/*", jars.display());
        let file = properties.display().to_string();
        let mut format = Command::new(&java);
        format.args([
            "-cp",
            &classes,
            "kafka.tools.StorageTool",
            "format",
            "-t",
            "MkU3OEVBNTcwNTJENDM2Qg",
            "-c",
            &file,
        ]);
        assert!(run(&mut format), "Kafka's storage could not be formatted");
        let args = ["-Xmx512m", "-Xms128m", "-XX:+UseSerialGC", "-cp", &classes, "kafka.Kafka", &file];
        let args = args.map(str::to_owned).to_vec();
        let process = launch(&dir, &java, &args, port);
        Broker { port, process, java, args, dir }
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    pub fn start_again(&mut self) {
        self.process = launch(&self.dir, &self.java, &self.args, self.port);
    }
}

fn launch(dir: &tempfile::TempDir, java: &Path, args: &[String], port: u16) -> Process {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut process = Process::start(dir.path(), java, &args, None);
    process.wait_for_port(port);
    process
}

/// `host:port` of the broker.
pub fn brokers() -> String {
    BROKER.address()
}

/// A topic prefix of one's own.
pub fn prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("t{}-{}.", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
