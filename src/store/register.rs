//! CDR rows by the hundred: their legs, calls and recordings in a handful of
//! statements, so that years of history are read in minutes.

use super::calls::NamedRecording;
use super::{Result, Store, now, read, write_tx};
use crate::call::{Call, CallKey, CdrRow, Segment};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Rows of one statement: SQLite takes 32,766 parameters.
pub(crate) const ROWS: usize = 1_000;

/// A row on its way into the store.
#[derive(Clone, Debug)]
pub struct Registration<'a> {
    pub key: &'a CallKey,
    pub source: &'a str,
    pub identity: &'a str,
    pub row: &'a CdrRow,
    /// The recording that it names.
    pub recording_id: Option<String>,
}

/// A recording that the bus does not have yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Unsent {
    pub call: CallKey,
    pub recording: NamedRecording,
}

/// A call with its recordings, as its legs tell them.
pub(crate) struct Assembled<'a> {
    pub key: &'a CallKey,
    pub id: String,
    pub source: &'a str,
    pub call: Call,
    pub recordings: Vec<NamedRecording>,
}

type LegKey<'a> = (&'a str, &'a str, &'a str);

impl<'a> Registration<'a> {
    fn leg(&self) -> LegKey<'a> {
        (self.key.tenant.as_str(), self.key.pbx.as_str(), self.identity)
    }
}

/// Of several readings of one row, the last; in one order everywhere, so that
/// two processes that write the same rows do not wait for each other in a ring.
fn latest<'a>(rows: &'a [Registration<'a>]) -> Vec<&'a Registration<'a>> {
    rows.iter().map(|r| (r.leg(), r)).collect::<BTreeMap<_, _>>().into_values().collect()
}

/// The calls of the rows, each once, by id.
fn calls_of<'a>(rows: &[&'a Registration<'a>]) -> Vec<(String, &'a CallKey, &'a str)> {
    let calls: BTreeMap<String, (&CallKey, &str)> =
        rows.iter().map(|r| (r.key.call_id(), (r.key, r.source))).collect();
    calls.into_iter().map(|(id, (key, source))| (id, key, source)).collect()
}

/// Which of these legs are there already.
macro_rules! known_legs {
    ($tx:expr, $rows:expr) => {{
        let mut known: HashSet<(String, String, String)> = HashSet::new();
        for part in $rows.chunks(ROWS) {
            let mut query = sqlx::QueryBuilder::new("WITH k (tenant, pbx, identity) AS (");
            query.push_values(part, |mut tuple, row| {
                let (tenant, pbx, identity) = row.leg();
                tuple.push_bind(tenant).push_bind(pbx).push_bind(identity);
            });
            query.push(
                ") SELECT l.tenant, l.pbx, l.identity FROM k
                 JOIN legs l ON l.tenant = k.tenant AND l.pbx = k.pbx AND l.identity = k.identity",
            );
            let found: Vec<(String, String, String)> =
                query.build_query_as().persistent(false).fetch_all(&mut *$tx).await?;
            known.extend(found);
        }
        known
    }};
}

/// A new leg that names a recording after its redaction ended (a call picked up
/// again from park, an attended transfer: Asterisk appends to the same file)
/// has it sent once more.
macro_rules! send_grown_again {
    ($tx:expr, $rows:expr) => {{
        let naming: Vec<&Registration<'_>> =
            $rows.iter().filter(|r| r.recording_id.is_some()).copied().collect();
        let known = known_legs!($tx, naming);
        let is_known = |r: &Registration<'_>| {
            let (tenant, pbx, identity) = r.leg();
            known.contains(&(tenant.to_owned(), pbx.to_owned(), identity.to_owned()))
        };
        let grown: Vec<&Registration<'_>> = naming.iter().filter(|r| !is_known(r)).copied().collect();
        for part in grown.chunks(ROWS) {
            let mut query = sqlx::QueryBuilder::new("UPDATE recordings SET published = ");
            query.push_bind(false).push(
                " WHERE redaction_status IN ('completed', 'not_needed', 'dry_run', 'failed') AND (tenant, id) IN (",
            );
            query.push_values(part, |mut tuple, row| {
                tuple.push_bind(row.key.tenant.as_str()).push_bind(row.recording_id.clone());
            });
            query.push(")").build().persistent(false).execute(&mut *$tx).await?;
        }
    }};
}

macro_rules! save_legs {
    ($tx:expr, $rows:expr) => {{
        for part in $rows.chunks(ROWS) {
            let mut query =
                sqlx::QueryBuilder::new("INSERT INTO legs (tenant, pbx, identity, linkedid, cdr) ");
            query.push_values(part, |mut tuple, row| {
                let (tenant, pbx, identity) = row.leg();
                tuple.push_bind(tenant).push_bind(pbx).push_bind(identity);
                tuple.push_bind(row.key.linkedid.as_str()).push_bind(sqlx::types::Json(row.row));
            });
            query.push(" ON CONFLICT (tenant, pbx, identity) DO UPDATE SET cdr = excluded.cdr");
            query.build().persistent(false).execute(&mut *$tx).await?;
        }
    }};
}

