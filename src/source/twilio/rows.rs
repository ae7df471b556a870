//! Twilio's calls and recordings as CDR rows. A dialled leg belongs to the call
//! that dialled it; times are UTC.

use crate::call::CdrRow;
use crate::recordings::twilio::client::{ApiCall, ApiRecording};
use crate::recordings::twilio::{MediaName, is_sid};
use sha2::{Digest, Sha256};

/// The row of a call that has ended; `None` while it goes on.
pub fn call_row(call: &ApiCall) -> Option<CdrRow> {
    let disposition = match call.status.as_str() {
        "completed" => "ANSWERED",
        "busy" => "BUSY",
        "no-answer" | "canceled" => "NO ANSWER",
        "failed" => "FAILED",
        _ => return None,
    };
    let billsec = if disposition == "ANSWERED" { call.duration } else { 0 };
    Some(CdrRow { disposition: disposition.to_owned(), billsec, sequence: 1, ..leg(call) })
}

/// The row of a recording that can be fetched, and of the call that it is of.
pub fn recording_row(recording: &ApiRecording, call: Option<&ApiCall>) -> Option<CdrRow> {
    let made = recording.start_time.or(recording.date_created)?;
    if recording.status != "completed" || !is_sid(&recording.sid, "RE") || !is_sid(&recording.call_sid, "CA")
    {
        return None;
    }
    let name = MediaName { day: made.date_naive(), sid: recording.sid.clone(), channels: recording.channels };
    let alone = || CdrRow {
        uniqueid: recording.call_sid.clone(),
        linkedid: recording.call_sid.clone(),
        channel: format!("Twilio/{}", recording.call_sid),
        ..CdrRow::default()
    };
    Some(CdrRow {
        calldate: Some(made.naive_utc()),
        duration: recording.duration,
        billsec: recording.duration,
        disposition: "ANSWERED".to_owned(),
        recordingfile: name.to_path(),
        sequence: number_of(&recording.sid),
        ..call.map_or_else(alone, leg)
    })
}

/// What every row of a call says.
fn leg(call: &ApiCall) -> CdrRow {
    let dialled = call.parent_call_sid.as_deref().filter(|p| is_sid(p, "CA"));
    let inbound = call.direction == "inbound";
    CdrRow {
        calldate: call.start_time.map(|t| t.naive_utc()),
        src: call.from.clone(),
        dst: call.to.clone(),
        dcontext: "twilio".to_owned(),
        channel: format!("Twilio/{}", call.from),
        // Who answered a call that Twilio itself picked up is told by the leg that it dialled.
        dstchannel: dialled.map_or_else(String::new, |_| format!("Twilio/{}", call.to)),
        duration: call.duration,
        uniqueid: call.sid.clone(),
        linkedid: dialled.unwrap_or(&call.sid).to_owned(),
        did: if inbound { call.to.clone() } else { String::new() },
        outbound_cnum: if inbound || dialled.is_some() { String::new() } else { call.from.clone() },
        cnum: call.from.clone(),
        ..CdrRow::default()
    }
}

/// A number of a recording's own, beside the call's row: rows are told apart by (uniqueid, sequence).
fn number_of(sid: &str) -> i64 {
    let hash = Sha256::digest(sid);
    hash.iter().take(7).fold(0, |n, byte| n << 8 | i64::from(*byte)) + 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Zone, assemble};

    fn sid(prefix: &str, n: u8) -> String {
        format!("{prefix}{:032x}", u128::from(n) << 64 | u128::from(n))
    }

    fn call(n: u8, direction: &str, status: &str, parent: Option<u8>) -> ApiCall {
        ApiCall {
            sid: sid("CA", n),
            parent_call_sid: parent.map(|p| sid("CA", p)),
            from: "+15557654321".to_owned(),
            to: if parent.is_some() { "client:alice" } else { "+15551230000" }.to_owned(),
            direction: direction.to_owned(),
            status: status.to_owned(),
            start_time: "2024-05-14T09:30:12Z".parse().ok(),
            duration: 40,
        }
    }

    #[test]
    fn direction_outcome_and_who_answered_follow_from_a_call_and_the_legs_it_dialled() {
        let told = |calls: &[ApiCall]| {
            let rows: Vec<CdrRow> = calls.iter().filter_map(call_row).collect();
            let call = assemble(&rows, &calls[0].sid, &[], &Zone::UTC);
            (call.direction.as_str(), call.disposition.as_str(), call.extension)
        };
        let inbound = call(1, "inbound", "completed", None);
        let alice = Some("client:alice".to_owned());
        assert_eq!(
            told(&[inbound.clone(), call(2, "outbound-dial", "completed", Some(1))]),
            ("inbound", "answered", alice)
        );
        assert_eq!(told(&[inbound.clone(), call(2, "outbound-dial", "no-answer", Some(1))]).1, "no_answer");
        assert_eq!(told(std::slice::from_ref(&inbound)).1, "answered");
        assert_eq!(told(&[call(1, "outbound-api", "busy", None)]).1, "busy");
        assert_eq!(told(&[call(1, "outbound-api", "completed", None)]).0, "outbound");
        assert!(call_row(&call(1, "inbound", "in-progress", None)).is_none());
    }

    #[test]
    fn a_recording_is_a_row_of_its_calls_first_leg_and_each_has_its_own_identity() {
        let of = |n: u8, status: &str| ApiRecording {
            sid: sid("RE", n),
            call_sid: sid("CA", 2),
            status: status.to_owned(),
            channels: 2,
            date_created: "2024-05-15T00:00:09Z".parse().ok(),
            start_time: "2024-05-14T23:59:12Z".parse().ok(),
            duration: 30,
        };
        let dialled = call(2, "outbound-dial", "completed", Some(1));
        let row = recording_row(&of(7, "completed"), Some(&dialled)).expect("a row");
        assert_eq!(row.linkedid, sid("CA", 1));
        assert_eq!(row.recordingfile, format!("2024/05/14/{}-2.wav", sid("RE", 7)));
        let other = recording_row(&of(8, "completed"), Some(&dialled)).expect("a row");
        assert_ne!(row.identity(), other.identity());
        assert_ne!(Some(row.identity()), call_row(&dialled).map(|r| r.identity()));
        assert!(recording_row(&of(7, "processing"), Some(&dialled)).is_none());
        let alone = recording_row(&of(7, "completed"), None).expect("a row");
        assert_eq!(alone.linkedid, sid("CA", 2));
    }
}
