//! How far a FreePBX's calls have been read: one cursor for every way of
//! reading, so that changing the way loses and doubles nothing.

use chrono::NaiveDateTime;
use std::fmt;

const FORMAT: &str = "%Y-%m-%dT%H:%M:%S";

/// `2024-05-14T09:30:12`, and for CEL `…@ID@2024-05-01T00:00:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Calls that began or ended until then are read, in the server's own time.
    pub seen: NaiveDateTime,
    pub cel: Option<CelPosition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CelPosition {
    /// The last `cel.id` that was read.
    pub id: u64,
    /// Calls before that moment are none of ours.
    pub since: NaiveDateTime,
}

impl Cursor {
    pub fn at(seen: NaiveDateTime) -> Cursor {
        Cursor { seen, cel: None }
    }

    pub fn parse(text: &str) -> Option<Cursor> {
        let date = |s: &str| NaiveDateTime::parse_from_str(s, FORMAT).ok();
        // Behind a `#` stands a position in the binary log, which the other ways do not need.
        let text = text.split('#').next()?;
        let mut parts = text.split('@');
        let seen = date(parts.next()?)?;
        let cel = match (parts.next(), parts.next()) {
            (Some(id), Some(since)) => Some(CelPosition { id: id.parse().ok()?, since: date(since)? }),
            _ => None,
        };
        Some(Cursor { seen, cel })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seen.format(FORMAT))?;
        match self.cel {
            Some(cel) => write!(f, "@{}@{}", cel.id, cel.since.format(FORMAT)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_as_it_was_written_and_nonsense_is_none() {
        for text in ["2024-05-14T09:30:12", "2024-05-14T09:30:12@4711@2024-05-01T00:00:00"] {
            assert_eq!(Cursor::parse(text).expect("a cursor").to_string(), text);
        }
        for text in ["", "4711", "2024-05-14T09:30:12@x@2024-05-01T00:00:00"] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
