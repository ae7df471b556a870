//! One suite over both databases: what the stages and the API may rely on.

use crate::servers::{folder, postgres};
use std::collections::HashSet;
use unsaid::call::Zone;
use unsaid::call::{CallKey, CdrRow, Detector, PbxId, Reason, Segment, TenantId, assemble};
use unsaid::detect::{Ruleset, detect, sanitize};
use unsaid::message::{Analysed, Redacted, RedactionOutcome, analyses};
use unsaid::store::Store;
use unsaid::store::calls::{NamedRecording, PageCursor};
use unsaid::store::originals::SealedOriginal;
use unsaid::store::recordings::{Ended, Intent};
use unsaid::store::register::Registration;
use unsaid::store::syncs::ReadNote;

fn name<T: TryFrom<String>>(s: &str) -> T
where
    T::Error: std::fmt::Debug,
{
    T::try_from(s.to_owned()).unwrap()
}

fn key(tenant: &str, linkedid: &str) -> CallKey {
    CallKey { tenant: name(tenant), pbx: name("office"), linkedid: linkedid.to_owned() }
}

fn row(linkedid: &str, sequence: i64, disposition: &str, minute: u32) -> CdrRow {
    CdrRow {
        calldate: format!("2024-05-14T10:{minute:02}:00").parse().ok(),
        uniqueid: linkedid.to_owned(),
        linkedid: linkedid.to_owned(),
        sequence,
        disposition: disposition.to_owned(),
        billsec: i64::from(disposition == "ANSWERED") * 20,
        duration: 30,
        dstchannel: "PJSIP/201-1".to_owned(),
        did: "1555".to_owned(),
        ..CdrRow::default()
    }
}

fn recording(key: &CallKey, file: &str) -> NamedRecording {
    NamedRecording {
        id: key.recording_id(file),
        recordingfile: file.to_owned(),
        path: Ok(format!("2024/{file}")),
    }
}

fn registration<'a>(
    key: &'a CallKey,
    identity: &'a str,
    row: &'a CdrRow,
    file: Option<&str>,
) -> Registration<'a> {
    let recording_id = file.map(|f| key.recording_id(f));
    Registration { key, source: "csv", identity, row, version: 0, recording_id }
}

async fn register(store: &Store, key: &CallKey, row: &CdrRow, files: &[&str]) -> Vec<NamedRecording> {
    let identity = row.identity();
    let rows = [registration(key, &identity, row, files.first().copied())];
    let recordings = |key: &CallKey| files.iter().map(|f| recording(key, f)).collect();
    let unsent = store
        .register(&rows, |key, legs| {
            (assemble(legs.iter().copied(), &key.linkedid, &[], &Zone::UTC), recordings(key))
        })
        .await
        .unwrap();
    unsent.into_iter().map(|u| u.recording).collect()
}

async fn is_known(store: &Store, tenant: &str, identity: &str, file: &str) -> bool {
    let rows = [(identity.to_owned(), file)];
    store.known_rows(tenant, "office", &rows).await.unwrap().contains(identity)
}

fn outcome(key: &CallKey, file: &str, status: RedactionOutcome) -> Redacted {
    Redacted {
        call: key.clone(),
        recording_id: key.recording_id(file),
        path: format!("2024/{file}"),
        status,
        detail: None,
        segments: vec![Segment {
            start: 1.0,
            end: 2.5,
            reason: Reason::CardNumber,
            detector: Detector::Words,
        }],
        muted_s: 1.5,
        duration_s: 20.0,
        sha256_before: Some("aa".into()),
        sha256_after: Some("bb".into()),
        ruleset: "r1".into(),
        elapsed_ms: 12,
    }
}

fn intent() -> Intent {
    Intent {
        original_sha256: "aa".into(),
        redacted_sha256: "bb".into(),
        size_bytes: 44,
        segments: vec![],
        spans: vec![(1, 2)],
        byte_ranges: vec![(44, 2)],
        mtime_s: 7,
        ruleset: "r1".into(),
        transcript: None,
        peaks: vec![1, 2],
        format: "wav/pcm_s16le".into(),
        duration_s: 1.0,
        muted_s: 0.1,
        note: None,
    }
}

fn ended(key: &CallKey, file: &str) -> Ended {
    let redacted = outcome(key, file, RedactionOutcome::Completed);
    Ended { redacted, transcript: None, peaks: vec![], format: None, size_bytes: None, mtime_s: None }
}

