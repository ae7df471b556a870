//! Where a reading of the binary log is.

use std::fmt;

/// The file and the end of the last transaction that was read in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub file: String,
    pub offset: u64,
}

impl Position {
    /// From a cursor's tail, `CURSOR#FILE:OFFSET`.
    pub fn of_cursor(cursor: &str) -> Option<Position> {
        let (file, offset) = cursor.split_once('#')?.1.rsplit_once(':')?;
        Some(Position { file: file.to_owned(), offset: offset.parse().ok()? })
    }

    /// What a rotation names. An artificial one of MariaDB carries its checksum
    /// behind the name (blackbeam/mysql_async#189).
    pub fn rotated(&self, name: &[u8], offset: u64) -> Position {
        let file = match name.starts_with(self.file.as_bytes()) {
            true => self.file.clone(),
            false => String::from_utf8_lossy(without_checksum(name)).into_owned(),
        };
        Position { file, offset }
    }
}

/// `mysql-bin.000012`, whatever four bytes come after it.
fn without_checksum(name: &[u8]) -> &[u8] {
    let plain = |name: &[u8]| {
        let digits = name.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        digits >= 6 && name.len() > digits && name[name.len() - digits - 1] == b'.'
    };
    match name.len().checked_sub(4).map(|end| &name[..end]) {
        Some(shorter) if !plain(name) && plain(shorter) => shorter,
        _ => name,
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back_and_a_rotation_is_understood_with_and_without_its_checksum() {
        let at = Position { file: "mysql-bin.000012".to_owned(), offset: 345 };
        assert_eq!(Position::of_cursor(&format!("2024-05-14T09:30:12#{at}")), Some(at.clone()));
        assert_eq!(Position::of_cursor("2024-05-14T09:30:12"), None);
        assert_eq!(at.rotated(b"mysql-bin.000012\x01\x02\xff\x30", 4).file, "mysql-bin.000012");
        for name in [&b"mysql-bin.000013"[..], b"mysql-bin.000013\xff\x01\x02\x03"] {
            assert_eq!(at.rotated(name, 4), Position { file: "mysql-bin.000013".to_owned(), offset: 4 });
        }
    }
}
