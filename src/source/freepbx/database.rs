//! The connection to MariaDB: TLS modes, a small pool, short statements.

use super::columns;
use crate::call::CdrRow;
use crate::config::pbx::{FreepbxConfig, TlsMode};
use crate::outages;
use crate::source::SourceError;
use crate::source::freepbx::binlog::Position;
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use mysql_async::prelude::Queryable;
use mysql_async::{
    Conn, DriverError, OptsBuilder, Params, Pool, PoolConstraints, PoolOpts, Row, SslOpts, Value,
};
use secrecy::ExposeSecret;
use std::collections::BTreeSet;
use std::time::Duration;

/// MariaDB's own limit on a statement; ours is on top, for servers that have none.
const SLACK: Duration = Duration::from_secs(2);
/// Rows and channels of one statement: a MyISAM table is locked until its rows are on their way.
const ROWS: usize = 1_000;
const CHANNELS: usize = 500;

/// The end of a call, as CEL tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub id: u64,
    pub linkedid: String,
    pub at: NaiveDateTime,
}

pub struct CdrDatabase {
    config: FreepbxConfig,
    pool: Option<Pool>,
    /// As the pool has found the server.
    with_tls: bool,
}

impl CdrDatabase {
    pub fn new(config: FreepbxConfig) -> CdrDatabase {
        CdrDatabase { config, pool: None, with_tls: false }
    }

    /// Rows whose leg began in `[from, to)`, oldest first; in short statements,
    /// each from where the one before ended.
    pub async fn rows_between(
        &mut self,
        mut from: NaiveDateTime,
        to: NaiveDateTime,
    ) -> Result<Vec<CdrRow>, SourceError> {
        let mut rows = Vec::new();
        loop {
            let page = self.page(from, to, Some(ROWS)).await?;
            if page.len() < ROWS {
                rows.extend(page);
                // Not by the server: an old table has no sequence to order by.
                rows.sort_by(|a: &CdrRow, b| {
                    (a.calldate, &a.uniqueid, a.sequence).cmp(&(b.calldate, &b.uniqueid, b.sequence))
                });
                return Ok(rows);
            }
            // The last second may have more rows than came.
            let last = page.iter().filter_map(|r| r.calldate).max().unwrap_or(from);
            if last > from {
                rows.extend(page.into_iter().filter(|r| r.calldate.is_some_and(|at| at < last)));
                from = last;
            } else {
                from += TimeDelta::seconds(1);
                rows.extend(self.page(last, from, None).await?);
            }
        }
    }

    async fn page(
        &mut self,
        from: NaiveDateTime,
        to: NaiveDateTime,
        most: Option<usize>,
    ) -> Result<Vec<CdrRow>, SourceError> {
        let limit = most.map_or(String::new(), |most| format!(" LIMIT {most}"));
        let sql = format!(
            "SELECT * FROM `{}` WHERE calldate >= ? AND calldate < ? ORDER BY calldate{limit}",
            self.config.table
        );
        let recording = self.config.recording_column.clone();
        self.timed(async |conn| {
            let rows: Vec<Row> = conn.exec(sql, (from, to)).await?;
            Ok(rows.into_iter().map(|row| row_of(row, &recording)).collect())
        })
        .await
    }

    /// The server's local time, in which `calldate` is written.
    pub async fn now(&mut self) -> Result<NaiveDateTime, SourceError> {
        let now: Option<NaiveDateTime> =
            self.timed(async |conn| conn.query_first("SELECT NOW()").await).await?;
        now.ok_or_else(|| SourceError::Failed("NOW() gave nothing".to_owned()))
    }

    /// Calls that ended by CEL after `id` and before `before`, oldest first; those of `but` are left out.
    pub async fn ended_calls(
        &mut self,
        id: u64,
        before: NaiveDateTime,
        most: usize,
        but: &BTreeSet<u64>,
    ) -> Result<Vec<Ended>, SourceError> {
        let sql = format!(
            "SELECT id, linkedid, eventtime FROM `{}` WHERE id > ? AND eventtype = 'LINKEDID_END' \
             ORDER BY id LIMIT {}",
            self.config.cel_table,
            most + but.len()
        );
        let rows: Vec<(u64, String, NaiveDateTime)> =
            self.timed_on_cel(async |conn| conn.exec(sql, (id,)).await).await?;
        let ended = rows.into_iter().map(|(id, linkedid, at)| Ended { id, linkedid, at });
        // What has ended too lately ends the list: the cursor must not pass it.
        Ok(ended.take_while(|e| e.at <= before).filter(|e| !but.contains(&e.id)).take(most).collect())
    }

