//! The vocabulary, pure: what a CDR, a leg, a call, a recording, a word and a
//! tenant are. Uses nothing else of ours.

pub mod assemble;
pub mod cdr;
pub mod direction;
pub mod disposition;
pub mod file_name;
pub mod language;
pub mod recording;
pub mod segment;
pub mod tenant;
pub mod word;
pub mod zone;

pub use assemble::{Call, assemble};
pub use cdr::CdrRow;
pub use direction::Direction;
pub use disposition::Disposition;
pub use language::language_code;
pub use recording::RecordingPath;
pub use segment::{Detector, Reason, Segment};
pub use tenant::{CallKey, PbxId, TenantId};
pub use word::{RawTranscript, Word};
pub use zone::Zone;