/// Every leg of the calls, by call id.
macro_rules! legs_of {
    ($tx:expr, $calls:expr) => {{
        let mut legs: HashMap<String, Vec<CdrRow>> = HashMap::new();
        for part in $calls.chunks(ROWS) {
            let mut query = sqlx::QueryBuilder::new("WITH k (id, tenant, pbx, linkedid) AS (");
            query.push_values(part, |mut tuple, (id, key, _)| {
                tuple.push_bind(id.as_str()).push_bind(key.tenant.as_str());
                tuple.push_bind(key.pbx.as_str()).push_bind(key.linkedid.as_str());
            });
            query.push(
                ") SELECT k.id, l.cdr FROM k
                 JOIN legs l ON l.tenant = k.tenant AND l.pbx = k.pbx AND l.linkedid = k.linkedid",
            );
            let found: Vec<(String, sqlx::types::Json<CdrRow>)> =
                query.build_query_as().persistent(false).fetch_all(&mut *$tx).await?;
            for (id, cdr) in found {
                legs.entry(id).or_default().push(cdr.0);
            }
        }
        legs
    }};
}

/// Keeps calls and their recordings inside a transaction; what was not yet sent to the bus.
macro_rules! save_calls {
    ($tx:expr, $calls:expr) => {{
        let calls: &[Assembled<'_>] = $calls;
        let at = now();
        for part in calls.chunks(ROWS) {
            let mut query = sqlx::QueryBuilder::new(
                "INSERT INTO calls (id, tenant, pbx, source, linkedid, started_at, duration_s, direction,
                   disposition, from_number, to_number, extension, status, redaction_status, redacted,
                   redacted_segments, updated_at) ",
            );
            query.push_values(part, |mut tuple, a| {
                tuple.push_bind(a.id.as_str()).push_bind(a.key.tenant.as_str()).push_bind(a.key.pbx.as_str());
                tuple.push_bind(a.source).push_bind(a.key.linkedid.as_str());
                tuple.push_bind(a.call.started_at.unwrap_or_default()).push_bind(a.call.duration_s);
                tuple.push_bind(a.call.direction.as_str()).push_bind(a.call.disposition.as_str());
                tuple.push_bind(a.call.from.as_str()).push_bind(a.call.to.as_str());
                tuple.push_bind(a.call.extension.as_deref()).push_bind("pending").push_bind("pending");
                tuple.push_bind(false).push_bind(sqlx::types::Json(Vec::<Segment>::new())).push_bind(at);
            });
            query.push(
                " ON CONFLICT (id) DO UPDATE SET started_at = excluded.started_at,
                   duration_s = excluded.duration_s, direction = excluded.direction,
                   disposition = excluded.disposition, from_number = excluded.from_number,
                   to_number = excluded.to_number, extension = excluded.extension",
            );
            query.build().persistent(false).execute(&mut *$tx).await?;
        }
        let published = save_recordings!($tx, calls, at);
        let settled: Vec<(&str, &str)> =
            calls.iter().map(|a| (a.id.as_str(), a.call.disposition.as_str())).collect();
        settle_calls!($tx, &settled);
        let unsent = calls.iter().flat_map(|a| a.recordings.iter().map(|r| (a.key, r)));
        unsent
            .filter(|(_, r)| r.path.is_ok() && !published.get(&r.id).copied().unwrap_or(false))
            .map(|(key, r)| Unsent { call: key.clone(), recording: r.clone() })
            .collect::<Vec<_>>()
    }};
}

/// Keeps the calls' recordings and whose they are; whether each was sent to the bus.
macro_rules! save_recordings {
    ($tx:expr, $calls:expr, $at:expr) => {{
        let all: BTreeMap<&str, (&CallKey, &NamedRecording)> =
            $calls.iter().flat_map(|a| a.recordings.iter().map(|r| (r.id.as_str(), (a.key, r)))).collect();
        let all: Vec<(&CallKey, &NamedRecording)> = all.into_values().collect();
        let mut published: HashMap<String, bool> = HashMap::new();
        for part in all.chunks(ROWS) {
            let mut query = sqlx::QueryBuilder::new(
                "INSERT INTO recordings (id, tenant, pbx, recordingfile, path, published, redaction_status,
                   redacted, redacted_segments, detail, muted_s, elapsed_ms, updated_at) ",
            );
            query.push_values(part, |mut tuple, (key, r)| {
                tuple.push_bind(r.id.as_str()).push_bind(key.tenant.as_str()).push_bind(key.pbx.as_str());
                tuple.push_bind(r.recordingfile.as_str()).push_bind(r.path.as_deref().ok()).push_bind(false);
                tuple.push_bind(if r.path.is_ok() { "pending" } else { "failed" }).push_bind(false);
                tuple.push_bind(sqlx::types::Json(Vec::<Segment>::new()));
                tuple.push_bind(r.path.as_ref().err().map(String::as_str));
                tuple.push_bind(0.0_f64).push_bind(0_i64).push_bind($at);
            });
            query.push(" ON CONFLICT (id) DO UPDATE SET id = excluded.id RETURNING id, published");
            let rows: Vec<(String, bool)> =
                query.build_query_as().persistent(false).fetch_all(&mut *$tx).await?;
            published.extend(rows);
        }
        let named: Vec<(&str, &str)> =
            $calls.iter().flat_map(|a| a.recordings.iter().map(|r| (a.id.as_str(), r.id.as_str()))).collect();
        for part in named.chunks(ROWS) {
            let mut query = sqlx::QueryBuilder::new("INSERT INTO call_recordings (call_id, recording_id) ");
            query.push_values(part, |mut tuple, (call, recording)| {
                tuple.push_bind(*call).push_bind(*recording);
            });
            query.push(" ON CONFLICT DO NOTHING").build().persistent(false).execute(&mut *$tx).await?;
        }
        published
    }};
}