    /// The rows of these calls, by the channels that CEL saw: `cdr` has an index on those alone.
    pub async fn rows_of(&mut self, calls: &[Ended]) -> Result<Vec<CdrRow>, SourceError> {
        let linkedids: Vec<&str> = calls.iter().map(|c| c.linkedid.as_str()).collect();
        let sql = format!(
            "SELECT DISTINCT uniqueid FROM `{}` WHERE linkedid IN ({})",
            self.config.cel_table,
            places(linkedids.len())
        );
        let parameters = Params::Positional(linkedids.iter().map(|l| Value::from(*l)).collect());
        let mut channels: Vec<String> =
            self.timed_on_cel(async |conn| conn.exec(sql, parameters).await).await?;
        channels.extend(linkedids.into_iter().map(str::to_owned));
        channels.sort_unstable();
        channels.dedup();
        let mut rows = Vec::new();
        for part in channels.chunks(CHANNELS) {
            let sql = format!(
                "SELECT * FROM `{}` WHERE uniqueid IN ({}) ORDER BY calldate",
                self.config.table,
                places(part.len())
            );
            let parameters = Params::Positional(part.iter().map(Value::from).collect());
            let read: Vec<Row> = self.timed(async |conn| conn.exec(sql, parameters).await).await?;
            let recording = &self.config.recording_column;
            rows.extend(read.into_iter().map(|row| row_of(row, recording)));
        }
        Ok(rows)
    }

    /// The first `cel.id` at or after `since`, or one past the last. CEL has no index on its time, but its ids grow with it.
    pub async fn first_cel_since(&mut self, since: NaiveDateTime) -> Result<u64, SourceError> {
        let table = self.config.cel_table.clone();
        self.timed_on_cel(async |conn| {
            let bounds: Option<(Option<u64>, Option<u64>)> =
                conn.query_first(format!("SELECT MIN(id), MAX(id) FROM `{table}`")).await?;
            let Some((Some(mut low), Some(last))) = bounds else { return Ok(0) };
            let mut high = last + 1;
            let sql = format!("SELECT eventtime FROM `{table}` WHERE id >= ? ORDER BY id LIMIT 1");
            while low < high {
                let middle = low + (high - low) / 2;
                let at: Option<NaiveDateTime> = conn.exec_first(&sql, (middle,)).await?;
                if at.is_some_and(|at| at < since) { low = middle + 1 } else { high = middle }
            }
            Ok(low)
        })
        .await
    }

    /// When the last call ended by CEL, among its newest events.
    pub async fn newest_end(&mut self) -> Result<Option<NaiveDateTime>, SourceError> {
        let sql = format!(
            "SELECT MAX(eventtime) FROM (SELECT eventtype, eventtime FROM `{}` ORDER BY id DESC LIMIT 20000) newest \
             WHERE eventtype = 'LINKEDID_END'",
            self.config.cel_table
        );
        let newest: Option<Option<NaiveDateTime>> =
            self.timed_on_cel(async |conn| conn.query_first(sql).await).await?;
        Ok(newest.flatten())
    }

    /// When the first leg at or after `from` began.
    pub async fn first_row_since(
        &mut self,
        from: NaiveDateTime,
    ) -> Result<Option<NaiveDateTime>, SourceError> {
        let sql = format!("SELECT MIN(calldate) FROM `{}` WHERE calldate >= ?", self.config.table);
        let first: Option<Option<NaiveDateTime>> =
            self.timed(async |conn| conn.exec_first(sql, (from,)).await).await?;
        Ok(first.flatten())
    }

    /// The peers of FreePBX's trunks.
    pub async fn trunks(&mut self) -> Result<Vec<String>, SourceError> {
        let sql = format!(
            "SELECT channelid FROM `{}`.trunks WHERE channelid <> '' AND tech NOT IN ('custom', 'enum')",
            self.config.settings_database
        );
        self.timed(async |conn| conn.query(sql).await).await
    }

