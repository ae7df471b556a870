//! FreePBX: `asteriskcdrdb.cdr` in MariaDB, or Asterisk's CSV file.

pub mod calldate_window;
pub mod csv;
mod database;

pub use calldate_window::CalldateWindow;
pub use csv::CsvSource;
