//! The command line as users' scripts call it: exact forms, exit codes, and
//! inputs that are never changed.

use crate::office::{DATA, PLAIN, SECRETS, UNSAID, assert_muted, assert_redacted};
use crate::servers::folder;
use crate::servers::http::{Answer, Http};
use crate::servers::small_disk::with_own_mounts;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const KEYED: &str = "2024/05/14/external-201-15557650001-20240514-141500-1715710500.112.ulaw";

fn recording(path: &str) -> PathBuf {
    Path::new(DATA).join("monitor").join(path)
}

fn unsaid(args: &[&str]) -> Output {
    Command::new(UNSAID).args(args).output().unwrap()
}

fn fed(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(UNSAID)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

#[track_caller]
fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn probe_tells_what_every_file_is() {
    let all: Vec<String> = SECRETS
        .iter()
        .map(|s| s.0)
        .chain(PLAIN.iter().copied())
        .map(|p| recording(p).display().to_string())
        .collect();
    let mut args = vec!["probe"];
    args.extend(all.iter().map(String::as_str));
    let output = unsaid(&args);
    assert_eq!(code(&output), 0);
    let lines: Vec<Value> = text(&output.stdout).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), all.len());
    for (line, path) in lines.iter().zip(&all) {
        let (container, codec) = match path.rsplit('.').next().unwrap() {
            "wav" => ("wav", "pcm_s16le"),
            "WAV" => ("wav", "wav49"),
            "sln" => ("raw", "pcm_s16le"),
            other => ("raw", other),
        };
        assert_eq!(line["path"], json!(path));
        assert_eq!((line["container"].as_str(), line["codec"].as_str()), (Some(container), Some(codec)));
        assert_eq!((line["sample_rate_hz"].as_u64(), line["channels"].as_u64()), (Some(8_000), Some(1)));
        let frames = line["frames"].as_u64().unwrap();
        assert!((line["duration_s"].as_f64().unwrap() - frames as f64 / 8e3).abs() < 1e-5 && frames > 8_000);
    }
}

#[test]
fn dtmf_lists_the_digits_of_files_and_of_standard_input() {
    let path = recording(KEYED).display().to_string();
    let output = unsaid(&["dtmf", &path]);
    assert_eq!(code(&output), 0);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let tones = value[&path].as_array().unwrap();
    let digits: String = tones.iter().map(|t| t["digit"].as_str().unwrap()).collect();
    assert_eq!(digits, "80241#");
    for tone in tones {
        let len = tone["end"].as_f64().unwrap() - tone["start"].as_f64().unwrap();
        assert!((0.09..0.13).contains(&len), "a 100 ms key was said to last {len} s");
    }
    let piped = fed(&["dtmf", "-", "--format", "ulaw"], &std::fs::read(&path).unwrap());
    let piped: Value = serde_json::from_slice(&piped.stdout).unwrap();
    assert_eq!(piped["-"], value[&path]);
    let spoken = unsaid(&["dtmf", &recording(SECRETS[0].0).display().to_string()]);
    assert!(text(&spoken.stdout).trim_end().ends_with(":[]}"), "speech is no key");
}

