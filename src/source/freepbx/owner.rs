//! Whose a file is that lies where no row says: the call's that names it so in another
//! place or with another extension; else the call's whose unique id stands in its name; else the one
//! call that had the parties of its name when the file was made.

use crate::call::Zone;
use crate::call::file_name::{Clues, NamedTime, clues, without_extension};
use crate::call::recording::is_audio_name;
use crate::call::zone::Reading;
use crate::store::found::LegOfCall;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Clocks, and the moment in which a dialplan thinks of a name.
const BESIDE_S: i64 = 10;
/// After a call's end its file is closed, and a script may convert it.
const CLOSED_WITHIN_S: i64 = 120;
/// Numbers of so many digits are one where the shorter ends the longer: with and without a country's code.
const WHOLE_NUMBER: usize = 7;

/// Calls among which a file's is looked for.
pub struct Calls<'a> {
    by_name: HashMap<&'a str, Option<&'a str>>,
    by_uniqueid: HashMap<&'a str, &'a str>,
    calls: BTreeMap<&'a str, &'a LegOfCall>,
}

/// The unique id without a system's name before it.
fn without_system(uniqueid: &str) -> &str {
    uniqueid.rsplit('-').next().unwrap_or(uniqueid)
}

/// The name that a row gives a recording, without folders and extension.
pub fn stem_of(recordingfile: &str) -> &str {
    let name = recordingfile.rsplit('/').next().unwrap_or_default();
    if is_audio_name(name) { without_extension(name) } else { name }
}

/// When the file's call was: in UTC, by its name, else by the file's last write.
pub fn time_of(clues: &Clues<'_>, mtime_s: i64, zone: &Zone) -> DateTime<Utc> {
    let named = clues.at.and_then(|at| match at {
        NamedTime::Utc(at) => Some(at),
        NamedTime::Local(at) => match zone.read(at)? {
            Reading::Once(at) | Reading::Twice(at, _) => Some(at),
            Reading::Never => Some(at.and_utc()),
        },
    });
    named.or_else(|| DateTime::from_timestamp(mtime_s, 0)).unwrap_or_default()
}

impl<'a> Calls<'a> {
    pub fn of(legs: &'a [LegOfCall]) -> Calls<'a> {
        let mut by_uniqueid = HashMap::new();
        for leg in legs {
            let linkedid = leg.linkedid.as_str();
            by_uniqueid.insert(without_system(linkedid), linkedid);
        }
        // A leg's own id is surer than a linked id that looks like it.
        for leg in legs {
            if let Some(uniqueid) = leg.uniqueid.as_deref().filter(|u| !u.is_empty()) {
                by_uniqueid.insert(without_system(uniqueid), leg.linkedid.as_str());
            }
        }
        // A name that several calls have tells nothing.
        let mut by_name: HashMap<&str, Option<&str>> = HashMap::new();
        for leg in legs {
            let stem = stem_of(leg.recordingfile.as_deref().unwrap_or_default());
            let named = by_name.entry(stem).or_insert(Some(&leg.linkedid));
            *named = named.filter(|linkedid| *linkedid == leg.linkedid && !stem.is_empty());
        }
        Calls { by_name, by_uniqueid, calls: legs.iter().map(|leg| (leg.linkedid.as_str(), leg)).collect() }
    }

    /// The linked id of the call that a file is of.
    pub fn owner(&self, file_name: &str, mtime_s: i64, zone: &Zone) -> Option<&'a str> {
        if let Some(Some(linkedid)) = self.by_name.get(without_extension(file_name)) {
            return Some(linkedid);
        }
        let clues = clues(file_name);
        if !clues.uniqueids.is_empty() {
            return clues.uniqueids.iter().find_map(|id| self.by_uniqueid.get(id).copied());
        }
        let at = time_of(&clues, mtime_s, zone);
        let after_s = if clues.at.is_some() { BESIDE_S } else { CLOSED_WITHIN_S };
        let fits = |call: &LegOfCall| {
            let begins = call.started_at - TimeDelta::seconds(BESIDE_S);
            let ends = call.started_at + TimeDelta::seconds(call.duration_s.max(0) + after_s);
            begins <= at && at <= ends
        };
        let calls = self.calls.values().filter(|call| fits(call));
        let scored: Vec<(usize, &str)> =
            calls.map(|call| (parties_in(call, &clues), call.linkedid.as_str())).collect();
        let most = scored.iter().map(|(score, _)| *score).max().filter(|most| *most > 0)?;
        let mut best = scored.into_iter().filter(|(score, _)| *score == most);
        let (_, linkedid) = best.next()?;
        // Two that fit alike: none is sure.
        best.next().is_none().then_some(linkedid)
    }
}

