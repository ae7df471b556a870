//! From legs to the call that a person made.

use super::cdr::CdrRow;
use super::direction::{Direction, is_local, peer};
use super::disposition::Disposition;
use super::zone::Zone;
use chrono::{DateTime, Utc};

/// A call as its legs tell it so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub started_at: Option<DateTime<Utc>>,
    /// From the first leg's start to the last leg's end, in seconds.
    pub duration_s: i64,
    pub direction: Direction,
    pub disposition: Disposition,
    pub from: String,
    pub to: String,
    /// The extension that talked, where one did.
    pub extension: Option<String>,
    /// Every recording that a leg names, each once, in the legs' order.
    pub recordingfiles: Vec<String>,
}

/// Puts the legs of one linked id together. `trunks` are the PBX's trunk
/// peers, empty where they are not known; `zone` is the PBX's time zone.
pub fn assemble<'a>(
    legs: impl IntoIterator<Item = &'a CdrRow>,
    linkedid: &str,
    trunks: &[String],
    zone: &Zone,
) -> Call {
    let mut all: Vec<&CdrRow> = legs.into_iter().collect();
    all.sort_by_key(|l| (l.calldate, l.sequence));
    // A file tells of its call only what no row does.
    let is_told = all.iter().any(|leg| !leg.is_of_file());
    let legs: Vec<&CdrRow> = all.iter().copied().filter(|leg| !(is_told && leg.is_of_file())).collect();
    let direction = Direction::of_call(&legs, linkedid, trunks);
    let started_at = legs.iter().filter_map(|l| l.started_at(zone)).min();
    let ended_at = legs.iter().filter_map(|l| l.ended_at(zone)).max();
    let duration_s = match (started_at, ended_at) {
        (Some(a), Some(b)) => (b - a).num_seconds().max(0),
        _ => legs.iter().map(|l| l.duration).max().unwrap_or(0),
    };
    let (from, to) = parties(&legs, linkedid, direction);
    let extension = match direction {
        Direction::Outbound => Some(from.clone()).filter(|f| !f.is_empty()),
        _ => talked(&legs),
    };
    let mut recordingfiles: Vec<String> = Vec::new();
    for leg in &all {
        let file = leg.recordingfile.as_str();
        if !file.is_empty() && !recordingfiles.iter().any(|f| f == file) {
            recordingfiles.push(file.to_owned());
        }
    }
    Call {
        started_at,
        duration_s,
        direction,
        disposition: Disposition::of_call(&legs),
        from,
        to,
        extension,
        recordingfiles,
    }
}

/// Caller and called. On outbound rows `src` is the trunk's caller id; the
/// extension stands in `cnum`.
fn parties(legs: &[&CdrRow], linkedid: &str, direction: Direction) -> (String, String) {
    let own = legs.iter().filter(|l| l.uniqueid == linkedid).min_by_key(|l| l.sequence);
    let Some(first) = own.or(legs.first()) else { return Default::default() };
    let caller = if first.cnum.is_empty() { &first.src } else { &first.cnum };
    let called = match direction {
        Direction::Inbound if !first.did.is_empty() => &first.did,
        _ => &first.dst,
    };
    (caller.clone(), called.clone())
}

