//! Telephony audio as pure functions over slices and [`ReadAt`] sources:
//! containers, codecs, tone detection and the exact mute. No file system, no
//! clock, no logging.
//!
//! # The walk of one file
//!
//! [`container::locate`] answers what a file is and where its coded audio lies
//! (a [`Layout`]).
//! [`decode::Reader`] gives its samples stretch by stretch, each
//! [`dtmf::Detector`] finds the keyed digits of one channel in them, and
//! [`mute::plan`] says which bytes must change so that the wanted [`Span`]s
//! are silent and nothing else is touched. [`mute::verify_decoded`] and
//! [`mute::verify_outside`] prove it.
//!
//! ```
//! use unsaid_dsp::container::{locate, wav};
//! use unsaid_dsp::decode::decode;
//! use unsaid_dsp::mute::{Options, apply, patches, verify};
//! use unsaid_dsp::{Rate, Span, dtmf};
//!
//! // A second of 16-bit silence with the keys of nobody's PIN in it would go here.
//! let mut file = wav::pcm16_header(Rate::NARROW_BAND, 1, 16_000).to_vec();
//! file.resize(16_044, 0);
//!
//! let layout = locate("call.wav", file.as_slice())?;
//! let samples = decode(file.as_slice(), &layout)?;
//! let tones = dtmf::detect(&samples.planes[0], samples.rate);
//! let spans: Vec<Span> = tones.iter().map(|tone| tone.span).collect();
//!
//! let patches = patches(file.as_slice(), &layout, &spans, &Options::default())?;
//! let before = file.clone();
//! apply(&mut file, &patches);
//! assert_eq!(verify(&before, &file, &patches), Ok(()));
//! # Ok::<(), unsaid_dsp::container::ContainerError>(())
//! ```
//!
//! # Units
//!
//! A frame is one instant of all channels, a [`Span`] a half-open range of
//! frames, a sample a number in ±1. What `mute` and `dtmf` promise in numbers
//! stands in the crate's README, with the commands that measured it.

pub mod audio;
pub mod codec;
pub mod container;
pub mod decode;
pub mod dtmf;
pub mod mute;
pub mod peaks;
pub mod resample;
pub mod silence;
pub mod timeline;

pub use audio::{Rate, Samples, Span, merge};
pub use container::{Layout, ReadAt};
