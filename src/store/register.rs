//! CDR rows by the hundred: their legs, calls and recordings in a handful of
//! statements, so that years of history are read in minutes.

use super::calls::{CallStatus, NamedRecording, settle_call, status_of};
use super::legs::{Kept, legs_of, save_legs};
use super::recordings::RecordingState;
use super::{Result, Store, now, write_tx};
use crate::call::{Call, CallKey, CdrRow};
use sqlx::types::Json;
use std::collections::{BTreeMap, HashMap};

/// Rows of one statement: SQLite takes 32,766 parameters.
pub(crate) const ROWS: usize = 1_000;

/// A row on its way into the store.
#[derive(Clone, Debug)]
pub struct Registration<'a> {
    pub key: &'a CallKey,
    pub source: &'a str,
    pub identity: &'a str,
    pub row: &'a CdrRow,
    /// Of two readings of one row, the greater is the newer.
    pub version: i64,
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

/// Of several readings of one row, the newest; in one order everywhere, so that
/// two processes that write the same rows do not wait for each other in a ring.
fn latest<'a>(rows: &'a [Registration<'a>]) -> Vec<&'a Registration<'a>> {
    let mut newest: BTreeMap<LegKey<'a>, &Registration<'a>> = BTreeMap::new();
    for row in rows {
        let kept = newest.entry(row.leg()).or_insert(row);
        if kept.version <= row.version {
            *kept = row;
        }
    }
    newest.into_values().collect()
}

/// The calls of the rows, each once, by id.
fn calls_of<'a>(rows: &[&'a Registration<'a>]) -> Vec<(String, &'a CallKey, &'a str)> {
    let calls: BTreeMap<String, (&CallKey, &str)> =
        rows.iter().map(|r| (r.key.call_id(), (r.key, r.source))).collect();
    calls.into_iter().map(|(id, (key, source))| (id, key, source)).collect()
}

/// The calls as their legs of before and of now tell them: of each leg, the newest reading.
fn assembled<'a>(
    rows: &[&'a Registration<'a>],
    calls: &[(String, &'a CallKey, &'a str)],
    before: &HashMap<String, BTreeMap<String, Kept>>,
    assemble: impl Fn(&CallKey, &[&CdrRow]) -> (Call, Vec<NamedRecording>),
) -> Vec<Assembled<'a>> {
    let mut legs: HashMap<&CallKey, BTreeMap<&str, (i64, &CdrRow)>> = HashMap::new();
    for (id, key, _) in calls {
        let known = before.get(id).into_iter().flatten();
        let known = known.map(|(identity, kept)| (identity.as_str(), (kept.version, &kept.row)));
        legs.entry(key).or_default().extend(known);
    }
    for row in rows {
        let leg = legs.entry(row.key).or_default().entry(row.identity).or_insert((row.version, row.row));
        if leg.0 <= row.version {
            *leg = (row.version, row.row);
        }
    }
    let call = |(id, key, source): &(String, &'a CallKey, &'a str)| {
        let legs: Vec<&CdrRow> =
            legs.get(key).into_iter().flat_map(|l| l.values().map(|(_, row)| *row)).collect();
        let (call, recordings) = assemble(key, &legs);
        Assembled { key, id: id.clone(), source, call, recordings }
    };
    calls.iter().map(call).collect()
}

/// The calls' recordings, each once, by id: all write them in one order.
fn recordings_of<'a>(calls: &[&'a Assembled<'_>]) -> Vec<(&'a CallKey, &'a NamedRecording)> {
    let named = calls.iter().flat_map(|a| a.recordings.iter().map(|r| (r.id.as_str(), (a.key, r))));
    named.collect::<BTreeMap<_, _>>().into_values().collect()
}

/// The recordings that the bus does not have, each for every call that names it.
fn unsent<'a>(
    calls: &[&'a Assembled<'_>],
    published: &'a HashMap<String, bool>,
) -> impl Iterator<Item = Unsent> {
    let named = calls.iter().flat_map(|a| a.recordings.iter().map(|r| (a.key, r)));
    let unsent = named
        .filter(|(_, r)| r.path.is_ok() && !published.get(&r.id).copied().unwrap_or(false))
        .map(|(key, r)| Unsent { call: key.clone(), recording: r.clone() });
    unsent.collect::<Vec<_>>().into_iter()
}

/// What a call says of which no recording was looked at yet.
fn settled_as_new(call: &Assembled<'_>) -> CallStatus {
    let state = |r: &NamedRecording| RecordingState {
        redaction_status: status_as_new(r).to_owned(),
        redacted_segments: Json(Vec::new()),
        redacted_at: None,
        detail: r.path.as_ref().err().cloned(),
    };
    let states: Vec<RecordingState> = call.recordings.iter().map(state).collect();
    status_of(call.call.disposition.as_str(), &states)
}