    /// When the newest leg began.
    pub async fn newest_row(&mut self) -> Result<Option<NaiveDateTime>, SourceError> {
        let sql = format!("SELECT MAX(calldate) FROM `{}`", self.config.table);
        let newest: Option<Option<NaiveDateTime>> =
            self.timed(async |conn| conn.query_first(sql).await).await?;
        Ok(newest.flatten())
    }

    /// Where the server's binary log is now.
    pub async fn binlog_position(&mut self) -> Result<Position, SourceError> {
        let found = self
            .timed(async |conn| {
                // MySQL 8.4 has the other name alone.
                let row: Option<Row> = match conn.query_first("SHOW MASTER STATUS").await {
                    Err(mysql_async::Error::Server(e)) if e.code == 1064 => {
                        conn.query_first("SHOW BINARY LOG STATUS").await?
                    }
                    row => row?,
                };
                Ok(row.and_then(|mut row| Some((row.take::<String, _>(0)?, row.take::<u64, _>(1)?))))
            })
            .await;
        let none = || SourceError::NoBinlog("the server keeps none (log_bin)".to_owned());
        match found {
            Ok(found) => found.map(|(file, offset)| Position { file, offset }).ok_or_else(none),
            Err(SourceError::AccessDenied { .. }) => Err(SourceError::NoBinlog(
                "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* to its user, or follow by cel or calldate".to_owned(),
            )),
            Err(error) => Err(error),
        }
    }

    /// Are whole rows written to the log?
    pub async fn binlog_is_rows(&mut self) -> Result<(), SourceError> {
        let format: Option<String> =
            self.timed(async |conn| conn.query_first("SELECT @@GLOBAL.binlog_format").await).await?;
        // Unknown to a server that knows full images alone.
        let image = self.timed(async |conn| conn.query_first("SELECT @@GLOBAL.binlog_row_image").await).await;
        let image: Option<String> = image.unwrap_or_default();
        let is = |value: &Option<String>, wanted: &str| {
            value.as_deref().is_none_or(|v| v.eq_ignore_ascii_case(wanted))
        };
        if format.is_none() || !is(&format, "ROW") || !is(&image, "FULL") {
            let told = "it has no whole rows: set binlog_format=ROW and binlog_row_image=FULL";
            return Err(SourceError::NoBinlog(told.to_owned()));
        }
        Ok(())
    }

    /// The table's columns in their order: the log tells values alone.
    pub async fn columns(&mut self) -> Result<Vec<ColumnName>, SourceError> {
        let (database, table) = (self.config.database.clone(), self.config.table.clone());
        let rows: Vec<(String, Option<String>)> = self
            .timed(async |conn| {
                let sql = "SELECT COLUMN_NAME, CHARACTER_SET_NAME FROM information_schema.COLUMNS \
                           WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION";
                conn.exec(sql, (database, table)).await
            })
            .await?;
        if rows.is_empty() {
            return Err(SourceError::NoTable(self.config.table.clone()));
        }
        let (names, sets): (Vec<String>, Vec<Option<String>>) = rows.into_iter().unzip();
        let names = columns::named(names, &self.config.recording_column);
        let column = |(name, set): (String, Option<String>)| ColumnName {
            name,
            is_latin1: set.as_deref() == Some("latin1"),
        };
        Ok(names.into_iter().zip(sets).map(column).collect())
    }

    /// A connection of its own, to become a stream.
    pub async fn replica(&mut self, heartbeat: Duration) -> Result<Conn, SourceError> {
        // The pool has found out whether the server has TLS.
        drop(self.connect().await?);
        let limit = self.config.statement_timeout;
        let opened = async {
            // None of the pool's: a stream ends with its connection, and is given back to nobody.
            let mut conn = Conn::new(self.options(self.with_tls)).await?;
            conn.query_drop(format!("SET @master_heartbeat_period = {}", heartbeat.as_nanos())).await?;
            Ok::<_, mysql_async::Error>(conn)
        };
        let conn = tokio::time::timeout(limit, opened).await.map_err(|_| SourceError::TimedOut(limit))?;
        conn.map_err(|e| self.error_of(&e))
    }

