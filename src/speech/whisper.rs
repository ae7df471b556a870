//! Whisper in this process, by whisper.cpp: offline, nothing leaves the
//! machine. One recording is decoded at a time, by a bounded number of threads
//! (whisper.cpp's spin while they wait), in pieces of some minutes.

use super::reading::{Reading, Sentence, Time, Token};
use super::{SpeechError, Transcriber, Utterance, placing, split};
use crate::call::RawTranscript;
use crate::config::SpeechConfig;
use async_trait::async_trait;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;
use unsaid_dsp::Rate;
use unsaid_dsp::silence::Silence;
use whisper_rs::{
    FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperSegment, WhisperState,
    get_lang_str,
};

/// Seconds that are decoded in one go: memory does not grow with the call.
const PIECE_S: usize = 300;
/// Whisper hears windows of 30 s and refuses audio under 100 ms.
const LEAST_SAMPLES: usize = 1_700;

/// A model that is loaded.
pub struct WhisperSpeech {
    context: Arc<WhisperContext>,
    /// ISO 639-1; `None` lets a multilingual model decide.
    language: Option<String>,
    threads: i32,
    one: Arc<Semaphore>,
}

impl WhisperSpeech {
    /// Loads the model of the settings.
    ///
    /// # Errors
    /// [`SpeechError::Model`] when the file is not there, is another one than
    /// its hash says, or is no model.
    pub fn load(config: &SpeechConfig) -> Result<WhisperSpeech, SpeechError> {
        whisper_rs::install_logging_hooks();
        check(&config.model_path, &config.model_sha256)?;
        let parameters = WhisperContextParameters { use_gpu: false, ..WhisperContextParameters::default() };
        let context = WhisperContext::new_with_params(&config.model_path, parameters)
            .map_err(|_| model(&config.model_path, "it is no ggml model of Whisper"))?;
        let language = Some(config.language.clone()).filter(|l| !l.is_empty());
        let language = language.or_else(|| (!context.is_multilingual()).then(|| "en".to_owned()));
        Ok(WhisperSpeech {
            context: Arc::new(context),
            language,
            threads: i32::try_from(config.threads).unwrap_or(1).max(1),
            one: Arc::new(Semaphore::new(1)),
        })
    }

    async fn piece(&self, plane: &[f32]) -> Result<RawTranscript, SpeechError> {
        let mut plane = plane.to_vec();
        plane.resize(plane.len().max(LEAST_SAMPLES), 0.0);
        let permit = self.one.clone().acquire_owned().await;
        let (context, language, threads) = (self.context.clone(), self.language.clone(), self.threads);
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            decode(&context, language.as_deref(), threads, &plane)
        });
        work.await.map_err(|_| SpeechError::Model("whisper stopped".to_owned()))?
    }
}

fn model(path: &Path, why: &str) -> SpeechError {
    SpeechError::Model(format!("{}: {why}; `unsaid doctor` says how to get one", path.display()))
}

/// The file is there and is the one that the settings mean.
///
/// # Errors
/// [`SpeechError::Model`] with what to do.
pub fn check(path: &Path, sha256: &str) -> Result<(), SpeechError> {
    if path.as_os_str().is_empty() {
        return Err(SpeechError::Model(
            "speech.model_path is empty; `unsaid doctor` says how to get a model".to_owned(),
        ));
    }
    if sha256.is_empty() {
        return std::fs::metadata(path).map(|_| ()).map_err(|e| model(path, &e.to_string()));
    }
    let mut file = std::fs::File::open(path).map_err(|e| model(path, &e.to_string()))?;
    let mut hash = Sha256::new();
    std::io::copy(&mut file, &mut hash).map_err(|e| model(path, &e.to_string()))?;
    let got = hex::encode(hash.finalize());
    if got == sha256.to_ascii_lowercase() {
        Ok(())
    } else {
        Err(model(path, "it is not the file of speech.model_sha256"))
    }
}

fn decode(
    context: &WhisperContext,
    language: Option<&str>,
    threads: i32,
    plane: &[f32],
) -> Result<RawTranscript, SpeechError> {
    let failed = |_| SpeechError::Model("whisper could not decode the audio".to_owned());
    let started = Instant::now();
    let mut state = context.create_state().map_err(failed)?;
    let mut params = FullParams::new(SamplingStrategy::BeamSearch { beam_size: 5, patience: -1.0 });
    params.set_n_threads(threads);
    params.set_language(language);
    params.set_token_timestamps(true);
    // A loop in one window must not feed the next.
    params.set_no_context(true);
    params.set_print_special(false);
    params.set_print_progress(false);
    params.set_print_realtime(false);
    params.set_print_timestamps(false);
    state.full(params, plane).map_err(failed)?;
    let language = language.or_else(|| get_lang_str(state.full_lang_id_from_state())).map(str::to_owned);
    let reading = Reading { sentences: sentences(&state), language, ..Reading::default() };
    let placed = placing::place(reading, Rate::SPEECH.seconds(plane.len() as u64));
    Ok(RawTranscript { decoded_s: started.elapsed().as_secs_f64(), ..placed })
}

