//! Telephony audio as pure functions over slices: containers, codecs, tone
//! detection and the exact mute. No file system, no clock, no logging.
//!
//! The walk of one file: [`container::locate`] answers where the coded frames
//! lie ([`container::Layout`]), [`decode::decode`] turns them into [`Samples`],
//! [`dtmf::detect`] finds keyed digits, [`mute::patches`] says which bytes to
//! overwrite so that exactly the wanted [`Span`]s are silent.

pub mod audio;
pub mod codec;
pub mod container;
pub mod decode;
pub mod dtmf;
pub mod goertzel;
pub mod mute;
pub mod peaks;
pub mod resample;

pub use audio::{Rate, Samples, Span, merge};
pub use container::{Layout, ReadAt};
