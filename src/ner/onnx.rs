//! A token classifier in ONNX, by ONNX Runtime, which is loaded when it is
//! asked for: the program carries neither the runtime nor a model.

use super::labels::{Meaning, meaning};
use crate::call::Word;
use crate::config::NerConfig;
use crate::detect::{Detection, Entities, EntitiesError, Why};
use ort::environment::Environment;
use ort::session::Session;
use ort::value::Tensor;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use tokenizers::{EncodeInput, InputSequence, Tokenizer};

/// Words that are read together, and how many of them the next window reads again.
const WINDOW_WORDS: usize = 160;
const OVERLAP_WORDS: usize = 32;
/// Tokens that a model takes when its `config.json` does not say.
const MOST_TOKENS: usize = 512;

/// What `config.json` says.
#[derive(Deserialize)]
struct ModelConfig {
    id2label: BTreeMap<String, String>,
    max_position_embeddings: Option<usize>,
}

/// A model that is loaded.
pub struct OnnxEntities {
    session: Mutex<Session>,
    tokenizer: Tokenizer,
    /// What each class of the model means.
    labels: Vec<Option<Meaning>>,
    inputs: Vec<String>,
    least: f32,
    most_tokens: usize,
    version: String,
}

impl std::fmt::Debug for OnnxEntities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OnnxEntities").field("version", &self.version).finish_non_exhaustive()
    }
}

impl OnnxEntities {
    /// Loads the runtime and the model of the settings.
    ///
    /// # Errors
    /// [`EntitiesError`] naming the file that is missing or is not what it should be.
    pub fn load(config: &NerConfig) -> Result<OnnxEntities, EntitiesError> {
        let file = |name: &str| config.model_dir.join(name);
        let bytes = read(&file("model.onnx"))?;
        let sha256 = hex::encode(Sha256::digest(&bytes));
        if !config.model_sha256.is_empty() && config.model_sha256 != sha256 {
            return Err(wrong(&file("model.onnx"), "its SHA-256 is not that of redact.ner.model_sha256"));
        }
        let said: ModelConfig = serde_json::from_slice(&read(&file("config.json"))?)
            .map_err(|e| wrong(&file("config.json"), &format!("it has no id2label ({e})")))?;
        let tokenizer = Tokenizer::from_bytes(read(&file("tokenizer.json"))?)
            .map_err(|e| wrong(&file("tokenizer.json"), &format!("it is no tokenizer ({e})")))?;
        let session = session(&runtime(&config.runtime)?, &bytes, config.threads)
            .map_err(|e| wrong(&file("model.onnx"), &format!("it is no model that runs here ({e})")))?;
        Ok(OnnxEntities {
            labels: labels(&said, config),
            inputs: session.inputs().iter().map(|i| i.name().to_owned()).collect(),
            session: Mutex::new(session),
            tokenizer,
            least: config.least,
            most_tokens: said.max_position_embeddings.unwrap_or(MOST_TOKENS).min(MOST_TOKENS),
            version: format!("ner:{}", &sha256[..8]),
        })
    }

    /// Marks the words from `first` that are read together; the answer is how many they were.
    fn window(&self, words: &[Word], first: usize, marks: &mut [Mark]) -> Result<usize, EntitiesError> {
        let mut len = WINDOW_WORDS.min(words.len() - first);
        loop {
            let text: Vec<&str> = words[first..first + len].iter().map(|w| w.text.trim()).collect();
            let input = EncodeInput::Single(InputSequence::from(text));
            let encoding = self.tokenizer.encode(input, true).map_err(|_| failed("its tokenizer failed"))?;
            if encoding.len() > self.most_tokens && len > 1 {
                len /= 2;
                continue;
            }
            let most = encoding.len().min(self.most_tokens);
            let ids = &encoding.get_ids()[..most];
            let scores = self.run(ids, &encoding.get_attention_mask()[..most])?;
            for (token, word) in encoding.get_word_ids()[..most].iter().enumerate() {
                let Some(word) = word else { continue };
                let scores = &scores[token * self.labels.len()..][..self.labels.len()];
                self.mark(scores, &mut marks[first + *word as usize]);
            }
            return Ok(len);
        }
    }

