//! `unsaid detect --words WORDS.jsonl`: which words are secrets.

use super::files::{read_all, to_stdout};
use super::{CliError, Result};
use crate::call::Word;
use crate::detect::{Ruleset, detect};
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// JSON lines {"id","lang","words":[{"word","start","end","speaker"?}]}; `-` is standard input.
    #[arg(long)]
    words: String,
    /// The language where a line does not say it.
    #[arg(long, default_value = "en")]
    lang: String,
}

#[derive(Deserialize)]
struct Line {
    id: serde_json::Value,
    lang: Option<String>,
    words: Vec<LineWord>,
}

#[derive(Deserialize)]
struct LineWord {
    word: String,
    start: Option<f64>,
    end: Option<f64>,
    speaker: Option<serde_json::Value>,
}

pub fn run(args: &Args) -> Result<()> {
    let rules = Ruleset::english().map_err(|e| CliError::Failed(e.to_string()))?;
    if args.lang != "en" {
        return Err(CliError::Usage(format!("there is no lexicon for {:?}; there is one for en", args.lang)));
    }
    let bytes = read_all(&args.words)?;
    let lines = bytes.split(|b| *b == b'\n').filter(|l| !l.trim_ascii().is_empty());
    let mut out = String::new();
    let mut foreign = 0;
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
        foreign += usize::from(line.lang.as_deref().is_some_and(|l| l != "en"));
        out.push_str(&answer(line, &rules));
    }
    if foreign > 0 {
        eprintln!("unsaid: {foreign} lines are in a language without a lexicon; the English one was used");
    }
    to_stdout(out.as_bytes())
}

fn answer(line: Line, rules: &Ruleset) -> String {
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
    let spans: Vec<_> = detect(&words, rules)
        .iter()
        .map(|d| json!({ "first": d.first, "last": d.last, "reason": d.reason }))
        .collect();
    format!("{}\n", json!({ "id": line.id, "spans": spans }))
}