/// How many of the call's parties stand in the name.
fn parties_in(call: &LegOfCall, clues: &Clues<'_>) -> usize {
    let parties = [Some(&call.from_number), Some(&call.to_number), call.extension.as_ref()];
    let digits = |number: &String| number.chars().filter(char::is_ascii_digit).collect::<String>();
    let parties: BTreeSet<String> =
        parties.into_iter().flatten().map(digits).filter(|d| d.len() >= 2).collect();
    let is_one = |a: &str, b: &str| {
        let whole = a.len().min(b.len()) >= WHOLE_NUMBER;
        a == b || (whole && (a.ends_with(b) || b.ends_with(a)))
    };
    parties.iter().filter(|party| clues.numbers.iter().any(|number| is_one(number, party))).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(linkedid: &str, uniqueid: &str, at_s: i64, from: &str, to: &str) -> LegOfCall {
        LegOfCall {
            linkedid: linkedid.to_owned(),
            uniqueid: Some(uniqueid.to_owned()),
            recordingfile: None,
            started_at: DateTime::from_timestamp(at_s, 0).expect("a time"),
            duration_s: 60,
            from_number: from.to_owned(),
            to_number: to.to_owned(),
            extension: None,
        }
    }

    #[test]
    fn a_file_is_of_the_call_whose_id_or_whose_parties_and_time_its_name_has() {
        let at = 1_715_693_412; // 2024-05-14 13:30:12 UTC
        let mut legs = [
            leg("1715693412.34", "1715693412.34", at, "+15557654321", "201"),
            leg("1715693412.34", "pbx-1715693420.36", at, "+15557654321", "201"),
            leg("1715693440.40", "1715693440.40", at + 28, "15550001111", "202"),
            leg("1715693441.41", "1715693441.41", at + 29, "15550001111", "203"),
        ];
        legs[2].recordingfile = Some("/elsewhere/support call.wav49".to_owned());
        let calls = Calls::of(&legs);
        let zone = Zone::parse("America/New_York").expect("a zone");
        for (name, mtime_s, linkedid) in [
            ("auto-201-1715693412.34-done.wav", 0, Some("1715693412.34")),
            ("agent-1715693420.36_out.mp3", 0, Some("1715693412.34")),
            ("auto-201-1715693999.99-done.wav", at, None),
            // Its row names it, in another place.
            ("support call.WAV", 0, Some("1715693440.40")),
            ("support call 2.WAV", 0, None),
            // By the clock of the PBX.
            ("20240514-093015-5557654321-201.wav", 0, Some("1715693412.34")),
            ("20240514-133015-5557654321-201.wav", 0, None),
            ("20240514-093100-15550001111-203.wav", 0, Some("1715693441.41")),
            ("20240514-093100-15550001111.wav", 0, None),
            ("20240514-093015.wav", 0, None),
            // By the file's last write.
            ("rec 202 (copy).wav", at + 100, Some("1715693440.40")),
            ("rec 202 (copy).wav", at + 4_000, None),
            ("rec 2020.wav", at + 100, None),
        ] {
            assert_eq!(calls.owner(name, mtime_s, &zone), linkedid, "{name}");
        }
    }
}