/// Hundredths of a second; −1 where there is none.
fn time(start: i64, end: i64) -> Time {
    let seconds = |t: i64| if t < 0 { f64::NAN } else { t as f64 / 100.0 };
    Time::new(seconds(start), seconds(end))
}

fn sentences(state: &WhisperState) -> Vec<Sentence> {
    let sentence = |segment: WhisperSegment<'_>| Sentence {
        text: segment.to_str_lossy().map(|t| t.trim().to_owned()).unwrap_or_default(),
        time: time(segment.start_timestamp(), segment.end_timestamp()),
        words: words(&segment),
        speaker: None,
    };
    state.as_iter().map(sentence).collect()
}

/// Tokens joined to words: one without a leading space continues the word before.
fn words(segment: &WhisperSegment<'_>) -> Vec<Token> {
    let mut words: Vec<Token> = Vec::new();
    for n in 0..segment.n_tokens() {
        let Some(token) = segment.get_token(n) else { continue };
        let Ok(text) = token.to_str_lossy() else { continue };
        if text.trim().is_empty() || text.starts_with("[_") || text.starts_with("<|") {
            continue;
        }
        let data = token.token_data();
        let time = time(data.t0, data.t1);
        match words.last_mut() {
            Some(last) if !text.starts_with(' ') => {
                last.text.push_str(&text);
                last.time = last.time.hull(time);
            }
            _ => words.push(Token::new(text.trim(), time, None)),
        }
    }
    words
}

#[async_trait]
impl Transcriber for WhisperSpeech {
    fn name(&self) -> &'static str {
        "whisper"
    }

    async fn transcribe(&self, audio: Utterance<'_>) -> Result<RawTranscript, SpeechError> {
        let silence = Silence::of(audio.plane, Rate::SPEECH);
        let most = PIECE_S * Rate::SPEECH.hz() as usize;
        let mut all = RawTranscript { word_times: true, ..RawTranscript::default() };
        for piece in split::spoken(audio.plane, &silence, most) {
            let heard = self.piece(&audio.plane[piece.heard.clone()]).await?;
            split::join(&mut all, &piece, heard);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::TenantId;
    use crate::config::Config;

    /// whisper.cpp's own model for tests: the smallest shape, with random weights.
    const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/models/for-tests-ggml-tiny.en.bin");

    fn settings(more: &str) -> SpeechConfig {
        let text = format!("[speech]\nkind = \"whisper\"\nmodel_path = \"{MODEL}\"\nthreads = 1\n{more}");
        Config::from_text(&text).expect("settings").speech
    }

    #[tokio::test]
    async fn a_model_loads_and_runs_and_no_words_are_no_error() {
        let engine = WhisperSpeech::load(&settings("")).expect("a model");
        let plane: Vec<f32> = (0..32_000).map(|k| (k as f32 * 0.05).sin() * 0.2).collect();
        let tenant = TenantId::default_tenant();
        let heard = engine
            .transcribe(Utterance { plane: &plane, duration_s: 2.0, tenant: &tenant, path: None })
            .await;
        let heard = heard.expect("a transcript");
        assert!(heard.word_times && heard.words.iter().all(|w| !w.text.is_empty()));
        assert_eq!(heard.language.as_deref(), Some("en"));
        let silent = Utterance { plane: &[0.0; 48_000], duration_s: 3.0, tenant: &tenant, path: None };
        assert!(engine.transcribe(silent).await.expect("a transcript").words.is_empty());
    }

    #[test]
    fn a_model_that_is_missing_or_another_one_is_said_with_what_to_do() {
        let missing = SpeechConfig { model_path: "/nowhere/ggml.bin".into(), ..settings("") };
        let other = settings("model_sha256 = \"00\"");
        let none = SpeechConfig { model_path: "".into(), ..settings("") };
        let no_model = SpeechConfig { model_path: file!().into(), ..settings("") };
        let no_model = SpeechConfig {
            model_path: Path::new(env!("CARGO_MANIFEST_DIR")).join(no_model.model_path),
            ..settings("")
        };
        for config in [missing, other, none, no_model] {
            let error = WhisperSpeech::load(&config).err().expect("an error").to_string();
            assert!(error.contains("doctor"), "{error}");
        }
    }
}