fn status_as_new(recording: &NamedRecording) -> &'static str {
    if recording.path.is_ok() { "pending" } else { "failed" }
}

/// A new leg that names a recording after its redaction ended (a call picked up
/// again from park, an attended transfer: Asterisk appends to the same file)
/// has it sent once more.
macro_rules! send_grown_again {
    ($tx:expr, $new_legs:expr) => {{
        let naming: Vec<(&str, &str)> =
            $new_legs.filter_map(|r| Some((r.key.tenant.as_str(), r.recording_id.as_deref()?))).collect();
        for part in naming.chunks(ROWS) {
            let mut query = sqlx::QueryBuilder::new("WITH v (tenant, id) AS (");
            query.push_values(part, |mut tuple, (tenant, id)| {
                tuple.push_bind(*tenant).push_bind(*id);
            });
            query.push(
                ") UPDATE recordings SET published = FALSE FROM v
                 WHERE recordings.id = v.id AND recordings.tenant = v.tenant
                   AND redaction_status IN ('completed', 'not_needed', 'dry_run', 'failed')",
            );
            query.build().persistent(false).execute(&mut *$tx).await?;
        }
    }};
}

/// An INSERT of recordings that nobody has looked at.
macro_rules! insert_of_recordings {
    ($part:expr, $at:expr) => {{
        let mut query = sqlx::QueryBuilder::new(
            "INSERT INTO recordings (id, tenant, pbx, recordingfile, path, redaction_status, detail, updated_at,
               published, redacted, redacted_segments, muted_s, elapsed_ms) ",
        );
        query.push_values($part, |mut tuple, (key, r)| {
            tuple.push_bind(r.id.as_str()).push_bind(key.tenant.as_str()).push_bind(key.pbx.as_str());
            tuple.push_bind(r.recordingfile.as_str()).push_bind(r.path.as_deref().ok());
            tuple.push_bind(status_as_new(r)).push_bind(r.path.as_ref().err().map(String::as_str));
            tuple.push_bind($at).push("FALSE, FALSE, '[]', 0, 0");
        });
        query
    }};
}

/// An INSERT of calls as new.
macro_rules! insert_of_calls {
    ($part:expr, $at:expr) => {{
        let mut query = sqlx::QueryBuilder::new(
            "INSERT INTO calls (id, tenant, pbx, source, linkedid, started_at, duration_s, direction,
               disposition, from_number, to_number, extension, status, redaction_status, detail, summary,
               updated_at, redacted, redacted_segments) ",
        );
        query.push_values($part, |mut tuple, a| {
            tuple.push_bind(a.id.as_str()).push_bind(a.key.tenant.as_str()).push_bind(a.key.pbx.as_str());
            tuple.push_bind(a.source).push_bind(a.key.linkedid.as_str());
            tuple.push_bind(a.call.started_at.unwrap_or_default()).push_bind(a.call.duration_s);
            tuple.push_bind(a.call.direction.as_str()).push_bind(a.call.disposition.as_str());
            tuple.push_bind(a.call.from.as_str()).push_bind(a.call.to.as_str());
            let new = settled_as_new(a);
            tuple.push_bind(a.call.extension.as_deref()).push_bind(new.status).push_bind(new.redaction);
            tuple.push_bind(new.detail).push_bind(new.summary).push_bind($at).push("FALSE, '[]'");
        });
        query
    }};
}

/// Keeps whose the recordings are.
macro_rules! save_call_recordings {
    ($tx:expr, $calls:expr) => {{
        let named: Vec<(&str, &str)> =
            $calls.iter().flat_map(|a| a.recordings.iter().map(|r| (a.id.as_str(), r.id.as_str()))).collect();
        for part in named.chunks(ROWS) {
            let mut query = sqlx::QueryBuilder::new("INSERT INTO call_recordings (call_id, recording_id) ");
            query.push_values(part, |mut tuple, (call, recording)| {
                tuple.push_bind(*call).push_bind(*recording);
            });
            query.push(" ON CONFLICT DO NOTHING").build().persistent(false).execute(&mut *$tx).await?;
        }
    }};
}

