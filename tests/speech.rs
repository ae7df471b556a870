//! The speech and analysis clients against a real HTTP server.

use crate::office::{Office, Unsaid};
use crate::servers::http::{Answer, Http};
use crate::servers::{eventually, install_tls};
use std::time::{Duration, Instant};
use unsaid::analysis::Analyst;
use unsaid::analysis::openai::OpenAiAnalyst;
use unsaid::call::{RawTranscript, TenantId};
use unsaid::config::Config;
use unsaid::detect::sanitize;
use unsaid::message::analyses::{Booking, Sentiment};
use unsaid::speech::openai::OpenAiSpeech;
use unsaid::speech::{SpeechError, Transcriber, Utterance};

fn engine(http: &Http, more: &str) -> OpenAiSpeech {
    install_tls();
    let text =
        format!("[speech]\nkind = \"openai\"\nbase_url = \"{}\"\napi_key = \"sk-test\"\n{more}", http.url);
    OpenAiSpeech::new(Config::from_text(&text).unwrap().speech).unwrap()
}

async fn transcribe(engine: &OpenAiSpeech, plane: &[f32]) -> Result<RawTranscript, SpeechError> {
    let tenant = TenantId::default_tenant();
    let duration_s = plane.len() as f64 / 16e3;
    engine.transcribe(Utterance { plane, duration_s, tenant: &tenant, path: None }).await
}

fn words(json: &str) -> Answer {
    Answer::ok(format!("{{\"text\":\"x\",\"language\":\"english\",\"words\":{json}}}"))
}

/// Something to hear: silence is not sent.
fn sound(seconds: usize) -> Vec<f32> {
    (0..seconds * 16_000)
        .map(|k| if k % 8_000 < 6_000 { (k as f32 * 0.1).sin() * 0.2 } else { 0.0 })
        .collect()
}

const ONE: &str = r#"[{"word":"four","start":1.0,"end":1.5}]"#;

#[tokio::test]
async fn words_come_with_times_and_the_request_asks_for_both_granularities() {
    let http = Http::start(vec![words(ONE)]);
    let got = transcribe(&engine(&http, ""), &sound(2)).await.unwrap();
    assert_eq!((got.words.len(), got.words[0].start_s, got.word_times), (1, 1.0, true));
    assert_eq!(got.language.as_deref(), Some("en"));
    let asked = String::from_utf8_lossy(&http.asked()[0].body).into_owned();
    for part in
        ["verbose_json", "timestamp_granularities[]", "word", "segment", "whisper-1", "fLaC", "call.flac"]
    {
        assert!(asked.contains(part), "the request lacks {part}");
    }
}

#[tokio::test]
async fn a_busy_engine_is_asked_again_as_late_as_it_says() {
    let busy = Answer { headers: vec![("Retry-After", "1".to_owned())], ..Answer::status(429) };
    let http = Http::start(vec![busy, Answer::status(500), words(ONE)]);
    let started = Instant::now();
    transcribe(&engine(&http, ""), &sound(1)).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(http.asked().len(), 3);
}

#[tokio::test]
async fn a_busy_engine_may_give_a_date() {
    let at = std::time::SystemTime::now() + Duration::from_secs(3);
    let busy = Answer { headers: vec![("Retry-After", httpdate::fmt_http_date(at))], ..Answer::status(429) };
    let http = Http::start(vec![busy, words(ONE)]);
    let started = Instant::now();
    transcribe(&engine(&http, ""), &sound(1)).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(1_900), "{:?}", started.elapsed());
}

