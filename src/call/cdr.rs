//! One row of `asteriskcdrdb.cdr`, as FreePBX 16 writes it (26 columns).

use super::zone::{Reading, Zone};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A call detail record: one leg's row. Columns that an older table lacks are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CdrRow {
    /// Start of the leg in the PBX's local time; `None` for `0000-00-00`.
    pub calldate: Option<NaiveDateTime>,
    pub clid: String,
    pub src: String,
    pub dst: String,
    pub dcontext: String,
    pub channel: String,
    pub dstchannel: String,
    pub lastapp: String,
    pub lastdata: String,
    /// Seconds from the leg's start to its end.
    pub duration: i64,
    /// Seconds from the answer to the end.
    pub billsec: i64,
    pub disposition: String,
    pub amaflags: i64,
    pub accountcode: String,
    pub uniqueid: String,
    pub userfield: String,
    pub did: String,
    pub recordingfile: String,
    pub cnum: String,
    pub cnam: String,
    pub outbound_cnum: String,
    pub outbound_cnam: String,
    pub dst_cnam: String,
    pub linkedid: String,
    pub peeraccount: String,
    pub sequence: i64,
}

impl CdrRow {
    /// What tells this row from every other: (uniqueid, sequence). Where the
    /// table is older than `sequence`, a hash of all columns.
    pub fn identity(&self) -> String {
        if self.sequence > 0 && !self.uniqueid.is_empty() {
            return format!("{}#{}", self.uniqueid, self.sequence);
        }
        let all = serde_json::to_vec(self).unwrap_or_default();
        let short = &Sha256::digest(&all)[..12];
        format!("{}#{}", self.uniqueid, hex::encode(short))
    }

    /// The linked id; an empty one (rows from before 2017) is the row's own
    /// uniqueid, and a row that has neither is a call by itself.
    pub fn linkedid(&self) -> String {
        if !self.linkedid.is_empty() {
            self.linkedid.clone()
        } else if !self.uniqueid.is_empty() {
            self.uniqueid.clone()
        } else {
            self.identity()
        }
    }

    /// A row that the sweep of the folders made of a file: it says which file is of which call, and
    /// nothing of the call itself where its own rows are known.
    pub fn is_of_file(&self) -> bool {
        self.channel.is_empty() && self.lastapp == OF_FILE
    }

    /// When the leg began. The uniqueid's integer part is the channel's UTC
    /// epoch, which tells the two passes of a repeated DST hour apart; only the
    /// offset is taken from it, since a later leg of a channel begins later.
    pub fn started_at(&self, zone: &Zone) -> Option<DateTime<Utc>> {
        let epoch = epoch_of(&self.uniqueid);
        let Some(local) = self.calldate else { return epoch };
        let near = |t: DateTime<Utc>| epoch.map_or(0, |e| (t - e).num_seconds().abs());
        match zone.read(local) {
            Some(Reading::Once(t)) => Some(t),
            Some(Reading::Twice(a, b)) => Some(if near(b) < near(a) { b } else { a }),
            Some(Reading::Never) | None => epoch.or_else(|| Some(local.and_utc())),
        }
    }

    /// When the leg ended: start + duration.
    pub fn ended_at(&self, zone: &Zone) -> Option<DateTime<Utc>> {
        Some(self.started_at(zone)? + TimeDelta::try_seconds(self.duration.max(0))?)
    }
}

/// [`CdrRow::lastapp`] of rows that were made of files.
pub const OF_FILE: &str = "MixMonitor";

/// The epoch second in a uniqueid: `1715693412.34` or `systemname-1715693412.34`.
pub fn epoch_of(uniqueid: &str) -> Option<DateTime<Utc>> {
    let (whole, _) = uniqueid.rsplit_once('.')?;
    let digits = whole.rsplit_once('-').map_or(whole, |(_, d)| d);
    DateTime::from_timestamp(digits.parse().ok()?, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_linkedid_is_the_uniqueid_and_a_row_with_neither_is_its_own_call() {
        let row = CdrRow { uniqueid: "1.2".into(), ..CdrRow::default() };
        assert_eq!(row.linkedid(), "1.2");
        let bare = CdrRow { src: "100".into(), ..CdrRow::default() };
        let other = CdrRow { src: "101".into(), ..CdrRow::default() };
        assert!(!bare.linkedid().is_empty());
        assert_ne!(bare.linkedid(), other.linkedid());
    }

    #[test]
    fn the_repeated_hour_of_dst_is_told_apart_by_the_uniqueid() {
        let zone = Zone::parse("America/New_York").expect("a zone");
        let at = |uniqueid: &str| {
            let calldate = "2024-11-03T01:30:00".parse().ok();
            CdrRow { calldate, uniqueid: uniqueid.into(), ..CdrRow::default() }
                .started_at(&zone)
                .expect("a start")
                .timestamp()
        };
        assert_eq!(at("1730611800.1"), 1_730_611_800);
        assert_eq!(at("pbx-1730615400.9"), 1_730_615_400);
    }
}