/// The life of a call: two legs, one recording, an intent, an outcome, an analysis.
async fn life_of_a_call(store: Store) {
    let key = key("default", "40.1");
    let tenant = &key.tenant;
    let first = register(&store, &key, &row("40.1", 1, "NO ANSWER", 0), &["a.wav"]).await;
    assert_eq!(first.len(), 1, "the recording is to be sent");
    let unanswered = store.call(tenant, &key.call_id()).await.unwrap().unwrap();
    assert_eq!(
        (unanswered.status.as_str(), unanswered.summary.as_deref()),
        ("pending", Some("Unanswered call"))
    );
    store.mark_published(&[(tenant, first[0].id.as_str())]).await.unwrap();
    let again = register(&store, &key, &row("40.1", 2, "ANSWERED", 0), &["a.wav"]).await;
    assert!(again.is_empty(), "it is sent once");
    let call = store.call(tenant, &key.call_id()).await.unwrap().unwrap();
    assert_eq!(
        (call.disposition.as_str(), call.status.as_str(), call.summary),
        ("answered", "pending", None)
    );
    let id = key.recording_id("a.wav");
    store.begin_redaction(tenant, &id).await.unwrap();
    assert_eq!(store.call(tenant, &key.call_id()).await.unwrap().unwrap().status, "processing");
    store.save_intent(tenant, &id, &intent()).await.unwrap();
    assert_eq!(store.recording(tenant, &id).await.unwrap().unwrap().intent.unwrap().0, intent());
    let words =
        vec![unsaid::call::Word { text: "4111111111111111".into(), start_s: 1.0, end_s: 2.0, speaker: None }];
    let raw = unsaid::call::RawTranscript { words, ..Default::default() };
    let detections = detect(&raw.words, None, &Ruleset::new().unwrap());
    let ended = Ended {
        redacted: outcome(&key, "a.wav", RedactionOutcome::Completed),
        transcript: Some(sanitize(&raw, &detections, false)),
        peaks: vec![3, 4],
        format: Some("wav/pcm_s16le".into()),
        size_bytes: Some(44),
        mtime_s: Some(7),
    };
    for _ in 0..2 {
        store.end_redaction(&key, &ended).await.unwrap();
    }
    let call = store.call(tenant, &key.call_id()).await.unwrap().unwrap();
    assert_eq!(
        (call.status.as_str(), call.redaction_status.as_str(), call.redacted),
        ("completed", "completed", true)
    );
    assert_eq!(call.redacted_segments.0, ended.redacted.segments);
    assert!(call.redacted_at.is_some());
    let kept = store.recording(tenant, &id).await.unwrap().unwrap();
    assert!(kept.intent.is_none());
    assert_eq!(kept.transcript.unwrap().0.text().as_str(), "[REDACTED]");
    let analysed = Analysed {
        call: key.clone(),
        recording_id: id.clone(),
        summary: "short".into(),
        sentiment: analyses::Sentiment::Positive,
        booking: analyses::Booking::Yes,
        model: "m".into(),
    };
    store.save_analysis(&analysed).await.unwrap();
    let call = store.call(tenant, &key.call_id()).await.unwrap().unwrap();
    assert_eq!((call.summary.as_deref(), call.sentiment.as_deref()), (Some("short"), Some("positive")));
    let trail: Vec<String> =
        store.audit_of(tenant, &id).await.unwrap().into_iter().map(|e| e.action).collect();
    assert_eq!(trail, ["intent", "redaction", "redaction"]);
    let known = register(&store, &key, &row("40.1", 2, "ANSWERED", 0), &["a.wav"]).await;
    assert!(known.is_empty(), "a row that is read again sends nothing");
    let later = register(&store, &key, &row("40.1", 3, "ANSWERED", 9), &["a.wav"]).await;
    assert_eq!(later.len(), 1, "a later leg of the same file has it looked at again");
    assert!(is_known(&store, "default", "40.1#2", "").await);
    assert!(!is_known(&store, "default", "40.1#2", "a.mp3").await, "renamed since");
    assert!(!is_known(&store, "other", "40.1#2", "").await);
}

