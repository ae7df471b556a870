//! Legs as the source's rows told them.

use super::register::ROWS;
use super::{Result, Store, read};
use crate::call::CdrRow;
use std::collections::HashSet;

/// Keeps rows; a newer reading replaces an older one, and never the other way round.
macro_rules! save_legs {
    ($tx:expr, $rows:expr) => {{
        for part in $rows.chunks(ROWS) {
            let mut query =
                sqlx::QueryBuilder::new("INSERT INTO legs (tenant, pbx, identity, linkedid, cdr, version) ");
            query.push_values(part, |mut tuple, row| {
                let (tenant, pbx, identity) = row.leg();
                tuple.push_bind(tenant).push_bind(pbx).push_bind(identity);
                tuple.push_bind(row.key.linkedid.as_str()).push_bind(sqlx::types::Json(row.row));
                tuple.push_bind(row.version);
            });
            query.push(
                " ON CONFLICT (tenant, pbx, identity) DO UPDATE SET cdr = excluded.cdr, version = excluded.version
                 WHERE legs.version <= excluded.version",
            );
            query.build().persistent(false).execute(&mut *$tx).await?;
        }
    }};
}

/// A leg as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub row: CdrRow,
    pub version: i64,
}

/// The legs that calls have so far, by call id and identity.
macro_rules! legs_of {
    ($tx:expr, $calls:expr) => {{
        let mut legs: HashMap<String, BTreeMap<String, Kept>> = HashMap::new();
        for part in $calls.chunks(ROWS) {
            let mut query = sqlx::QueryBuilder::new("WITH k (id, tenant, pbx, linkedid) AS (");
            query.push_values(part, |mut tuple, (id, key, _)| {
                tuple.push_bind(id.as_str()).push_bind(key.tenant.as_str());
                tuple.push_bind(key.pbx.as_str()).push_bind(key.linkedid.as_str());
            });
            query.push(
                ") SELECT k.id, l.identity, l.cdr, l.version FROM k CROSS JOIN legs l
                 WHERE l.tenant = k.tenant AND l.pbx = k.pbx AND l.linkedid = k.linkedid",
            );
            let found: Vec<(String, String, sqlx::types::Json<CdrRow>, i64)> =
                query.build_query_as().persistent(false).fetch_all(&mut *$tx).await?;
            for (id, identity, cdr, version) in found {
                legs.entry(id).or_default().insert(identity, Kept { row: cdr.0, version });
            }
        }
        legs
    }};
}

pub(crate) use {legs_of, save_legs};

impl Store {
    /// Those of `rows` (identity, recordingfile) that are known, with this
    /// recording: what a source that re-reads need not publish again. A row whose
    /// recording was renamed since (a script that makes an MP3 of it and says so
    /// in the row) is news.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn known_rows(
        &self,
        tenant: &str,
        pbx: &str,
        rows: &[(String, &str)],
    ) -> Result<HashSet<String>> {
        let mut known = HashSet::new();
        for part in rows.chunks(ROWS) {
            let found: Vec<String> = read!(self, |pool| {
                let mut query = sqlx::QueryBuilder::new("WITH k (identity, file) AS (");
                query.push_values(part, |mut tuple, (identity, file)| {
                    tuple.push_bind(identity.as_str()).push_bind(*file);
                });
                // SQLite joins as it is written where it says CROSS: from the few to the many.
                query.push(") SELECT l.identity FROM k CROSS JOIN legs l WHERE l.tenant = ");
                query.push_bind(tenant).push(" AND l.pbx = ").push_bind(pbx);
                query.push(" AND l.identity = k.identity AND l.cdr ->> 'recordingfile' = k.file");
                query.build_query_scalar().persistent(false).fetch_all(pool).await?
            });
            known.extend(found);
        }
        Ok(known)
    }
}