/// Decides calls' status from their recordings, inside a transaction that has
/// locked the calls' rows: `(call id, disposition)` each.
macro_rules! settle_calls {
    ($tx:expr, $calls:expr) => {{
        let calls: &[(&str, &str)] = $calls;
        for part in calls.chunks($crate::store::register::ROWS) {
            let mut query = sqlx::QueryBuilder::new(
                "SELECT c.call_id, r.redaction_status, r.redacted_segments, r.redacted_at, r.detail
                 FROM call_recordings c JOIN recordings r ON r.id = c.recording_id WHERE c.call_id IN (",
            );
            let mut ids = query.separated(", ");
            for (id, _) in part {
                ids.push_bind(*id);
            }
            query.push(") ORDER BY r.id");
            let found: Vec<$crate::store::recordings::StateOfCall> =
                query.build_query_as().persistent(false).fetch_all(&mut *$tx).await?;
            let settled = $crate::store::calls::settled(part, found);
            let mut query = sqlx::QueryBuilder::new(
                "WITH v (id, status, redaction, detail, summary, redacted, segments, at, now) AS (",
            );
            query.push_values(&settled, |mut tuple, s| {
                tuple.push_bind(s.call_id.as_str()).push_bind(s.status.status).push_bind(s.status.redaction);
                tuple.push_bind(s.status.detail.as_deref()).push_bind(s.status.summary);
                tuple.push_bind(s.redacted).push_bind(sqlx::types::Json(&s.segments));
                tuple.push_bind(s.redacted_at).push_bind($crate::store::now());
            });
            query.push(
                ") UPDATE calls SET status = v.status, redaction_status = v.redaction, detail = v.detail,
                   summary = COALESCE(v.summary, CASE WHEN calls.summary = 'Unanswered call' THEN NULL ELSE calls.summary END),
                   redacted = v.redacted, redacted_segments = v.segments, redacted_at = v.at, updated_at = v.now
                 FROM v WHERE calls.id = v.id",
            );
            query.build().persistent(false).execute(&mut *$tx).await?;
        }
    }};
}

pub(crate) use settle_calls;

impl Store {
    /// Keeps rows (a newer reading replaces an older one) and the calls that
    /// `assemble` makes of all their legs, in one transaction; answers with the
    /// recordings that were not yet sent to the bus.
    ///
    /// # Errors
    /// When the database fails: then none of them is kept.
    pub async fn register(
        &self,
        rows: &[Registration<'_>],
        assemble: impl Fn(&CallKey, &[CdrRow]) -> (Call, Vec<NamedRecording>),
    ) -> Result<Vec<Unsent>> {
        let rows = latest(rows);
        let calls = calls_of(&rows);
        Ok(write_tx!(self, |tx| {
            send_grown_again!(tx, rows);
            save_legs!(tx, rows);
            let legs = legs_of!(tx, calls);
            let assembled: Vec<Assembled<'_>> = calls
                .iter()
                .map(|(id, key, source)| {
                    let (call, recordings) = assemble(key, legs.get(id).map_or(&[], Vec::as_slice));
                    Assembled { key, id: id.clone(), source, call, recordings }
                })
                .collect();
            save_calls!(tx, &assembled)
        }))
    }

    /// Keeps a call and every recording it names, without a leg.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_call(
        &self,
        key: &CallKey,
        source: &str,
        call: &Call,
        recordings: &[NamedRecording],
    ) -> Result<Vec<Unsent>> {
        let (id, call, recordings) = (key.call_id(), call.clone(), recordings.to_vec());
        let assembled = [Assembled { key, id, source, call, recordings }];
        Ok(write_tx!(self, |tx| save_calls!(tx, &assembled)))
    }

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
                query.push(
                    ") SELECT l.identity FROM k JOIN legs l ON l.identity = k.identity AND l.tenant = ",
                );
                query.push_bind(tenant).push(" AND l.pbx = ").push_bind(pbx);
                query.push(" WHERE l.cdr ->> 'recordingfile' = k.file");
                query.build_query_scalar().persistent(false).fetch_all(pool).await?
            });
            known.extend(found);
        }
        Ok(known)
    }
}