/// A failure is visible with its sentence; an invalid path fails its call at once.
async fn failures(store: Store) {
    let one = key("default", "50.1");
    register(&store, &one, &row("50.1", 1, "ANSWERED", 1), &["a.wav"]).await;
    store.note_redaction(&one.tenant, &one.recording_id("a.wav"), "waiting for the server").await.unwrap();
    let call = store.call(&one.tenant, &one.call_id()).await.unwrap().unwrap();
    assert_eq!((call.status.as_str(), call.detail.as_deref()), ("pending", Some("waiting for the server")));
    store.fail_redaction(&one, &one.recording_id("a.wav"), "the file is empty").await.unwrap();
    let call = store.call(&one.tenant, &one.call_id()).await.unwrap().unwrap();
    assert_eq!((call.status.as_str(), call.detail.as_deref()), ("failed", Some("the file is empty")));
    // Its message comes again while the server is away.
    store.note_redaction(&one.tenant, &one.recording_id("a.wav"), "waiting for the server").await.unwrap();
    let call = store.call(&one.tenant, &one.call_id()).await.unwrap().unwrap();
    assert_eq!((call.status.as_str(), call.detail.as_deref()), ("failed", Some("the file is empty")));
    // Only where something was about to be written can it have been cut off.
    let id = one.recording_id("a.wav");
    assert!(store.cut_off(&one.tenant, &one.pbx, "", 9).await.unwrap().is_empty());
    store.save_intent(&one.tenant, &id, &intent()).await.unwrap();
    let cut_off = store.cut_off(&one.tenant, &one.pbx, "", 9).await.unwrap();
    assert_eq!(cut_off.iter().map(|r| r.id.as_str()).collect::<Vec<_>>(), [id.as_str()]);
    assert!(store.cut_off(&name("other"), &one.pbx, "", 9).await.unwrap().is_empty());
    // Put back by hand: the bus is told once.
    let original = SealedOriginal {
        id: "original".into(),
        tenant: one.tenant.to_string(),
        pbx: one.pbx.to_string(),
        recording_id: id.clone(),
        path: "2024/a.wav".into(),
        original_sha256: "aa".into(),
        size_bytes: 44,
        object: "a.age".into(),
        sealed_at: chrono::Utc::now(),
        deleted_at: None,
    };
    assert!(store.restored(9).await.unwrap().is_empty());
    store.mark_restored(&original, "Dana").await.unwrap();
    let told = store.restored(9).await.unwrap();
    assert_eq!(
        told.iter().map(|r| (r.id.as_str(), r.linkedid.as_str())).collect::<Vec<_>>(),
        [(id.as_str(), "50.1")]
    );
    store.mark_published(&[(&one.tenant, id.as_str())]).await.unwrap();
    assert!(store.restored(9).await.unwrap().is_empty());
    assert_eq!(store.cut_off(&one.tenant, &one.pbx, "", 9).await.unwrap().len(), 1);
    let bad = key("default", "51.1");
    let row = row("51.1", 1, "ANSWERED", 2);
    let call = assemble(std::slice::from_ref(&row), "51.1", &[], &Zone::UTC);
    let outside = NamedRecording { path: Err("outside".into()), ..recording(&bad, "../x.wav") };
    assert!(store.save_call(&bad, "csv", &call, &[outside]).await.unwrap().is_empty(), "it is never sent");
    let call = store.call(&bad.tenant, &bad.call_id()).await.unwrap().unwrap();
    assert_eq!((call.status.as_str(), call.detail.as_deref()), ("failed", Some("outside")));
}

/// Two calls that name one recording both end with it.
async fn shared_recording(store: Store) {
    let (one, two) = (key("default", "60.1"), key("default", "60.2"));
    register(&store, &one, &row("60.1", 1, "ANSWERED", 3), &["room.wav"]).await;
    register(&store, &two, &row("60.2", 2, "ANSWERED", 3), &["room.wav"]).await;
    let room = one.recording_id("room.wav");
    assert_eq!(room, two.recording_id("room.wav"));
    store.mark_published(&[(&one.tenant, &room)]).await.unwrap();
    store.end_redaction(&one, &ended(&one, "room.wav")).await.unwrap();
    let status = async |key: &CallKey| {
        let call = store.call(&key.tenant, &key.call_id()).await.unwrap().unwrap();
        (call.status, call.detail)
    };
    for key in [&one, &two] {
        assert_eq!(status(key).await, ("completed".to_owned(), None));
    }
    // Among calls of which nothing is known, one whose recording is.
    let keys = ["60.3", "60.4", "60.5"].map(|linkedid| key("default", linkedid));
    let files = ["room.wav", "new.wav", "bad.wav"];
    let rows = [3, 4, 5].map(|n| row(&format!("60.{n}"), n, "ANSWERED", 3));
    let identities = rows.each_ref().map(CdrRow::identity);
    let batch: Vec<Registration<'_>> =
        (0..3).map(|n| registration(&keys[n], &identities[n], &rows[n], Some(files[n]))).collect();
    let unsent = store
        .register(&batch, |key, legs| {
            let file = files[keys.iter().position(|k| k == key).unwrap()];
            let path = if file == "bad.wav" { Err("outside".to_owned()) } else { Ok(file.to_owned()) };
            let named = NamedRecording { path, ..recording(key, file) };
            (assemble(legs.iter().copied(), &key.linkedid, &[], &Zone::UTC), vec![named])
        })
        .await
        .unwrap();
    let sent: HashSet<&str> = unsent.iter().map(|u| u.recording.recordingfile.as_str()).collect();
    assert_eq!(sent, HashSet::from(["room.wav", "new.wav"]), "a new leg sends the first again");
    assert_eq!(status(&keys[0]).await, ("completed".to_owned(), None));
    assert_eq!(status(&keys[1]).await, ("pending".to_owned(), None));
    assert_eq!(status(&keys[2]).await, ("failed".to_owned(), Some("outside".to_owned())));
}

