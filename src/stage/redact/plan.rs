//! The pure half of a redaction: bytes in, what would be written out. Used by
//! the stage and by the command line alike.

use crate::call::{Detector, RawTranscript, Reason, Segment, Word};
use crate::detect::together::with_others;
use crate::detect::{
    Detection, EntitiesError, Ruleset, SanitizedTranscript, detect_with_model, hallucination, merge, sanitize,
};
use crate::speech::sounding;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use unsaid_dsp::container::{ContainerError, Hint, locate};
use unsaid_dsp::decode::{Whole, decode, decode_whole};
use unsaid_dsp::dtmf::{self, Policy};
use unsaid_dsp::mute::{self, Change, Mismatch, Patch};
use unsaid_dsp::resample::{ResampleError, speech_plane};
use unsaid_dsp::silence::Silence;
use unsaid_dsp::{Layout, Span, peaks};

/// Bars of the waveform that a page draws.
const PEAKS: usize = 600;
/// Silence around a keyed tone: its release rings in the line.
const TONE_PADDING_S: f64 = 0.02;
/// The sample before a mute dies away over this long, inside its padding, so that nothing clicks.
const RAMP_S: f64 = 0.002;

/// Why a recording could not be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error(transparent)]
    Container(#[from] ContainerError),
    #[error(transparent)]
    Resample(#[from] ResampleError),
    #[error("the mute did not verify, so nothing was written: {0}")]
    Mismatch(#[from] Mismatch),
}

/// A recording decoded once: for the ear of an engine, and for the tone detector.
pub struct Heard {
    pub layout: Layout,
    /// 16 kHz mono.
    pub speech: Vec<f32>,
    pub tones: Vec<Segment>,
    pub silence: Silence,
    pub duration_s: f64,
}

/// Locates, decodes and looks for tones on every channel.
///
/// # Errors
/// [`PlanError`] when the file is not understood.
pub fn hear(hint: Hint<'_>, bytes: &[u8], with_speech: bool, policy: Policy) -> Result<Heard, PlanError> {
    let layout = locate(hint, bytes)?;
    let whole = decode_whole(bytes, &layout)?;
    let tones = tones(&whole, policy);
    let samples = whole.heard();
    let speech = if with_speech { speech_plane(&samples)? } else { Vec::new() };
    let silence = Silence::of(&samples.mono(), samples.rate);
    Ok(Heard { duration_s: layout.duration_s(), layout, speech, tones, silence })
}

/// The keyed tones that `policy` mutes, a little wider than they sound. Which
/// digits they were is forgotten here. A tone in what a tag cuts off goes as
/// well, for some players play it: its segment is the edge beside it.
fn tones(whole: &Whole, policy: Policy) -> Vec<Segment> {
    let samples = &whole.samples;
    let frames = samples.frames() as u64;
    let duration_s = samples.rate.seconds(whole.cuts.heard_frames());
    let found = samples.planes.iter().flat_map(|p| dtmf::detect(p, samples.rate)).collect();
    let found = dtmf::of_all_channels(found);
    let spans = dtmf::policy::spans(&found, policy, samples.rate, frames);
    let segments = spans.iter().map(|span| whole.cuts.heard(*span)).map(|span| Segment {
        start: (samples.rate.seconds(span.start) - TONE_PADDING_S).max(0.0),
        end: (samples.rate.seconds(span.end) + TONE_PADDING_S).min(duration_s),
        reason: Reason::Dtmf,
        detector: Detector::Tones,
    });
    merge::bridge(segments.collect())
}

/// What is to be silent and why, and the transcript without its secrets.
pub struct Findings {
    pub segments: Vec<Segment>,
    pub transcript: Option<SanitizedTranscript>,
    /// What an auditor should know of how it was found.
    pub note: Option<&'static str>,
    /// Of every word that was heard, whether it is secret.
    pub secret_words: Vec<bool>,
}

/// What was heard in the call's other recordings, by their order in the call.
#[derive(Clone, Default)]
pub struct Beside {
    pub before: Vec<Arc<RawTranscript>>,
    pub after: Vec<Arc<RawTranscript>>,
}

/// Said with the outcome: more was silenced than was secret.
const NO_WORD_TIMES: &str = "the speech engine gave no word times: whole segments were silenced";
const NO_TIME: &str = "the speech engine gave some words no time that can be: the stretches in which they must have been said were silenced";
/// Said with the outcome: it must not be taken for a call in which nothing was to be found.
const NOTHING_HEARD: &str = "the transcript holds no words although something sounds in the recording: only keyed tones were looked for";

impl Findings {
    /// Adds segments of an earlier run over the same file, which lasts `duration_s` now.
    pub fn keep(&mut self, earlier: &[Segment], duration_s: f64) {
        let there = earlier.iter().filter(|s| s.start < duration_s);
        self.segments.extend(there.map(|s| Segment { end: s.end.min(duration_s), ..*s }));
        self.segments = merge::bridge(std::mem::take(&mut self.segments));
    }
}

/// The secrets among a recording's words, with what the call's other recordings tell of them.
///
/// # Errors
/// [`EntitiesError`] when the ruleset's model fails.
pub fn detections(
    words: &RawTranscript,
    beside: &Beside,
    rules: &Ruleset,
) -> Result<Vec<Detection>, EntitiesError> {
    let language = words.language.as_deref();
    let alone = detect_with_model(&words.words, language, rules)?;
    let (before, after) = (beside.before.iter(), beside.after.iter());
    let own = std::iter::once(words.words.as_slice());
    let parts: Vec<&[Word]> =
        before.map(|w| w.words.as_slice()).chain(own).chain(after.map(|w| w.words.as_slice())).collect();
    Ok(with_others(alone, &parts, beside.before.len(), language, rules))
}

/// Words and tones to segments, in order.
///
/// # Errors
/// [`EntitiesError`] when the ruleset's model fails.
pub fn find(
    heard: &Heard,
    words: Option<&RawTranscript>,
    beside: &Beside,
    rules: &Ruleset,
) -> Result<Findings, EntitiesError> {
    let mut segments = heard.tones.clone();
    let mut note = None;
    let mut clean = None;
    let mut secret_words = Vec::new();
    if let Some(transcript) = words {
        let language = transcript.language.as_deref();
        let detections = detections(transcript, beside, rules)?;
        secret_words = covered(transcript.words.len(), &detections);
        let recording = merge::Recording { duration_s: heard.duration_s, silence: Some(&heard.silence) };
        merge::name_tones(&mut segments, &transcript.words, language, rules);
        segments.extend(merge::place(transcript, &detections, rules, recording));
        note = note_of(transcript, &secret_words, &heard.speech);
        let text = clean.insert(sanitize(transcript, &detections, rules.label));
        hallucination::drop(text, &heard.silence, transcript.word_times);
    }
    let mut segments: Vec<Segment> = segments.iter().map(|s| whole_ms(s, heard.duration_s)).collect();
    segments.sort_by(|a, b| a.start.total_cmp(&b.start));
    Ok(Findings { segments, transcript: clean, note, secret_words })
}

/// What is to be said of a transcript that does not tell all.
fn note_of(transcript: &RawTranscript, secret: &[bool], speech: &[f32]) -> Option<&'static str> {
    if transcript.words.is_empty() {
        return sounding::is_long(speech).then_some(NOTHING_HEARD);
    }
    let in_stretch = transcript.unplaced.iter().any(|at| secret.get(*at).copied().unwrap_or(false));
    let note = if transcript.word_times { NO_TIME } else { NO_WORD_TIMES };
    in_stretch.then_some(note)
}

/// Of so many words, which a detection covers.
pub fn covered(words: usize, detections: &[Detection]) -> Vec<bool> {
    let mut covered = vec![false; words];
    for d in detections {
        covered[d.first..=d.last].fill(true);
    }
    covered
}

/// Outward to whole milliseconds, inside the recording: what is told is then exactly what is silent.
fn whole_ms(segment: &Segment, duration_s: f64) -> Segment {
    let start = (segment.start * 1e3).floor() / 1e3;
    let end = (segment.end * 1e3).ceil() / 1e3;
    Segment { start: start.clamp(0.0, duration_s), end: end.clamp(0.0, duration_s), ..*segment }
}

/// The bytes to write, proven in memory first.
pub struct Plan {
    pub spans: Vec<Span>,
    pub patches: Vec<Patch>,
    /// The whole new file, where it changes its length (FLAC); then there are no patches.
    pub rewritten: Option<Vec<u8>>,
    pub before_sha256: String,
    pub after_sha256: String,
    pub muted_s: f64,
    pub peaks: Vec<u8>,
}

impl Plan {
    /// The whole new file for `before`, which was planned from.
    pub fn applied(&self, before: &[u8]) -> Vec<u8> {
        let mut after = before.to_vec();
        mute::apply(&mut after, &self.patches);
        after
    }
}

/// Plans the mute of `spans` in `bytes` and verifies it: identical outside,
/// the patch inside, and decoded again it is silent.
///
/// # Errors
/// [`PlanError`]: then nothing may be written.
pub fn plan(bytes: &[u8], layout: &Layout, spans: Vec<Span>) -> Result<Plan, PlanError> {
    let options = mute::Options { ramp_s: RAMP_S, ..mute::Options::default() };
    let change = mute::plan(bytes, layout, &spans, &options)?;
    let before_sha256 = sha256(bytes);
    let (after, patches) = match change {
        Change::InPlace(patches) => {
            let mut after = bytes.to_vec();
            mute::apply(&mut after, &patches);
            mute::verify(bytes, &after, &patches)?;
            (after, patches)
        }
        Change::Rewritten(splices) => (mute::spliced(bytes, &splices), Vec::new()),
    };
    mute::verify_decoded(after.as_slice(), layout, &spans, &options)??;
    // Where blocks stand alone, that bytes outside the patches stayed is enough.
    if let Some(reach) = mute::reach_frames(layout).filter(|_| layout.block_bytes() == 0) {
        mute::verify_outside(bytes, after.as_slice(), layout, &spans, reach)??;
    }
    let samples = decode(after.as_slice(), layout)?;
    let muted: u64 = mute::covered(layout, &spans).iter().map(Span::len).sum();
    Ok(Plan {
        muted_s: layout.rate.seconds(muted),
        after_sha256: sha256(&after),
        before_sha256,
        rewritten: (patches.is_empty() && after != bytes).then_some(after),
        patches,
        spans,
        peaks: peaks::peaks(&samples.mono(), PEAKS),
    })
}

/// The spans of segments in this recording's frames.
pub fn spans_of(segments: &[Segment], layout: &Layout) -> Vec<Span> {
    let spans: Vec<Span> = segments.iter().map(|s| Span::from_seconds(s.start, s.end, layout.rate)).collect();
    unsaid_dsp::merge(&spans, layout.frames())
}

/// Lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