    /// The same, naming `cel` as the table that is not there.
    async fn timed_on_cel<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Conn) -> Result<T, mysql_async::Error>,
    ) -> Result<T, SourceError> {
        let result = self.timed(work).await;
        result.map_err(|e| match e {
            SourceError::NoTable(_) => SourceError::NoTable(self.config.cel_table.clone()),
            other => other,
        })
    }

    async fn timed<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Conn) -> Result<T, mysql_async::Error>,
    ) -> Result<T, SourceError> {
        let limit = self.config.statement_timeout;
        let all = async {
            let mut conn = self.connect().await?;
            let result = work(&mut conn).await;
            drop(conn);
            result.map_err(|e| self.error_of(&e))
        };
        tokio::time::timeout(limit + SLACK, all).await.map_err(|_| SourceError::TimedOut(limit))?
    }

    async fn connect(&mut self) -> Result<Conn, SourceError> {
        if self.pool.is_none() {
            let (pool, with_tls) = self.open_pool().await?;
            (self.pool, self.with_tls) = (Some(pool), with_tls);
        }
        let Some(pool) = &self.pool else { return Err(SourceError::Failed("no pool".to_owned())) };
        let mut conn = pool.get_conn().await.map_err(|e| self.error_of(&e))?;
        // MariaDB before 10.1 and MySQL know no max_statement_time: our own limit holds there.
        let seconds = self.config.statement_timeout.as_secs_f64();
        let _ = conn.query_drop(format!("SET SESSION max_statement_time = {seconds}")).await;
        let _ = conn.query_drop("SET SESSION TRANSACTION READ ONLY").await;
        Ok(conn)
    }

    /// `preferred` asks for TLS first and goes without where the server offers none.
    async fn open_pool(&self) -> Result<(Pool, bool), SourceError> {
        let with_tls = self.config.tls != TlsMode::Off;
        let pool = Pool::new(self.options(with_tls));
        match pool.get_conn().await {
            Ok(_) => Ok((pool, with_tls)),
            Err(error) if self.config.tls == TlsMode::Preferred && is_no_tls(&error) => {
                Ok((Pool::new(self.options(false)), false))
            }
            Err(error) => Err(self.error_of(&error)),
        }
    }

    fn options(&self, tls: bool) -> OptsBuilder {
        let c = &self.config;
        let ssl = tls.then(|| match (&c.ca_file, c.tls) {
            (Some(ca), TlsMode::VerifyCa) => {
                SslOpts::default().with_root_certs(vec![ca.clone().into()]).with_disable_built_in_roots(true)
            }
            _ => SslOpts::default()
                .with_danger_accept_invalid_certs(true)
                .with_danger_skip_domain_validation(true),
        });
        let most = PoolConstraints::new(0, c.max_connections.max(1)).unwrap_or_default();
        OptsBuilder::default()
            .ip_or_hostname(&c.host)
            .tcp_port(c.port)
            .user(Some(&c.user))
            .pass(Some(c.password.expose_secret()))
            .db_name(Some(&c.database))
            .prefer_socket(false)
            .ssl_opts(ssl)
            .pool_opts(PoolOpts::default().with_constraints(most))
    }

    pub(super) fn error_of(&self, error: &mysql_async::Error) -> SourceError {
        use mysql_async::Error as E;
        match error {
            E::Server(e) if matches!(e.code, 1044 | 1045 | 1142 | 1227 | 1698) => {
                SourceError::AccessDenied { user: self.config.user.clone() }
            }
            E::Server(e) if matches!(e.code, 1146 | 1049) => SourceError::NoTable(self.config.table.clone()),
            E::Server(e) if matches!(e.code, 1969 | 3024) => {
                SourceError::TimedOut(self.config.statement_timeout)
            }
            E::Server(e) => match outages::of_mysql(e.code) {
                Some(says) => SourceError::Away { code: e.code, says },
                None => SourceError::Failed(format!("error {} ({})", e.code, e.state)),
            },
            E::Driver(DriverError::NoClientSslFlagFromServer) => SourceError::NoTls,
            E::Io(mysql_async::IoError::Tls(e)) => SourceError::Certificate(e.to_string()),
            E::Io(mysql_async::IoError::Io(e)) if e.to_string().contains("certificate") => {
                SourceError::Certificate(e.to_string())
            }
            other => SourceError::Unreachable {
                host: self.config.host.clone(),
                port: self.config.port,
                reason: other.to_string(),
            },
        }
    }
}