/// Keeps calls of which nothing was known, nor of their recordings; `false` when
/// something was, and they are to be saved as known ones.
macro_rules! save_new_calls {
    ($tx:expr, $calls:expr) => {{
        let (calls, at): (&[&Assembled<'_>], _) = ($calls, now());
        let recordings = recordings_of(calls);
        let mut kept = 0;
        for part in recordings.chunks(ROWS) {
            let mut query = insert_of_recordings!(part, at);
            query.push(" ON CONFLICT DO NOTHING");
            kept += query.build().persistent(false).execute(&mut *$tx).await?.rows_affected();
        }
        for part in calls.chunks(ROWS) {
            let mut query = insert_of_calls!(part, at);
            query.push(" ON CONFLICT DO NOTHING");
            kept += query.build().persistent(false).execute(&mut *$tx).await?.rows_affected();
        }
        let all_new = kept == (recordings.len() + calls.len()) as u64;
        if all_new {
            save_call_recordings!($tx, calls);
        }
        all_new
    }};
}

/// Keeps the calls' recordings; which of them were sent to the bus.
macro_rules! save_recordings {
    ($tx:expr, $calls:expr, $at:expr) => {{
        let mut published: HashMap<String, bool> = HashMap::new();
        for part in recordings_of($calls).chunks(ROWS) {
            let mut query = insert_of_recordings!(part, $at);
            query.push(" ON CONFLICT (id) DO UPDATE SET id = excluded.id RETURNING id, published");
            let rows: Vec<(String, bool)> =
                query.build_query_as().persistent(false).fetch_all(&mut *$tx).await?;
            published.extend(rows);
        }
        published
    }};
}

/// Keeps calls and their recordings inside a transaction; which of the
/// recordings were sent to the bus.
///
/// The recordings come first and are locked, as where one's outcome is noted:
/// whichever of the two is second sees the other's.
macro_rules! save_calls {
    ($tx:expr, $calls:expr) => {{
        let (calls, at): (&[&Assembled<'_>], _) = ($calls, now());
        let published = save_recordings!($tx, calls, at);
        for part in calls.chunks(ROWS) {
            let mut query = insert_of_calls!(part, at);
            query.push(
                " ON CONFLICT (id) DO UPDATE SET started_at = excluded.started_at,
                   duration_s = excluded.duration_s, direction = excluded.direction,
                   disposition = excluded.disposition, from_number = excluded.from_number,
                   to_number = excluded.to_number, extension = excluded.extension",
            );
            query.build().persistent(false).execute(&mut *$tx).await?;
        }
        save_call_recordings!($tx, calls);
        let settled: Vec<(&str, &str)> =
            calls.iter().map(|a| (a.id.as_str(), a.call.disposition.as_str())).collect();
        settle_calls!($tx, &settled);
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
    /// Keeps rows (a newer reading replaces an older one, whichever comes first) and the calls that
    /// `assemble` makes of all their legs, in one transaction; answers with the
    /// recordings that were not yet sent to the bus.
    ///
    /// # Errors
    /// When the database fails: then none of them is kept.
    pub async fn register(
        &self,
        rows: &[Registration<'_>],
        assemble: impl Fn(&CallKey, &[&CdrRow]) -> (Call, Vec<NamedRecording>),
    ) -> Result<Vec<Unsent>> {
        let rows = latest(rows);
        let calls = calls_of(&rows);
        Ok(write_tx!(self, |tx| {
            let before = legs_of!(tx, calls);
            save_legs!(tx, rows);
            let all = assembled(&rows, &calls, &before, &assemble);
            let (mut known, new): (Vec<_>, Vec<_>) = all.iter().partition(|a| before.contains_key(&a.id));
            let none = HashMap::new();
            let mut out = Vec::new();
            if new.is_empty() || !save_new_calls!(tx, &new) {
                known = all.iter().collect();
            } else {
                out.extend(unsent(&new, &none));
            }
            if !known.is_empty() {
                let is_new = |r: &&Registration<'_>| {
                    !before.get(&r.key.call_id()).is_some_and(|legs| legs.contains_key(r.identity))
                };
                send_grown_again!(tx, rows.iter().copied().filter(is_new));
                let published = save_calls!(tx, &known);
                out.extend(unsent(&known, &published));
            }
            out
        }))
    }

    /// Keeps a call and every recording it names, without a leg. A call that is known stays as its
    /// legs tell it.
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
        let assembled = Assembled { key, id, source, call, recordings };
        let calls = [&assembled];
        let published = write_tx!(self, |tx| {
            let at = now();
            let published = save_recordings!(tx, &calls, at);
            let mut query = insert_of_calls!(&calls, at);
            query.push(" ON CONFLICT DO NOTHING").build().persistent(false).execute(&mut *tx).await?;
            save_call_recordings!(tx, calls);
            settle_call!(tx, &assembled.id);
            published
        });
        Ok(unsent(&[&assembled], &published).collect())
    }
}
