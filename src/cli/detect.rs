//! `unsaid detect --words WORDS.jsonl`: which words are secrets.

use super::files::{read_all, to_stdout};
use super::roles::rules_of;
use super::{CliError, Result, load};
use crate::call::{Reason, Word};
use crate::detect::{Detection, Ruleset, detect_with_model, explain};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// JSON lines {"id","lang","words":[{"word","start","end","speaker"?}]}; `-` is standard input.
    #[arg(long)]
    words: String,
    /// The language where a line does not say it: en, es, fr; absent, the words tell.
    #[arg(long)]
    lang: Option<String>,
    /// Which reasons to look for, with commas between; absent, all of them.
    #[arg(long, value_delimiter = ',')]
    categories: Vec<String>,
    /// Say why: rule, keyword, distance, shape, confidence; never the value.
    #[arg(long)]
    explain: bool,
    /// With --explain, on a terminal: the value too.
    #[arg(long, requires = "explain")]
    show_values: bool,
    /// Settings; see unsaid.default.toml.
    #[arg(long)]
    config: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Line {
    id: Value,
    lang: Option<String>,
    words: Vec<LineWord>,
}

#[derive(Deserialize)]
struct LineWord {
    word: String,
    start: Option<f64>,
    end: Option<f64>,
    speaker: Option<Value>,
}

pub fn run(args: &Args) -> Result<()> {
    let rules = rules(args)?;
    if args.show_values && !std::io::stdout().is_terminal() {
        return Err(CliError::Usage("--show-values prints secrets: only on a terminal".to_owned()));
    }
    let bytes = read_all(&args.words)?;
    let lines = bytes.split(|b| *b == b'\n').filter(|l| !l.trim_ascii().is_empty());
    let mut out = String::new();
    for (n, line) in lines.enumerate() {
        let line: Line = serde_json::from_slice(line).map_err(|e| {
            // The parser's own words may quote the input.
            CliError::NotUnderstood(format!(
                "{}: line {} is not {{\"id\",\"words\":[{{\"word\",\"start\",\"end\"}}]}} (column {})",
                args.words,
                n + 1,
                e.column()
            ))
        })?;
        out.push_str(&answer(line, args, &rules)?);
    }
    to_stdout(out.as_bytes())
}

fn rules(args: &Args) -> Result<Ruleset> {
    let mut config = load(args.config.as_ref())?;
    let wanted = &mut config.redact.rules;
    if args.config.is_none() || !args.categories.is_empty() {
        let named = args.categories.iter().map(|name| {
            Reason::parse(name.trim()).ok_or_else(|| {
                let all: Vec<&str> = Reason::ALL.into_iter().map(Reason::as_str).collect();
                CliError::Usage(format!("there is no category {name:?}; there are {}", all.join(", ")))
            })
        });
        wanted.categories = named.collect::<Result<_>>()?;
        if wanted.categories.is_empty() {
            wanted.categories = Reason::ALL.to_vec();
        }
    }
    if args.lang.is_some() {
        wanted.language = args.lang.clone();
    }
    rules_of(&config)
}

fn answer(line: Line, args: &Args, rules: &Ruleset) -> Result<String> {
    let words: Vec<Word> = line
        .words
        .into_iter()
        .map(|w| Word {
            text: w.word,
            start_s: w.start.unwrap_or(f64::NAN),
            end_s: w.end.unwrap_or(f64::NAN),
            speaker: w.speaker.map(|s| s.to_string()),
        })
        .collect();
    let found = detect_with_model(&words, line.lang.as_deref(), rules)
        .map_err(|e| CliError::Service(e.to_string()))?;
    let spans: Vec<Value> = found.iter().map(|d| span(&words, d, args)).collect();
    Ok(format!("{}\n", json!({ "id": line.id, "spans": spans })))
}

fn span(words: &[Word], d: &Detection, args: &Args) -> Value {
    let mut span = json!({ "first": d.first, "last": d.last, "reason": d.reason });
    if !args.explain {
        return span;
    }
    let said = |first: usize, last: usize| {
        words[first..=last].iter().map(|w| w.text.trim()).collect::<Vec<_>>().join(" ")
    };
    span["rule"] = json!(d.why.rule);
    span["keyword"] = json!(d.why.keyword.map(|(a, b)| said(a, b)));
    span["keyword_words"] = json!(d.why.keyword);
    span["distance"] = json!(d.why.distance);
    span["shape"] = json!(explain::shape(words, d));
    span["confidence"] = json!((d.why.confidence.clamp(0.0, 1.0) * 100.0).round() / 100.0);
    if args.show_values {
        span["value"] = json!(said(d.first, d.last));
    }
    span
}