#[tokio::test]
async fn azure_and_whisper_cpp_are_asked_in_their_own_way() {
    let http = Http::start(vec![words(ONE)]);
    let azure = "auth = \"api-key\"\napi_version = \"2024-06-01\"";
    transcribe(&engine(&http, azure), &sound(1)).await.unwrap();
    transcribe(&engine(&http, "path = \"/inference\"\nauth = \"none\""), &sound(1)).await.unwrap();
    transcribe(&engine(&http, ""), &sound(1)).await.unwrap();
    let asked = http.asked();
    let header = |n: usize, name: &str| asked[n].headers.iter().find(|h| h.0 == name).map(|h| h.1.clone());
    assert_eq!(asked[0].path, "/v1/audio/transcriptions?api-version=2024-06-01");
    assert_eq!((header(0, "api-key").as_deref(), header(0, "authorization")), (Some("sk-test"), None));
    assert_eq!((asked[1].path.as_str(), header(1, "authorization")), ("/v1/inference", None));
    assert_eq!(header(2, "authorization").as_deref(), Some("Bearer sk-test"));
}

#[tokio::test]
async fn silence_is_not_sent_and_words_keep_their_place() {
    let http = Http::start(vec![words(ONE)]);
    let nothing = transcribe(&engine(&http, ""), &vec![0.0; 16_000 * 30]).await.unwrap();
    assert!(nothing.words.is_empty() && nothing.sent_s == 0.0 && http.asked().is_empty());
    // Two seconds of sound, half a minute of silence, two seconds of sound.
    let mut plane = sound(2);
    plane.extend(vec![0.0; 16_000 * 30]);
    plane.extend(sound(2));
    let got = transcribe(&engine(&http, ""), &plane).await.unwrap();
    assert_eq!(http.asked().len(), 2);
    assert!(got.sent_s < 8.0, "{}", got.sent_s);
    let starts: Vec<f64> = got.words.iter().map(|w| w.start_s).collect();
    // The second piece begins a second before its sound.
    assert!((starts[0] - 1.0).abs() < 0.02 && (starts[1] - 32.0).abs() < 0.02, "{starts:?}");
}