#[test]
fn mute_silences_its_spans_alone_beside_in_place_and_through_pipes() {
    let dir = folder();
    let spans = dir.path().join("spans.json");
    std::fs::write(&spans, r#"[{"start":2.0,"end":3.5},{"start":3.0,"end":4.0},{"start":-1,"end":0.1}]"#)
        .unwrap();
    let wanted = [(0.0, 0.1), (2.0, 4.0)];
    for name in SECRETS.iter().map(|s| s.0) {
        let before = std::fs::read(recording(name)).unwrap();
        let file = Path::new(name).file_name().unwrap().to_str().unwrap();
        let (input, output) = (recording(name).display().to_string(), dir.path().join(file));
        let spans = spans.display().to_string();
        let copied = unsaid(&["mute", &input, output.to_str().unwrap(), "--spans", &spans]);
        assert_eq!(code(&copied), 0, "{}", text(&copied.stderr));
        let after = std::fs::read(&output).unwrap();
        assert_muted(name, &before, &after, &wanted, 0.0);
        assert_eq!(std::fs::read(recording(name)).unwrap(), before, "the input is as it was");
        let own = dir.path().join(format!("own-{file}"));
        std::fs::write(&own, &before).unwrap();
        let own = own.display().to_string();
        assert_eq!(code(&unsaid(&["mute", &own, &own, "--spans", &spans])), 0);
        assert_eq!(std::fs::read(&own).unwrap(), after);
        let extension = file.rsplit('.').next().unwrap();
        let piped = fed(&["mute", "-", "-", "--spans", &spans, "--format", extension], &before);
        assert_eq!((code(&piped), &piped.stdout), (0, &after));
    }
    let left: Vec<String> = std::fs::read_dir(dir.path())
        .unwrap()
        .flatten()
        .map(|f| f.file_name().to_string_lossy().into_owned())
        .collect();
    assert!(left.iter().all(|f| !f.starts_with(".tmp-")), "temporary files are left: {left:?}");
}

#[test]
fn mute_refuses_spans_that_cannot_be_meant_and_says_which_part_of_one_is_silenced() {
    let dir = folder();
    let input = recording(SECRETS[0].0);
    let (before, input) = (std::fs::read(&input).unwrap(), input.display().to_string());
    let (spans, output) = (dir.path().join("spans.json"), dir.path().join("out.wav"));
    let mute = |list: &str| {
        std::fs::write(&spans, list).unwrap();
        unsaid(&["mute", &input, output.to_str().unwrap(), "--spans", spans.to_str().unwrap()])
    };
    for (list, number, why) in [
        (r#"[{"start":1000,"end":2500}]"#, 1, "milliseconds"),
        (r#"[{"start":2.5,"end":1.0}]"#, 1, "ends where it begins, or before"),
        (r#"[{"start":1.5,"end":1.5}]"#, 1, "ends where it begins, or before"),
        (r#"[{"start":-3,"end":-1}]"#, 1, "before the recording"),
        (r#"[{"start":1,"end":2},{"start":90000,"end":90001}]"#, 2, "behind the recording"),
    ] {
        let refused = mute(list);
        let said = text(&refused.stderr);
        assert_eq!(code(&refused), 2, "{list}: {said}");
        assert!(said.contains(&format!("span {number} ")) && said.contains(why), "{list}: {said}");
        assert!(!output.exists(), "{list}: something was written");
    }
    assert_eq!(code(&mute(r#"[{"start":1,"end":1e999}]"#)), 3, "a time that is no number");
    let partly = mute(r#"[{"start":1,"end":2},{"start":2.5,"end":9000},{"start":1.5,"end":1.75}]"#);
    let said = text(&partly.stderr);
    assert_eq!(code(&partly), 0, "{said}");
    assert!(
        said.contains("span 2 ") && said.contains("only 2.500 to ") && said.lines().count() == 1,
        "{said}"
    );
    let nothing = mute("[]");
    assert_eq!((code(&nothing), std::fs::read(&output).unwrap() == before), (0, true));
    assert!(text(&nothing.stderr).contains("the list of spans is empty"));
}

#[test]
fn a_raw_recording_of_two_parties_is_silenced_on_both_by_ear_and_by_setting() {
    let dir = folder();
    let party =
        |hz: f64, k: u32| ((f64::from(k) * hz / 8_000.0 * std::f64::consts::TAU).sin() * 6_000.0) as i16;
    let both: Vec<u8> = (0..32_000u32)
        .flat_map(|k| [party(440.0, k), party(300.0, k)].map(i16::to_le_bytes).concat())
        .collect();
    let (spans, input) = (dir.path().join("spans.json"), dir.path().join("both.raw"));
    std::fs::write(&spans, r#"[{"start":1.0,"end":2.0}]"#).unwrap();
    std::fs::write(&input, &both).unwrap();
    let told = unsaid(&["probe", input.to_str().unwrap()]);
    assert!(text(&told.stdout).contains(r#""channels":2"#), "{}", text(&told.stdout));
    for extra in [vec![], vec!["--channels", "2"]] {
        let output = dir.path().join("out.raw");
        let mut args = vec![
            "mute",
            input.to_str().unwrap(),
            output.to_str().unwrap(),
            "--spans",
            spans.to_str().unwrap(),
        ];
        args.extend(extra);
        assert_eq!(code(&unsaid(&args)), 0);
        let after = std::fs::read(&output).unwrap();
        assert!(after[32_000..64_000].iter().all(|b| *b == 0), "a second of both parties");
        assert!(after[..32_000] == both[..32_000] && after[64_000..] == both[64_000..]);
    }
    // What cannot be told by ear is refused until somebody says so.
    let mut dice = 7u32;
    let noise: Vec<u8> = (0..64_000)
        .map(|_| {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (dice >> 24) as u8
        })
        .collect();
    std::fs::write(&input, &noise).unwrap();
    let doubtful = unsaid(&["dtmf", input.to_str().unwrap()]);
    assert!(
        code(&doubtful) == 3 && text(&doubtful.stderr).contains("raw_channels"),
        "{}",
        text(&doubtful.stderr)
    );
    assert_eq!(code(&unsaid(&["dtmf", "--channels", "1", input.to_str().unwrap()])), 0);
}

#[test]
fn detect_answers_with_word_indexes() {
    let lines = concat!(
        r#"{"id":"a","lang":"en","words":[{"word":"card","start":0,"end":0.3},{"word":"4532","start":0.4,"end":1.0},{"word":"1488","start":1.1,"end":1.6}]}"#,
        "\n\n",
        r#"{"id":7,"lang":"en","words":[{"word":"hello","start":0,"end":1,"speaker":"A"}]}"#,
        "\n",
    );
    let output = fed(&["detect", "--words", "-", "--lang", "en"], lines.as_bytes());
    assert_eq!(code(&output), 0);
    let got: Vec<Value> = text(&output.stdout).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(got[0], json!({ "id": "a", "spans": [{ "first": 1, "last": 2, "reason": "card_number" }] }));
    assert_eq!(got[1], json!({ "id": 7, "spans": [] }));
    let bad = fed(&["detect", "--words", "-"], b"{\"id\":1,\"words\":\"4532 1488\"}");
    assert_eq!(code(&bad), 3);
    assert!(!text(&bad.stderr).contains("4532"), "an error quotes nothing: {}", text(&bad.stderr));
}

#[test]
fn detect_explains_without_a_value_and_chooses_categories() {
    let line = r#"{"id":1,"words":[{"word":"card"},{"word":"number"},{"word":"is"},{"word":"4532"},{"word":"1488"},{"word":"and"},{"word":"my"},{"word":"cell"},{"word":"is"},{"word":"4155550199"}]}"#;
    let output = fed(&["detect", "--explain", "--words", "-"], line.as_bytes());
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    assert!(!printed.contains("4532") && !printed.contains("0199"), "{printed}");
    let got: Value = serde_json::from_str(&printed).unwrap();
    let first = &got["spans"][0];
    assert_eq!(first["reason"], "card_number");
    assert_eq!(
        (&first["keyword"], &first["rule"], &first["shape"]),
        (&json!("card number"), &json!("keyword"), &json!("dddd dddd"))
    );
    assert!(first["confidence"].as_f64().unwrap() > 0.5 && first["distance"].is_u64());
    assert_eq!(got["spans"][1]["reason"], "phone");
    let shown = fed(&["detect", "--explain", "--show-values", "--words", "-"], line.as_bytes());
    assert_eq!(code(&shown), 2, "values are shown on a terminal alone");
    let cards = fed(&["detect", "--categories", "card_number", "--words", "-"], line.as_bytes());
    let got: Value = serde_json::from_str(&text(&cards.stdout)).unwrap();
    assert_eq!(got["spans"].as_array().unwrap().len(), 1);
    let unknown = fed(&["detect", "--categories", "secrets", "--words", "-"], line.as_bytes());
    assert_eq!(code(&unknown), 2);
    assert!(text(&unknown.stderr).contains("card_number"), "{}", text(&unknown.stderr));
}

#[test]
fn a_fourth_language_is_a_file() {
    let dir = folder();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/lexicon/de.toml");
    let config = dir.path().join("unsaid.toml");
    let settings = format!("[redact]\nlexicons = [{:?}]\n", file.display().to_string());
    std::fs::write(&config, settings).unwrap();
    let config = config.display().to_string();
    let said = [
        ("wie ist ihre Kartennummer ähm vier fünf drei zwo eins vier acht acht", "card_number", 5..=12),
        ("meine Geheimzahl lautet siebenundzwanzig zwo eins", "password", 3..=5),
        ("die Prüfziffer ist drei neun eins", "cvv", 3..=5),
        ("ich bin geboren am 4. März 1982", "dob", 4..=6),
    ];
    let mut lines = String::new();
    for (id, (words, _, _)) in said.iter().enumerate() {
        let words: Vec<Value> = words.split(' ').map(|w| json!({ "word": w })).collect();
        lines += &format!("{}\n", json!({ "id": id, "lang": "de", "words": words }));
    }
    let order = ["ihre", "Bestellnummer", "ist", "4", "5", "6"].map(|w| json!({ "word": w }));
    lines += &json!({ "id": 9, "lang": "de", "words": order }).to_string();
    let output = fed(&["detect", "--words", "-", "--config", &config], lines.as_bytes());
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let got: Vec<Value> = text(&output.stdout).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    for ((words, reason, at), got) in said.iter().zip(&got) {
        let span = json!([{ "first": at.start(), "last": at.end(), "reason": reason }]);
        assert_eq!(got["spans"], span, "{words}");
    }
    assert_eq!(got[said.len()]["spans"], json!([]));
    let without = fed(&["detect", "--words", "-"], lines.as_bytes());
    let first = text(&without.stdout).lines().next().unwrap().to_owned();
    assert!(!first.contains("card_number"), "unknown without its file: {first}");
    std::fs::write(dir.path().join("broken.toml"), "language = \"de\"\n").unwrap();
    std::fs::write(
        dir.path().join("unsaid.toml"),
        format!("[redact]\nlexicons = [{:?}]\n", dir.path().join("broken.toml")),
    )
    .unwrap();
    let broken = fed(&["detect", "--words", "-", "--config", &config], lines.as_bytes());
    assert_eq!(code(&broken), 2);
    assert!(
        text(&broken.stderr).contains("broken.toml") && text(&broken.stderr).contains("version"),
        "{}",
        text(&broken.stderr)
    );
}

#[test]
fn doctor_says_what_is_missing_and_how_to_get_it() {
    let dir = folder();
    let settings = dir.path().join("unsaid.toml");
    let write = |more: &str| {
        std::fs::write(&settings, format!("[data]\ndir = \"{}\"\n{more}", dir.path().join("data").display()))
            .unwrap();
        unsaid(&["doctor", "--config", settings.to_str().unwrap()])
    };
    let well = write("");
    assert_eq!(code(&well), 0, "{}{}", text(&well.stdout), text(&well.stderr));
    assert!(text(&well.stdout).contains("only keyed tones"));
    let ill = write("[speech]\nkind = \"whisper\"\nmodel_path = \"/nowhere/ggml.bin\"\n");
    let said = text(&ill.stdout);
    assert_eq!(code(&ill), 4);
    assert!(said.contains("FAIL") && said.contains("huggingface.co"), "{said}");
}

#[test]
fn redact_silences_words_and_tones_and_reports_no_value() {
    let dir = folder();
    for (name, segments) in SECRETS {
        let input = recording(name);
        let words = input.with_extension("json");
        let (output, report) = (dir.path().join(input.file_name().unwrap()), dir.path().join("report.json"));
        let ran = unsaid(&[
            "redact",
            input.to_str().unwrap(),
            output.to_str().unwrap(),
            "--words",
            words.to_str().unwrap(),
            "--report",
            report.to_str().unwrap(),
        ]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        let told: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
        let told_segments: Vec<(f64, f64)> = told["segments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| (s["start"].as_f64().unwrap(), s["end"].as_f64().unwrap()))
            .collect();
        assert_eq!(told_segments.len(), *segments, "{name}: {told}");
        assert_redacted(
            name,
            &std::fs::read(&input).unwrap(),
            &std::fs::read(&output).unwrap(),
            &told_segments,
        );
        let transcript = told["transcript"].to_string();
        for digit in ["four", "five", "seven"] {
            assert!(!transcript.contains(digit) || name.contains("203"), "{name}: {transcript}");
        }
    }
}

#[test]
fn redact_without_words_says_that_it_looks_for_tones_alone() {
    let dir = folder();
    let output = dir.path().join("a.ulaw");
    let ran = unsaid(&["redact", recording(KEYED).to_str().unwrap(), output.to_str().unwrap()]);
    assert_eq!(code(&ran), 0);
    assert!(text(&ran.stderr).contains("only keyed tones"), "{}", text(&ran.stderr));
    let heard = unsaid(&["dtmf", output.to_str().unwrap()]);
    assert!(text(&heard.stdout).trim_end().ends_with(":[]}"), "no key is left to hear");
}

#[test]
fn redact_asks_the_configured_engine_and_leaves_the_file_when_it_fails() {
    let dir = folder();
    let words = std::fs::read_to_string(recording(SECRETS[0].0).with_extension("json")).unwrap();
    let (input, output) = (recording(SECRETS[0].0), dir.path().join("a.wav"));
    let config = dir.path().join("c.toml");
    let redact = |url: &str| {
        std::fs::write(&config, format!("[speech]\nkind = \"openai\"\nbase_url = \"{url}\"\nattempts = 1\n"))
            .unwrap();
        unsaid(&[
            "redact",
            input.to_str().unwrap(),
            output.to_str().unwrap(),
            "--config",
            config.to_str().unwrap(),
        ])
    };
    let failing = Http::start(vec![Answer::status(503)]);
    let failed = redact(&failing.url);
    assert_eq!(code(&failed), 4);
    assert!(
        !output.exists() && !text(&failed.stderr).contains("4532148803436467"),
        "{}",
        text(&failed.stderr)
    );
    let engine = Http::start(vec![Answer::ok(words)]);
    assert_eq!(code(&redact(&engine.url)), 0);
    assert_eq!(engine.asked()[0].path, "/v1/audio/transcriptions");
    assert_ne!(std::fs::read(&output).unwrap(), std::fs::read(&input).unwrap());
}

#[test]
fn wrong_arguments_and_inputs_have_their_exit_codes_and_change_nothing() {
    let dir = folder();
    let note = dir.path().join("note.wav");
    std::fs::write(&note, "this is a text file that calls itself a recording").unwrap();
    let spans = dir.path().join("spans.json");
    std::fs::write(&spans, "[{\"start\":0,\"end\":1}]").unwrap();
    let (note, spans) = (note.to_str().unwrap(), spans.to_str().unwrap());
    for args in
        [vec!["mute", note], vec!["nothing"], vec!["probe"], vec!["detect", "--words", "-", "--lang", "xx"]]
    {
        assert_eq!(code(&unsaid(&args)), 2, "{args:?}");
    }
    for args in [
        vec!["probe", note],
        vec!["dtmf", note],
        vec!["mute", note, note, "--spans", spans],
        vec!["redact", note, note],
        vec!["probe", "/no/such/file.wav"],
        vec!["mute", spans, spans, "--spans", spans],
    ] {
        let output = unsaid(&args);
        assert_eq!(code(&output), 3, "{args:?}");
        let said = text(&output.stderr);
        assert!(said.starts_with("unsaid: ") && said.trim_end().lines().count() <= 2, "{said}");
    }
    assert!(std::fs::read_to_string(note).unwrap().starts_with("this is a text"));
    let unreachable = dir.path().join("c.toml");
    std::fs::write(&unreachable, "[store]\nurl = \"postgres://x@127.0.0.1:1/x\"\n").unwrap();
    assert_eq!(code(&unsaid(&["migrate", "--config", unreachable.to_str().unwrap()])), 4);
}

#[test]
fn a_full_disk_leaves_the_input_and_no_half_output() {
    let dir = folder();
    let (spans, small) = (dir.path().join("spans.json"), dir.path().join("small"));
    std::fs::write(&spans, "[{\"start\":0,\"end\":1}]").unwrap();
    std::fs::create_dir(&small).unwrap();
    let before = std::fs::read(recording(SECRETS[0].0)).unwrap();
    // A file system of 100 kB of our own, in a mount namespace that ends with the command.
    let script = format!(
        "mount -t tmpfs -o size=100k tmpfs {small} && {UNSAID} mute {input} {small}/out.wav --spans {spans}; code=$?; ls -A {small}; exit $code",
        small = small.display(),
        input = recording(SECRETS[0].0).display(),
        spans = spans.display()
    );
    let Some(output) = with_own_mounts(&script) else { return };
    assert_eq!(code(&output), 1, "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("No space left"), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "", "nothing is left behind");
    assert_eq!(std::fs::read(recording(SECRETS[0].0)).unwrap(), before);
}

#[test]
fn the_demo_ends_with_a_table_and_every_call_done() {
    let dir = folder();
    let data = dir.path().join("demo");
    let port = crate::servers::free_port();
    let listen = format!("127.0.0.1:{port}");
    let args =
        ["demo", "--once", "--words", "sidecar", "--data", data.to_str().unwrap(), "--listen", &listen];
    let output = unsaid(&args);
    let said = text(&output.stdout);
    assert_eq!(code(&output), 0, "{said}{}", text(&output.stderr));
    assert!(said.contains("total: 28 calls, 0 failed, 22 spans"), "{said}");
    for (name, _) in SECRETS {
        assert_ne!(
            std::fs::read(data.join("monitor").join(name)).unwrap(),
            std::fs::read(recording(name)).unwrap()
        );
    }
    for name in PLAIN {
        assert_eq!(
            std::fs::read(data.join("monitor").join(name)).unwrap(),
            std::fs::read(recording(name)).unwrap()
        );
    }
    let again = unsaid(&args);
    assert_eq!(code(&again), 0, "a second start finds all done");
    let refused =
        unsaid(&["demo", "--words", "sidecar", "--data", data.to_str().unwrap(), "--listen", "0.0.0.0:9"]);
    assert_eq!(code(&refused), 2, "{}", text(&refused.stderr));
    let deaf = unsaid(&["demo", "--model", "/nowhere/ggml.bin", "--data", data.to_str().unwrap()]);
    assert_eq!(code(&deaf), 2, "{}", text(&deaf.stderr));
    assert!(text(&deaf.stderr).contains("setup.sh model"), "{}", text(&deaf.stderr));
}

#[test]
fn mute_ramps_or_puts_a_tone_when_asked_and_refuses_what_a_codec_cannot_hold() {
    let dir = tempfile::tempdir().unwrap();
    let spans = dir.path().join("spans.json");
    std::fs::write(&spans, r#"[{"start":2.0,"end":4.0}]"#).unwrap();
    let spans = spans.display().to_string();
    let wav = recording(SECRETS[0].0).display().to_string();
    let before = std::fs::read(&wav).unwrap();
    let out = dir.path().join("out.wav").display().to_string();
    let ramped = unsaid(&["mute", &wav, &out, "--spans", &spans, "--ramp", "2ms"]);
    assert_eq!(code(&ramped), 0, "{}", text(&ramped.stderr));
    assert_muted(SECRETS[0].0, &before, &std::fs::read(&out).unwrap(), &[(2.0, 4.0)], 0.002);
    let toned = unsaid(&["mute", &wav, &out, "--spans", &spans, "--tone"]);
    assert_eq!(code(&toned), 0, "{}", text(&toned.stderr));
    let after = std::fs::read(&out).unwrap();
    assert_eq!(
        (&before[..44 + 32_000], &before[44 + 64_000..]),
        (&after[..44 + 32_000], &after[44 + 64_000..])
    );
    let peak = after[44 + 32_000..44 + 64_000]
        .chunks_exact(2)
        .map(|b| i16::from_le_bytes([b[0], b[1]]).unsigned_abs())
        .max();
    assert!(peak.is_some_and(|p| (1_000..1_100).contains(&p)), "{peak:?}");
    let gsm = SECRETS.iter().map(|s| s.0).find(|n| n.ends_with(".gsm")).unwrap();
    let (gsm, out) = (recording(gsm).display().to_string(), dir.path().join("out.gsm"));
    let refused = unsaid(&["mute", &gsm, out.to_str().unwrap(), "--spans", &spans, "--tone"]);
    assert_eq!(code(&refused), 3, "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("tone") && !out.exists());
}

#[test]
fn keyed_tones_go_by_the_policy_of_the_settings() {
    let keyed = |path: &str| text(&unsaid(&["dtmf", path]).stdout).matches("\"digit\"").count();
    let file = recording(KEYED).display().to_string();
    assert!(keyed(&file) > 1);
    let dir = tempfile::tempdir().unwrap();
    for (policy, left) in [
        ("tones = \"every\"", 0),
        ("tones = \"runs\"\ntones_least = 99", keyed(&file)),
        ("tones = \"runs\"\ntones_least = 2", 0),
        ("tones = \"blanket\"\ntones_blanket = \"3s\"", 0),
    ] {
        let config = dir.path().join("unsaid.toml");
        std::fs::write(&config, format!("[redact]\n{policy}\n")).unwrap();
        let out = dir.path().join("out.ulaw").display().to_string();
        let done = unsaid(&["redact", &file, &out, "--config", config.to_str().unwrap()]);
        assert_eq!(code(&done), 0, "{}", text(&done.stderr));
        assert_eq!(keyed(&out), left, "{policy}");
    }
}

#[test]
fn every_kind_of_file_is_redacted_and_stays_of_its_kind() {
    let dir = tempfile::tempdir().unwrap();
    let keyed = recording(KEYED).display().to_string();
    for (name, coding) in [
        ("a.flac", ""),
        ("a.mp3", "-b:a 16k"),
        ("a.ogg", "-c:a libvorbis"),
        ("a.opus", "-c:a libopus -b:a 24k"),
        ("a.g722", "-ar 16000 -c:a g722"),
        ("ima.wav", "-c:a adpcm_ima_wav"),
        ("ms.wav", "-c:a adpcm_ms"),
    ] {
        let (input, output) = (dir.path().join(name), dir.path().join(format!("out-{name}")));
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "mulaw", "-ar", "8000", "-i", &keyed])
            .args(coding.split_whitespace())
            .arg(&input)
            .status()
            .unwrap();
        assert!(made.success(), "{name}");
        let (input, output) = (input.to_str().unwrap(), output.to_str().unwrap());
        assert!(text(&unsaid(&["dtmf", input]).stdout).contains("\"digit\""), "{name}: keys are there");
        let done = unsaid(&["redact", input, output]);
        assert_eq!(code(&done), 0, "{name}: {}", text(&done.stderr));
        assert!(
            text(&unsaid(&["dtmf", output]).stdout).trim_end().ends_with(":[]}"),
            "{name}: a key is left"
        );
        let shape = |file: &str| {
            let told = text(&unsaid(&["probe", file]).stdout);
            told.split_once("\"path\"").map_or(told.clone(), |(before, _)| before.to_owned())
        };
        assert_eq!(shape(input), shape(output), "{name}");
    }
}