/// A call that names a recording in the moment in which its redaction ends.
async fn named_at_its_end(store: Store) {
    for n in 0..30 {
        let file = format!("{n}.wav");
        let keys = [0, 1].map(|k| key("default", &format!("{n}.{k}")));
        register(&store, &keys[0], &row(&keys[0].linkedid, 1, "ANSWERED", 3), &[&file]).await;
        let ends = ended(&keys[0], &file);
        let late = row(&keys[1].linkedid, 2, "ANSWERED", 3);
        let names = [file.as_str()];
        let (ended, _) =
            tokio::join!(store.end_redaction(&keys[0], &ends), register(&store, &keys[1], &late, &names));
        ended.unwrap();
        for key in keys {
            let call = store.call(&key.tenant, &key.call_id()).await.unwrap().unwrap();
            assert_eq!(call.status, "completed", "{n}: {}", key.linkedid);
        }
    }
}

/// Pages cover every call once; tenants see nothing of each other.
async fn pages_and_tenants(store: Store) {
    for n in 0..25 {
        let linkedid = format!("{n}.7");
        // Several calls begin in the same second.
        register(&store, &key("default", &linkedid), &row(&linkedid, n + 1, "ANSWERED", (n / 6) as u32), &[])
            .await;
        register(&store, &key("other", &linkedid), &row(&linkedid, n + 1, "BUSY", 0), &["a.wav"]).await;
    }
    let tenant: TenantId = name("default");
    let (mut cursor, mut seen, mut last) = (None, HashSet::new(), None);
    loop {
        let page = store.calls(&tenant, cursor.as_ref(), 7).await.unwrap();
        for call in &page {
            assert_eq!(call.tenant, "default");
            assert!(seen.insert(call.id.clone()), "a call came twice");
            assert!(last.is_none_or(|at| at >= call.started_at));
            last = Some(call.started_at);
        }
        let Some(end) = page.last() else { break };
        cursor = Some(PageCursor { started_at: end.started_at, id: end.id.clone() });
    }
    assert_eq!(seen.len(), 25);
    let theirs = key("other", "3.7");
    assert!(store.call(&tenant, &theirs.call_id()).await.unwrap().is_none());
    assert!(store.recording(&tenant, &theirs.recording_id("a.wav")).await.unwrap().is_none());
    assert!(store.recordings_of(&tenant, &theirs.call_id()).await.unwrap().is_empty());
    let since = chrono::Utc::now() - chrono::TimeDelta::minutes(5);
    assert_eq!(store.calls_changed_since(&tenant, since, 100).await.unwrap().len(), 25);
}

async fn cursors(store: Store) {
    let (tenant, pbx): (TenantId, PbxId) = (name("default"), name("office"));
    assert_eq!(store.cursor(&tenant, &pbx, "csv").await.unwrap(), None);
    for position in ["1", "2"] {
        store.save_cursor(&tenant, &pbx, "csv", position).await.unwrap();
    }
    assert_eq!(store.cursor(&tenant, &pbx, "csv").await.unwrap().as_deref(), Some("2"));
    assert_eq!(store.cursor(&name("other"), &pbx, "csv").await.unwrap(), None);
    store.ping().await.unwrap();
}

