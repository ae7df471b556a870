//! Which errors of a database say that it is away for now, and not that it
//! refuses what was asked: full, busy, taken over by a replica, shut down. One
//! table a database, by the numbers that its manual gives. What was asked is
//! then asked again, and uses up no attempt.

/// SQLSTATEs of PostgreSQL, a whole class by its first two characters.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const POSTGRES: [(&str, &str); 11] = [
    ("08", "the connection broke off"),
    ("25006", "the server takes no writes for now, as one that was taken over from does"),
    ("40001", "another transaction came first"),
    ("40P01", "a deadlock was broken up"),
    ("53", "the disk is full, or memory or connections are used up"),
    ("55P03", "another holds the lock"),
    ("57P01", "the server is being shut down"),
    ("57P02", "the server crashed and recovers"),
    ("57P03", "the server is starting up"),
    ("57P05", "the connection was idle for too long"),
    ("58030", "the server's disk failed to read or write"),
];

/// Primary result codes of SQLite; an extended one has its primary code in the lowest byte.
/// <https://www.sqlite.org/rescode.html>
const SQLITE: [(u32, &str); 9] = [
    (5, "BUSY: another writes"),
    (6, "LOCKED: another holds the table"),
    (7, "NOMEM: memory is used up"),
    (8, "READONLY: the file or its folder cannot be written"),
    (9, "INTERRUPT: it was broken off"),
    (10, "IOERR: the disk failed to read or write"),
    (13, "FULL: the disk is full"),
    (14, "CANTOPEN: the file cannot be opened"),
    (15, "PROTOCOL: the lock could not be had"),
];

/// Error numbers of MariaDB and MySQL.
/// <https://mariadb.com/kb/en/mariadb-error-code-reference/>,
/// <https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>
const MYSQL: [(u16, &str); 14] = [
    (1021, "its disk is full"),
    (1037, "its memory is used up"),
    (1040, "it has too many connections"),
    (1041, "its memory is used up"),
    (1053, "it is being shut down"),
    (1135, "it cannot start a thread"),
    (1203, "the user has too many connections"),
    (1205, "another holds the lock"),
    (1213, "a deadlock was broken up"),
    (1226, "the user has used up what it may in an hour"),
    (1290, "it is read-only"),
    (1792, "the transaction is read-only"),
    (1836, "it is read-only"),
    (1927, "the connection was killed"),
];

/// Is a PostgreSQL server with this SQLSTATE away for now?
pub fn of_postgres(sqlstate: &str) -> bool {
    POSTGRES.iter().any(|(code, _)| sqlstate.starts_with(code))
}

/// Is a SQLite file with this result code, extended or not, away for now?
pub fn of_sqlite(code: u32) -> bool {
    SQLITE.iter().any(|(primary, _)| code & 0xff == *primary)
}

/// What a MariaDB or MySQL server with this error number says, where it is away for now.
pub fn of_mysql(code: u16) -> Option<&'static str> {
    MYSQL.iter().find(|(known, _)| *known == code).map(|(_, says)| *says)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_from_a_refusal() {
        for away in ["08006", "25006", "40001", "40P01", "53100", "53300", "55P03", "57P01", "57P03", "58030"]
        {
            assert!(of_postgres(away), "{away}");
        }
        // A constraint, a missing table, text that is not UTF-8, a right that is not had.
        for refused in ["23505", "42P01", "22021", "42501", "25P02", "57014"] {
            assert!(!of_postgres(refused), "{refused}");
        }
        // BUSY, BUSY_SNAPSHOT, READONLY_DBMOVED, IOERR_WRITE, FULL.
        for away in [5, 517, 1_032, 778, 13] {
            assert!(of_sqlite(away), "{away}");
        }
        // CONSTRAINT_UNIQUE, MISMATCH, CORRUPT, NOTADB.
        for refused in [2_067, 20, 11, 26] {
            assert!(!of_sqlite(refused), "{refused}");
        }
        assert!(of_mysql(1_040).is_some() && of_mysql(1_146).is_none() && of_mysql(1_045).is_none());
    }
}
