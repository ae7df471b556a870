//! FreePBX: `asteriskcdrdb.cdr` in MariaDB, or Asterisk's CSV file.

pub mod binlog;
pub mod calldate_window;
pub mod cel_cursor;
mod columns;
pub mod csv;
pub mod cursor;
mod database;
pub mod followed;
mod orphans;
mod owner;
mod trunks;

pub use binlog::Binlog;
pub use calldate_window::CalldateWindow;
pub use cel_cursor::CelCursor;
pub use csv::CsvSource;
pub use followed::Followed;
pub use orphans::{Orphans, Swept};
pub use trunks::Trunks;