#[tokio::test]
async fn no_more_requests_at_once_than_the_settings_allow() {
    let slow = Answer { after: Duration::from_millis(300), ..words(ONE) };
    let http = Http::start(vec![slow]);
    let engine = engine(&http, "concurrency = 2");
    let plane = sound(1);
    let started = Instant::now();
    let all = futures::future::join_all((0..6).map(|_| transcribe(&engine, &plane))).await;
    assert!(all.iter().all(Result::is_ok));
    assert!(started.elapsed() >= Duration::from_millis(900), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_quota_and_a_refusal_are_not_asked_again_and_errors_hold_no_body() {
    let quota =
        Answer { body: r#"{"error":{"code":"insufficient_quota"}}"#.to_owned(), ..Answer::status(429) };
    for (answer, asked) in [(quota, 1), (Answer::status(401), 1), (Answer::status(500), 2)] {
        let http = Http::start(vec![answer]);
        let error = transcribe(&engine(&http, "attempts = 2"), &sound(1)).await.unwrap_err();
        assert_eq!(http.asked().len(), asked, "{error}");
        let printed = format!("{error} {error:?}");
        assert!(!printed.contains("4532148803436467"), "{printed}");
    }
    let http = Http::start(vec![Answer::ok("<html>4532148803436467</html>")]);
    let error = transcribe(&engine(&http, ""), &sound(1)).await.unwrap_err();
    assert!(matches!(error, SpeechError::NotUnderstood(_)) && !format!("{error:?}").contains("4532"));
}

#[tokio::test]
async fn an_engine_that_stalls_is_given_up() {
    let slow = Answer { after: Duration::from_secs(20), ..words(ONE) };
    let http = Http::start(vec![slow]);
    let started = Instant::now();
    let error = transcribe(&engine(&http, "timeout = \"500ms\"\nattempts = 1"), &sound(1)).await.unwrap_err();
    assert!(matches!(error, SpeechError::TimedOut), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn audio_over_the_limit_goes_in_pieces_and_no_word_is_lost_or_doubled() {
    // Every piece says a word two seconds in; their times tell which piece it was.
    let http = Http::start(vec![words(
        r#"[{"word":"a","start":2.5,"end":2.8},{"word":"b","start":4.0,"end":4.4}]"#,
    )]);
    let got = transcribe(&engine(&http, "upload_mib = 1\nupload = \"wav\""), &sound(120)).await.unwrap();
    let pieces = http.asked().len();
    assert!(pieces >= 4, "{pieces}");
    assert!(http.asked().iter().all(|a| a.body.len() <= 1 << 20));
    assert_eq!(got.words.len(), 2 * pieces, "each piece's own words, once");
    assert!(got.words.windows(2).all(|w| w[0].start_s < w[1].start_s));
}

#[tokio::test]
async fn an_analysis_sees_sanitized_text_and_gives_its_structure() {
    install_tls();
    let content = r#"{\"summary\":\"They booked.\",\"sentiment\":\"positive\",\"booking\":\"yes\"}"#;
    let http = Http::start(vec![Answer::ok(format!(
        "{{\"choices\":[{{\"message\":{{\"content\":\"{content}\"}}}}]}}"
    ))]);
    let text = format!("[analysis]\nkind = \"openai\"\nbase_url = \"{}\"\napi_key = \"k\"\n", http.url);
    let analyst = OpenAiAnalyst::new(&Config::from_text(&text).unwrap().analysis).unwrap();
    let words = ["see", "you", "friday"].map(|w| unsaid::call::Word {
        text: w.into(),
        start_s: 0.0,
        end_s: 1.0,
        speaker: None,
    });
    let raw = RawTranscript { words: words.to_vec(), ..RawTranscript::default() };
    let meaning = analyst.analyse(&sanitize(&raw, &[], false).text()).await.unwrap();
    assert_eq!(
        (meaning.sentiment, meaning.booking, meaning.summary.as_str()),
        (Sentiment::Positive, Booking::Yes, "They booked.")
    );
    let asked = String::from_utf8_lossy(&http.asked()[0].body).into_owned();
    assert!(asked.contains("see you friday") && asked.contains("json_schema"), "{asked}");
    let nonsense = Http::start(vec![Answer::ok("{\"choices\":[{\"message\":{\"content\":\"sure!\"}}]}")]);
    let text = text.replace(&http.url, &nonsense.url);
    let analyst = OpenAiAnalyst::new(&Config::from_text(&text).unwrap().analysis).unwrap();
    assert!(matches!(
        analyst.analyse(&sanitize(&raw, &[], false).text()).await,
        Err(SpeechError::NotUnderstood(_))
    ));
}

#[test]
fn a_call_is_summed_up_from_its_sanitized_transcript_alone() {
    let content = r#"{\"summary\":\"They booked.\",\"sentiment\":\"negative\",\"booking\":\"unclear\"}"#;
    let http = Http::start(vec![Answer::ok(format!(
        "{{\"choices\":[{{\"message\":{{\"content\":\"{content}\"}}}}]}}"
    ))]);
    let office = Office::lay_out();
    let settings = format!(
        "[analysis]\nkind = \"openai\"\nbase_url = \"{}\"\napi_key = \"k\"\n{}",
        http.url,
        office.settings()
    );
    let mut unsaid = Unsaid::serve(office.path(), &settings);
    unsaid.wait_until_ready();
    unsaid.wait_for_calls(17, 60);
    let calls = eventually("every answered call has its summary", 60, || {
        let calls = unsaid.calls();
        let summed =
            calls.iter().filter(|c| c["summary"] == "They booked." && c["sentiment"] == "negative").count();
        // The transferred call has two recordings.
        (summed == 12 && http.asked().len() >= 13).then_some(calls)
    });
    let unanswered = calls.iter().filter(|c| c["summary"] == "Unanswered call").count();
    assert_eq!(unanswered, 5);
    let asked: Vec<String> =
        http.asked().iter().map(|a| String::from_utf8_lossy(&a.body).into_owned()).collect();
    assert!(asked.iter().filter(|a| a.contains("[REDACTED]")).count() >= 9);
    // The values that callers said, by digits in a row; the office's phone number may stay.
    for said in [
        "four five three two",
        "five five zero zero",
        "three seven one four",
        "zero seven eight zero",
        "four four seven one",
    ] {
        assert!(asked.iter().all(|a| !a.contains(said)), "{said} reached the analysis");
    }
}