/// `?,?,?`
fn places(count: usize) -> String {
    vec!["?"; count].join(",")
}

fn is_no_tls(error: &mysql_async::Error) -> bool {
    matches!(error, mysql_async::Error::Driver(DriverError::NoClientSslFlagFromServer))
}

/// A column of the table, and whether its text is Latin-1.
#[derive(Clone, Debug)]
pub struct ColumnName {
    pub name: String,
    is_latin1: bool,
}

impl ColumnName {
    /// A value as the binary log has it: text in the column's own character set.
    pub fn text(&self, value: Value) -> Value {
        match value {
            Value::Bytes(bytes) if self.is_latin1 => {
                Value::Bytes(bytes.into_iter().map(char::from).collect::<String>().into_bytes())
            }
            other => other,
        }
    }
}

fn row_of(row: Row, recording: &str) -> CdrRow {
    let names = row.columns_ref().iter().map(|c| c.name_str().into_owned()).collect();
    let names = columns::named(names, recording);
    cdr_of(names.iter().map(String::as_str).zip(row.unwrap_raw()))
}

/// Columns by name: an older table lacks some, a custom one has more.
pub fn cdr_of<'a>(columns: impl Iterator<Item = (&'a str, Option<Value>)>) -> CdrRow {
    let mut cdr = CdrRow::default();
    for (name, value) in columns {
        let Some(value) = value else { continue };
        match name {
            "calldate" => cdr.calldate = date_of(&value),
            "duration" => cdr.duration = integer_of(&value),
            "billsec" => cdr.billsec = integer_of(&value),
            "amaflags" => cdr.amaflags = integer_of(&value),
            "sequence" => cdr.sequence = integer_of(&value),
            _ => set_text(&mut cdr, name, text_of(value)),
        }
    }
    cdr
}

/// Sets a text column by its name; others are left.
pub fn set_text(cdr: &mut CdrRow, name: &str, text: String) {
    let field = match name {
        "clid" => &mut cdr.clid,
        "src" => &mut cdr.src,
        "dst" => &mut cdr.dst,
        "dcontext" => &mut cdr.dcontext,
        "channel" => &mut cdr.channel,
        "dstchannel" => &mut cdr.dstchannel,
        "lastapp" => &mut cdr.lastapp,
        "lastdata" => &mut cdr.lastdata,
        "disposition" => &mut cdr.disposition,
        "accountcode" => &mut cdr.accountcode,
        "uniqueid" => &mut cdr.uniqueid,
        "userfield" => &mut cdr.userfield,
        "did" => &mut cdr.did,
        "recordingfile" => &mut cdr.recordingfile,
        "cnum" => &mut cdr.cnum,
        "cnam" => &mut cdr.cnam,
        "outbound_cnum" => &mut cdr.outbound_cnum,
        "outbound_cnam" => &mut cdr.outbound_cnam,
        "dst_cnam" => &mut cdr.dst_cnam,
        "linkedid" => &mut cdr.linkedid,
        "peeraccount" => &mut cdr.peeraccount,
        _ => return,
    };
    *field = text;
}

fn text_of(value: Value) -> String {
    match value {
        Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Value::Int(n) => n.to_string(),
        Value::UInt(n) => n.to_string(),
        _ => String::new(),
    }
}

fn integer_of(value: &Value) -> i64 {
    match value {
        Value::Int(n) => *n,
        Value::UInt(n) => i64::try_from(*n).unwrap_or(i64::MAX),
        Value::Bytes(bytes) => std::str::from_utf8(bytes).ok().and_then(|s| s.parse().ok()).unwrap_or(0),
        _ => 0,
    }
}

/// `0000-00-00` is no date.
fn date_of(value: &Value) -> Option<NaiveDateTime> {
    match value {
        Value::Date(y, m, d, h, min, s, us) => NaiveDate::from_ymd_opt(
            i32::from(*y),
            u32::from(*m),
            u32::from(*d),
        )?
        .and_hms_micro_opt(u32::from(*h), u32::from(*min), u32::from(*s), *us),
        Value::Bytes(bytes) => {
            let text = std::str::from_utf8(bytes).ok()?;
            NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok()
        }
        _ => None,
    }
}