fn talked(legs: &[&CdrRow]) -> Option<String> {
    legs.iter()
        .rev()
        .find(|l| {
            Disposition::parse(&l.disposition) == Disposition::Answered
                && !l.dstchannel.is_empty()
                && !is_local(&l.dstchannel)
        })
        .and_then(|l| peer(&l.dstchannel))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(linkedid, uniqueid, sequence, channel, dstchannel, lastapp, disposition, start, duration,
    /// billsec, did, outbound_cnum, recordingfile)`: the history of facts about FreePBX 16.
    type Row = (
        &'static str,
        &'static str,
        i64,
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        i64,
        i64,
        &'static str,
        &'static str,
        &'static str,
    );

    const HISTORY: &[Row] = &[
        (
            "34",
            "34",
            100,
            "PJSIP/ITSP-10",
            "PJSIP/201-11",
            "Dial",
            "ANSWERED",
            "09:30:12",
            185,
            176,
            "1555",
            "",
            "e.wav",
        ),
        (
            "40",
            "40",
            101,
            "PJSIP/ITSP-12",
            "PJSIP/201-13",
            "Dial",
            "NO ANSWER",
            "09:41:03",
            9,
            0,
            "1555",
            "",
            "rg.wav",
        ),
        (
            "40",
            "40",
            102,
            "PJSIP/ITSP-12",
            "PJSIP/202-14",
            "Dial",
            "ANSWERED",
            "09:41:03",
            74,
            65,
            "1555",
            "",
            "rg.wav",
        ),
        (
            "50",
            "50",
            103,
            "PJSIP/ITSP-15",
            "Local/202@q-3;1",
            "Queue",
            "NO ANSWER",
            "10:02:26",
            15,
            15,
            "1555",
            "",
            "q.wav",
        ),
        (
            "50",
            "52",
            104,
            "Local/202@q-3;2",
            "PJSIP/202-16",
            "Dial",
            "NO ANSWER",
            "10:02:26",
            15,
            0,
            "",
            "",
            "",
        ),
        (
            "50",
            "50",
            105,
            "PJSIP/ITSP-15",
            "Local/201@q-4;1",
            "Queue",
            "ANSWERED",
            "10:02:42",
            312,
            312,
            "1555",
            "",
            "q.wav",
        ),
        (
            "50",
            "55",
            106,
            "Local/201@q-4;2",
            "PJSIP/201-17",
            "Dial",
            "ANSWERED",
            "10:02:42",
            312,
            306,
            "",
            "",
            "q.wav",
        ),
        ("60", "60", 107, "PJSIP/ITSP-18", "", "Queue", "ANSWERED", "10:20:00", 48, 48, "1555", "", ""),
        (
            "70",
            "70",
            108,
            "PJSIP/201-19",
            "PJSIP/ITSP-1a",
            "Dial",
            "ANSWERED",
            "10:31:44",
            241,
            229,
            "",
            "1555",
            "out-9.wav",
        ),
        (
            "80",
            "80",
            109,
            "PJSIP/201-1b",
            "PJSIP/202-1c",
            "Dial",
            "ANSWERED",
            "10:45:00",
            33,
            29,
            "",
            "",
            "internal.wav",
        ),
        (
            "90",
            "90",
            110,
            "PJSIP/ITSP-1d",
            "PJSIP/201-1e",
            "Dial",
            "NO ANSWER",
            "11:00:10",
            15,
            0,
            "1555",
            "",
            "",
        ),
        ("90", "90", 111, "PJSIP/ITSP-1d", "", "VoiceMail", "ANSWERED", "11:00:25", 27, 27, "1555", "", ""),
        ("97", "97", 113, "PJSIP/201-21", "PJSIP/203-22", "Dial", "BUSY", "11:31:00", 2, 0, "", "", ""),
        (
            "99",
            "99",
            114,
            "PJSIP/201-23",
            "PJSIP/ITSP-24",
            "Dial",
            "FAILED",
            "11:32:00",
            1,
            0,
            "",
            "1555",
            "",
        ),
        (
            "110",
            "110",
            115,
            "PJSIP/ITSP-25",
            "PJSIP/201-26",
            "Dial",
            "ANSWERED",
            "13:05:00",
            62,
            55,
            "1555",
            "",
            "x201.wav",
        ),
        (
            "110",
            "110",
            116,
            "PJSIP/ITSP-25",
            "PJSIP/202-27",
            "Dial",
            "ANSWERED",
            "13:06:02",
            140,
            140,
            "1555",
            "",
            "x202.wav",
        ),
    ];

    fn call(linkedid: &str, trunks: &[String]) -> Call {
        let rows: Vec<CdrRow> = HISTORY
            .iter()
            .filter(|r| r.0 == linkedid)
            .map(|r| CdrRow {
                linkedid: r.0.into(),
                uniqueid: r.1.into(),
                sequence: r.2,
                channel: r.3.into(),
                dstchannel: r.4.into(),
                lastapp: r.5.into(),
                disposition: r.6.into(),
                calldate: format!("2024-05-14T{}", r.7).parse().ok(),
                duration: r.8,
                billsec: r.9,
                did: r.10.into(),
                outbound_cnum: r.11.into(),
                cnum: if r.10.is_empty() { "201".into() } else { "15557654321".into() },
                recordingfile: r.12.into(),
                ..CdrRow::default()
            })
            .collect();
        assemble(&rows, linkedid, trunks, &Zone::UTC)
    }

    #[test]
    fn every_kind_of_call_gets_its_direction_disposition_and_duration() {
        use {Direction as D, Disposition as P};
        for (id, direction, disposition, duration_s, extension, recordings) in [
            ("34", D::Inbound, P::Answered, 185, Some("201"), 1),
            ("40", D::Inbound, P::Answered, 74, Some("202"), 1),
            ("50", D::Inbound, P::Answered, 328, Some("201"), 1),
            ("60", D::Inbound, P::NoAnswer, 48, None, 0),
            ("70", D::Outbound, P::Answered, 241, Some("201"), 1),
            ("80", D::Internal, P::Answered, 33, Some("202"), 1),
            ("90", D::Inbound, P::NoAnswer, 42, None, 0),
            ("97", D::Internal, P::Busy, 2, None, 0),
            ("99", D::Outbound, P::Failed, 1, Some("201"), 0),
            ("110", D::Inbound, P::Answered, 202, Some("202"), 2),
        ] {
            for trunks in [vec!["ITSP".to_owned()], vec![]] {
                let got = call(id, &trunks);
                assert_eq!(
                    (
                        got.direction,
                        got.disposition,
                        got.duration_s,
                        got.extension.as_deref(),
                        got.recordingfiles.len()
                    ),
                    (direction, disposition, duration_s, extension, recordings),
                    "call {id}, trunks {trunks:?}"
                );
            }
        }
    }
}
