//! The topics' schemas, their examples and our types say the same.

use serde_json::Value;
use std::path::{Path, PathBuf};
use unsaid::message::{Analysed, CdrChanged, DeadLetter, Payload, RecordingReady, Redacted, Retried, Topic};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

fn read(path: &Path) -> Value {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_slice(&bytes).unwrap()
}

/// The example passes the schema and is exactly what our type writes.
fn check<P: Payload>() {
    let name = P::TOPIC.name();
    let schema = read(&folder().join(format!("topics/{name}.json")));
    let example = read(&folder().join(format!("examples/{name}.json")));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&example).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{name}: {errors:?}");
    let payload: P = serde_json::from_value(example.clone()).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(serde_json::to_value(&payload).unwrap(), example, "{name}");
    assert_eq!(schema["title"], P::TYPE, "{name}");
    let mut wrong = example;
    wrong.as_object_mut().unwrap().remove("linkedid");
    assert!(!validator.is_valid(&wrong), "{name}: a payload without its call is refused");
}

#[test]
fn every_topic_has_a_schema_and_an_example_that_our_type_reads_and_writes() {
    check::<CdrChanged>();
    check::<RecordingReady>();
    check::<Redacted>();
    check::<Analysed>();
    check::<Retried>();
    check::<DeadLetter>();
    for kind in ["topics", "examples"] {
        let count = std::fs::read_dir(folder().join(kind)).unwrap().count();
        assert_eq!(count, Topic::ALL.len(), "{kind} holds a file that no topic uses");
    }
}

#[test]
fn openapi_json_is_what_the_server_gives() {
    let path = folder().join("openapi.json");
    let now = format!("{:#}\n", unsaid::api::openapi_document());
    if std::env::var_os("TEST_WRITE_OPENAPI").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(kept == now, "schemas/openapi.json is old: run the test with TEST_WRITE_OPENAPI=1");
}