/// Many stages at once end recordings of one call: no update is lost.
async fn concurrent_outcomes(store: Store) {
    let call = key("default", "80.1");
    let files: Vec<String> = (0..12).map(|n| format!("{n}.wav")).collect();
    let names: Vec<&str> = files.iter().map(String::as_str).collect();
    register(&store, &call, &row("80.1", 1, "ANSWERED", 4), &names).await;
    let tasks = files.into_iter().map(|file| {
        let (store, call) = (store.clone(), call.clone());
        tokio::spawn(async move {
            store.end_redaction(&call, &ended(&call, &file)).await.unwrap();
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let call = store.call(&call.tenant, &call.call_id()).await.unwrap().unwrap();
    assert_eq!((call.status.as_str(), call.redacted_segments.0.len()), ("completed", 12));
}

/// History in one batch is the same calls as history row by row, and a row that comes twice in it counts once.
async fn many_at_once(store: Store) {
    let rows: Vec<(String, CdrRow)> = (0..1_500)
        .map(|n| {
            let linkedid = format!("{}.9", n / 3);
            let disposition = if n % 3 == 2 { "ANSWERED" } else { "NO ANSWER" };
            (linkedid.clone(), row(&linkedid, n + 1, disposition, (n % 60) as u32))
        })
        .collect();
    let (batch, single) = (name::<TenantId>("default"), name::<TenantId>("other"));
    let files =
        |linkedid: &str| if linkedid.starts_with('7') { vec![] } else { vec![format!("{linkedid}.wav")] };
    let keys: Vec<CallKey> = rows.iter().map(|(linkedid, _)| key("default", linkedid)).collect();
    let identities: Vec<String> = rows.iter().map(|(_, row)| row.identity()).collect();
    let mut registrations: Vec<Registration<'_>> = (0..rows.len())
        .map(|n| {
            registration(&keys[n], &identities[n], &rows[n].1, files(&rows[n].0).first().map(String::as_str))
        })
        .collect();
    registrations.extend(registrations[..50].to_vec());
    let unsent = store
        .register(&registrations, |key, legs| {
            let recordings = files(&key.linkedid).iter().map(|f| recording(key, f)).collect();
            (assemble(legs.iter().copied(), &key.linkedid, &[], &Zone::UTC), recordings)
        })
        .await
        .unwrap();
    let ids: HashSet<&str> = unsent.iter().map(|u| u.recording.id.as_str()).collect();
    assert_eq!((ids.len(), unsent.len()), (489, 489), "11 of 500 calls begin with a 7");
    for (linkedid, row) in &rows[..300] {
        let own = files(linkedid);
        register(&store, &key("other", linkedid), row, &own.iter().map(String::as_str).collect::<Vec<_>>())
            .await;
    }
    for n in 0..100 {
        let linkedid = format!("{n}.9");
        let of = async |tenant: &TenantId, key: CallKey| {
            store.call(tenant, &key.call_id()).await.unwrap().unwrap()
        };
        let together = of(&batch, key("default", &linkedid)).await;
        let alone = of(&single, key("other", &linkedid)).await;
        assert_eq!(
            (together.started_at, together.duration_s, together.status, together.summary, together.direction),
            (alone.started_at, alone.duration_s, alone.status, alone.summary, alone.direction),
        );
    }
    assert_eq!(store.syncs(&batch).await.unwrap(), []);
}

/// A pause holds until it is taken back, and what was read adds up.
async fn reading_is_paused_and_counted(store: Store) {
    let (tenant, pbx): (TenantId, PbxId) = (name("default"), name("office"));
    assert!(!store.is_sync_paused(&tenant, &pbx).await.unwrap());
    let at = |text: &str| text.parse::<chrono::NaiveDateTime>().unwrap();
    for day in ["2024-05-02T00:00:00", "2024-05-03T00:00:00"] {
        let reached = Some((at(day), at("2024-05-09T12:00:00")));
        let note = ReadNote { rows_read: 10, rows_sent: 4, catching_up: true, reached, version: 7 };
        store.note_read(&tenant, &pbx, &note).await.unwrap();
    }
    register(&store, &key("default", "3.1"), &row("3.1", 1, "BUSY", 1), &[]).await;
    store.note_read_problem(&tenant, &pbx, "away").await.unwrap();
    store.pause_sync(&tenant, &pbx, true).await.unwrap();
    assert!(store.is_sync_paused(&tenant, &pbx).await.unwrap());
    assert!(!store.is_sync_paused(&name("other"), &pbx).await.unwrap());
    let sync = store.syncs(&tenant).await.unwrap().remove(0);
    assert_eq!((sync.rows_read, sync.rows_sent, sync.rows_registered), (20, 8, 1));
    assert_eq!(
        (sync.began_at, sync.reached_at),
        (Some(at("2024-05-02T00:00:00")), Some(at("2024-05-03T00:00:00")))
    );
    assert_eq!((sync.paused, sync.catching_up, sync.problem.as_deref()), (true, true, Some("away")));
    store.pause_sync(&tenant, &pbx, false).await.unwrap();
    store.note_read(&tenant, &pbx, &ReadNote::default()).await.unwrap();
    assert_eq!(store.last_version(&tenant, &pbx).await.unwrap(), 7, "it never goes back");
    assert_eq!(store.last_version(&name("other"), &pbx).await.unwrap(), 0);
    let sync = store.syncs(&tenant).await.unwrap().remove(0);
    assert_eq!((sync.paused, sync.catching_up, sync.problem), (false, false, None));
    assert!(store.syncs(&name("other")).await.unwrap().is_empty());
}

/// A file has one holder; one that is silent loses it, and nobody ends another's.
async fn leases(store: Store) {
    let key = key("default", "1.1");
    let take = async |holder: &str, for_s: i64| {
        store.take_lease((&key.tenant, &key.pbx, "2024/a.wav"), holder, for_s).await.unwrap()
    };
    let (one, two) = tokio::join!(take("redact:one", 60), take("redact:two", 60));
    assert!(one != two, "one of two has it");
    let (holder, other) = if one { ("redact:one", "redact:two") } else { ("redact:two", "redact:one") };
    assert!(take(holder, 60).await, "it is renewed");
    let file = (&key.tenant, &key.pbx, "2024/a.wav");
    store.end_lease(file, other).await.unwrap();
    assert!(!take(other, 60).await);
    let elsewhere: TenantId = name("other");
    assert!(store.take_lease((&elsewhere, &key.pbx, "2024/a.wav"), other, 60).await.unwrap());
    store.end_lease(file, holder).await.unwrap();
    // A time that is over.
    assert!(take(other, -1).await && take(holder, 60).await && !take(other, 60).await);
    store.end_leases_of_redactions().await.unwrap();
    assert!(take("restore:one", 60).await);
    store.end_leases_of_redactions().await.unwrap();
    assert!(!take(other, 60).await, "somebody else's stays");
}

/// A file that is not what was left is said at once, sent once, and confirmed or heard anew; the hash of
/// its original is that of the first day.
async fn changed(store: Store) {
    let key = key("default", "70.1");
    let (tenant, id) = (&key.tenant, key.recording_id("a.wav"));
    register(&store, &key, &row("70.1", 1, "ANSWERED", 0), &["a.wav"]).await;
    store.mark_published(&[(tenant, id.as_str())]).await.unwrap();
    let end = async |before: &str, after: &str, status| {
        let mut ended = Ended { size_bytes: Some(44), mtime_s: Some(7), ..ended(&key, "a.wav") };
        ended.redacted.status = status;
        (ended.redacted.sha256_before, ended.redacted.sha256_after) =
            (Some(before.into()), Some(after.into()));
        store.save_intent(tenant, &id, &Intent { original_sha256: before.into(), ..intent() }).await.unwrap();
        store.end_redaction(&key, &ended).await.unwrap();
    };
    end("first", "muted", RedactionOutcome::Completed).await;
    let known = async || store.known_files(tenant, &key.pbx, &["2024/a.wav", "2024/b.wav"]).await.unwrap();
    let seen = |len, mtime_s| unsaid::recordings::Stat { len, mtime_s };
    let all = known().await;
    assert_eq!((all.len(), all[0].path.as_str()), (1, "2024/a.wav"));
    assert!(
        !all[0].is_changed(seen(44, 7)) && all[0].is_changed(seen(45, 7)) && all[0].is_changed(seen(44, 8))
    );
    assert!(store.changed(9).await.unwrap().is_empty());
    for _ in 0..2 {
        store.note_changed(tenant, &id).await.unwrap();
    }
    let call = store.call(tenant, &key.call_id()).await.unwrap().unwrap();
    assert_eq!((call.status.as_str(), call.redacted), ("pending", false));
    assert!(call.detail.unwrap().contains("changed"));
    assert!(!known().await[0].is_changed(seen(45, 7)), "it is said already");
    assert_eq!(store.changed(9).await.unwrap().len(), 1);
    store.mark_published(&[(tenant, id.as_str())]).await.unwrap();
    assert!(store.changed(9).await.unwrap().is_empty(), "it is sent once");
    store.confirm_redaction(tenant, &id, seen(44, 9), None).await.unwrap();
    let call = store.call(tenant, &key.call_id()).await.unwrap().unwrap();
    assert_eq!((call.status.as_str(), call.redacted), ("completed", true));
    assert!(!known().await[0].is_changed(seen(44, 9)));
    end("muted", "muted again", RedactionOutcome::Completed).await;
    let row = store.recording(tenant, &id).await.unwrap().unwrap();
    assert_eq!(row.original_sha256.as_deref(), Some("first"));
    assert_eq!(row.redacted_sha256.as_deref(), Some("muted again"));
    let others = store.others_at(tenant, &key.pbx, "2024/a.wav", "another").await.unwrap();
    assert_eq!(others.iter().map(|r| r.id.as_str()).collect::<Vec<_>>(), [id.as_str()]);
    assert!(store.others_at(tenant, &key.pbx, "2024/a.wav", &id).await.unwrap().is_empty());
    assert!(store.others_at(&name("other"), &key.pbx, "2024/a.wav", "another").await.unwrap().is_empty());
}

/// The legs of a time, and a recording that lies elsewhere than its CDR says.
async fn found_files(store: Store) {
    let key = key("default", "80.1");
    let (tenant, id) = (&key.tenant, key.recording_id("a.wav"));
    register(&store, &key, &row("80.1", 1, "ANSWERED", 5), &["a.wav"]).await;
    let at = |minute| format!("2024-05-14T10:{minute}:00Z").parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let legs = store.legs_between(tenant, &key.pbx, at("00"), at("10")).await.unwrap();
    let told: Vec<_> = legs.iter().map(|l| (l.linkedid.as_str(), l.uniqueid.as_deref())).collect();
    assert_eq!(told, [("80.1", Some("80.1"))]);
    assert!(store.legs_between(tenant, &key.pbx, at("06"), at("10")).await.unwrap().is_empty());
    assert!(store.legs_between(&name("other"), &key.pbx, at("00"), at("10")).await.unwrap().is_empty());
    store.fail_redaction(&key, &id, "the recording is not there").await.unwrap();
    store.place_recording(tenant, &id, "flat/a.wav").await.unwrap();
    let row = store.recording(tenant, &id).await.unwrap().unwrap();
    assert_eq!((row.path.as_deref(), row.redaction_status.as_str()), (Some("flat/a.wav"), "pending"));
    assert_eq!(store.changed(9).await.unwrap().len(), 1, "the bus is told");
    store.end_redaction(&key, &ended(&key, "a.wav")).await.unwrap();
    store.place_recording(tenant, &id, "elsewhere/a.wav").await.unwrap();
    let row = store.recording(tenant, &id).await.unwrap().unwrap();
    assert_eq!(row.path.as_deref(), Some("2024/a.wav"), "what was heard stays where it is");
}

/// A row that waits in `retries` comes after a newer reading of it, alone or among others.
async fn an_older_reading_never_replaces_a_newer_one(store: Store) {
    let keep = async |versions: &[(i64, &CdrRow)], key: &CallKey| {
        let identities: Vec<String> = versions.iter().map(|(_, row)| row.identity()).collect();
        let rows: Vec<Registration<'_>> = versions
            .iter()
            .zip(&identities)
            .map(|((version, row), identity)| Registration {
                version: *version,
                ..registration(key, identity, row, Some(row.recordingfile.as_str()))
            })
            .collect();
        let named =
            |key: &CallKey, legs: &[&CdrRow]| legs.iter().map(|l| recording(key, &l.recordingfile)).collect();
        let registered = store.register(&rows, |key, legs| {
            (assemble(legs.iter().copied(), &key.linkedid, &[], &Zone::UTC), named(key, legs))
        });
        registered.await.unwrap();
    };
    let old = CdrRow { duration: 5, recordingfile: "a.wav".into(), ..row("80.1", 1, "NO ANSWER", 3) };
    let new = CdrRow { duration: 90, recordingfile: "a.mp3".into(), ..row("80.1", 1, "ANSWERED", 3) };
    let batches: [&[&[(i64, &CdrRow)]]; 4] = [
        &[&[(20, &new)], &[(10, &old)]],
        &[&[(20, &new), (10, &old)]],
        &[&[(10, &old), (20, &new)]],
        &[&[(10, &old)], &[(20, &new)], &[(10, &old)], &[(20, &new)]],
    ];
    for (n, batches) in batches.iter().enumerate() {
        let key = key(&format!("tenant{n}"), "80.1");
        for batch in *batches {
            keep(batch, &key).await;
        }
        let call = store.call(&key.tenant, &key.call_id()).await.unwrap().unwrap();
        assert_eq!((call.disposition.as_str(), call.duration_s), ("answered", 90), "{n}");
        assert!(is_known(&store, key.tenant.as_str(), "80.1#1", "a.mp3").await, "{n}");
        assert!(!is_known(&store, key.tenant.as_str(), "80.1#1", "a.wav").await, "{n}");
    }
    // Of the same version, as rows from before there were versions, the later.
    let key = key("tenant9", "80.1");
    keep(&[(0, &old)], &key).await;
    keep(&[(0, &new)], &key).await;
    assert!(is_known(&store, "tenant9", "80.1#1", "a.mp3").await);
}

/// Its message comes again while the PBX is away; and a row of the call cannot be registered.
async fn what_has_ended_keeps_what_it_says(store: Store) {
    for status in [RedactionOutcome::Completed, RedactionOutcome::NotNeeded, RedactionOutcome::DryRun] {
        let key = key(status.as_str(), "81.1");
        let id = key.recording_id("a.wav");
        register(&store, &key, &row("81.1", 1, "ANSWERED", 3), &["a.wav"]).await;
        store.note_redaction(&key.tenant, &id, "the server is away").await.unwrap();
        let redacted = Redacted { detail: Some("as heard".into()), ..outcome(&key, "a.wav", status) };
        store.end_redaction(&key, &Ended { redacted, ..ended(&key, "a.wav") }).await.unwrap();
        store.note_redaction(&key.tenant, &id, "the server is away").await.unwrap();
        let kept = store.recording(&key.tenant, &id).await.unwrap().unwrap();
        let call = store.call(&key.tenant, &key.call_id()).await.unwrap().unwrap();
        assert_eq!(
            (kept.detail.as_deref(), call.detail.as_deref()),
            (Some("as heard"), Some("as heard")),
            "{status:?}"
        );
    }
    let key = key("default", "81.2");
    register(&store, &key, &CdrRow { duration: 90, ..row("81.2", 1, "ANSWERED", 3) }, &[]).await;
    let before = store.call(&key.tenant, &key.call_id()).await.unwrap().unwrap();
    let unregistered = row("81.2", 2, "FAILED", 59);
    let call = assemble(std::slice::from_ref(&unregistered), "81.2", &[], &Zone::UTC);
    let why = NamedRecording { path: Err("not registered".into()), ..recording(&key, "cdr 81.2#2") };
    store.save_call(&key, "csv", &call, &[why]).await.unwrap();
    let after = store.call(&key.tenant, &key.call_id()).await.unwrap().unwrap();
    assert_eq!(
        (after.started_at, after.duration_s, after.disposition),
        (before.started_at, before.duration_s, before.disposition),
        "as its legs tell it"
    );
    assert_eq!((after.status.as_str(), after.detail.as_deref()), ("failed", Some("not registered")));
}

/// A replica that was not promoted yet answers; a disk that is full, a file that cannot be written.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_takes_no_writes_for_now_is_away_and_refuses_nothing() {
    let url = tokio::task::spawn_blocking(postgres::database).await.unwrap();
    let store = Store::open_postgres(&url.clone().into(), 2).await.unwrap();
    let (tenant, pbx): (TenantId, PbxId) = (name("default"), name("office"));
    store.save_cursor(&tenant, &pbx, "csv", "1").await.unwrap();
    let admin = sqlx::PgPool::connect(&url).await.unwrap();
    let database = url.rsplit('/').next().unwrap();
    let sql = format!("ALTER DATABASE {database} SET default_transaction_read_only = on");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&admin).await.unwrap();
    // The connections of before do not know of it: they are ended, as at a failover.
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    sqlx::raw_sql(others).execute(&admin).await.unwrap();
    for _ in 0..3 {
        let error = store.save_cursor(&tenant, &pbx, "csv", "2").await.unwrap_err();
        assert!(matches!(error, unsaid::store::StoreError::Unavailable(_)), "{error:?}");
    }
    let dir = folder();
    let store = Store::open_sqlite(dir.path()).await.unwrap();
    let file = sqlx::sqlite::SqliteConnectOptions::new().filename(dir.path().join("store.sqlite"));
    let other = sqlx::SqlitePool::connect_with(file).await.unwrap();
    sqlx::raw_sql("DROP TABLE cursors").execute(&other).await.unwrap();
    let error = store.save_cursor(&tenant, &pbx, "csv", "2").await.unwrap_err();
    assert!(matches!(error, unsaid::store::StoreError::Refused(_)), "{error:?}");
}

macro_rules! on_both {
    ($($suite:ident;)+) => {
        mod sqlite { $(#[tokio::test(flavor = "multi_thread")] async fn $suite() {
            let dir = super::folder();
            super::$suite(super::Store::open_sqlite(dir.path()).await.unwrap()).await;
        })+ }
        mod postgresql { $(#[tokio::test(flavor = "multi_thread")] async fn $suite() {
            let url = tokio::task::spawn_blocking(super::postgres::database).await.unwrap();
            super::$suite(super::Store::open_postgres(&url.into(), 8).await.unwrap()).await;
        })+ }
    };
}

on_both! {
    life_of_a_call;
    failures;
    shared_recording;
    named_at_its_end;
    pages_and_tenants;
    cursors;
    concurrent_outcomes;
    many_at_once;
    reading_is_paused_and_counted;
    leases;
    changed;
    found_files;
    an_older_reading_never_replaces_a_newer_one;
    what_has_ended_keeps_what_it_says;
}