    /// A word is what the surest of its tokens says it is.
    fn mark(&self, scores: &[f32], mark: &mut Mark) {
        let Some((class, top)) = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)) else { return };
        let sum: f32 = scores.iter().map(|s| (s - top).exp()).sum();
        let probability = 1.0 / sum;
        if let Some(meaning) = self.labels[class]
            && probability >= self.least
            && mark.is_none_or(|(_, p)| p < probability)
        {
            *mark = Some((meaning, probability));
        }
    }

    /// Tokens to scores, class by class for each token.
    fn run(&self, ids: &[u32], mask: &[u32]) -> Result<Vec<f32>, EntitiesError> {
        let n = ids.len();
        let tensor = |values: Vec<i64>| Tensor::from_array(([1, n], values)).map_err(|_| failed("no memory"));
        let mut inputs = Vec::with_capacity(self.inputs.len());
        for name in &self.inputs {
            let values: Vec<i64> = match name.as_str() {
                "input_ids" => ids.iter().map(|i| i64::from(*i)).collect(),
                "attention_mask" => mask.iter().map(|i| i64::from(*i)).collect(),
                "token_type_ids" => vec![0; n],
                _ => return Err(failed("it wants an input that a token classifier has not")),
            };
            inputs.push((name.clone(), tensor(values)?));
        }
        // A poisoned lock is a panic in the runtime's binding, which left nothing half done here.
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = session.run(inputs).map_err(|_| failed("it did not run"))?;
        let (shape, scores) =
            outputs[0].try_extract_tensor::<f32>().map_err(|_| failed("its scores are no floats"))?;
        let expected = [1, n as i64, self.labels.len() as i64];
        if shape.len() != 3 || shape.iter().zip(expected).any(|(a, b)| *a != b) {
            return Err(failed("its scores do not match id2label"));
        }
        Ok(scores.to_vec())
    }
}

type Mark = Option<(Meaning, f32)>;

impl Entities for OnnxEntities {
    fn version(&self) -> &str {
        &self.version
    }

    fn find(&self, words: &[Word]) -> Result<Vec<Detection>, EntitiesError> {
        let mut marks: Vec<Mark> = vec![None; words.len()];
        let mut first = 0;
        while first < words.len() {
            let read = self.window(words, first, &mut marks)?;
            if first + read >= words.len() {
                break;
            }
            first += read.saturating_sub(OVERLAP_WORDS).max(1);
        }
        Ok(joined(&marks))
    }
}

/// Neighbours of one kind are one value.
fn joined(marks: &[Mark]) -> Vec<Detection> {
    let mut out: Vec<Detection> = Vec::new();
    for (at, mark) in marks.iter().enumerate() {
        let Some((meaning, confidence)) = *mark else { continue };
        match out.last_mut() {
            Some(d) if d.last + 1 == at && d.reason == meaning.reason && !meaning.begins => d.last = at,
            _ => out.push(Detection {
                first: at,
                last: at,
                reason: meaning.reason,
                why: Why { rule: "entity model", confidence, ..Why::default() },
            }),
        }
    }
    out
}

fn labels(said: &ModelConfig, config: &NerConfig) -> Vec<Option<Meaning>> {
    let of = |class: usize| said.id2label.get(&class.to_string()).and_then(|l| meaning(l, &config.labels));
    (0..said.id2label.len()).map(of).collect()
}

/// One runtime a process: it allows no second.
static RUNTIME: Mutex<Option<Environment>> = Mutex::new(None);

/// Loads ONNX Runtime from `path`, or the system's, the first time.
fn runtime(path: &Path) -> Result<Environment, EntitiesError> {
    let mut started = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = &*started {
        return Ok(environment.clone());
    }
    let path = if path.as_os_str().is_empty() { Path::new("libonnxruntime.so") } else { path };
    let loaded = ort::init_from(path).map_err(|e| e.to_string());
    let built =
        loaded.and_then(|b| b.with_name("unsaid").with_telemetry(false).build().map_err(|e| e.to_string()));
    let environment = built.map_err(|e| {
        EntitiesError(format!(
            "ONNX Runtime does not load ({e}); name its libonnxruntime.so in redact.ner.runtime"
        ))
    })?;
    Ok(started.insert(environment).clone())
}

fn session(runtime: &Environment, model: &[u8], threads: usize) -> Result<Session, String> {
    let builder = Session::builder(runtime).map_err(|e| e.to_string())?;
    let mut builder = builder.with_intra_threads(threads.max(1)).map_err(|e| e.to_string())?;
    builder.commit_from_memory(model).map_err(|e| e.to_string())
}

fn failed(why: &str) -> EntitiesError {
    EntitiesError(why.to_owned())
}

fn wrong(path: &Path, why: &str) -> EntitiesError {
    EntitiesError(format!("{}: {why}", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>, EntitiesError> {
    std::fs::read(path).map_err(|e| wrong(path, &e.to_string()))
}
