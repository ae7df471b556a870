//! Which way a call went. Asterisk writes no direction; it follows from where
//! the first channel came from.

use super::cdr::CdrRow;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Inbound,
    Outbound,
    Internal,
}

impl Direction {
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
            Direction::Internal => "internal",
        }
    }

    /// The direction of a call whose legs are in order. With a list of trunk
    /// peers the origin channel decides; without one, what FreePBX writes on
    /// the rows: a DID, a trunk caller id, the recording's prefix.
    pub fn of_call(legs: &[&CdrRow], linkedid: &str, trunks: &[String]) -> Direction {
        // A recording that no CDR named has no channel.
        if trunks.is_empty() || legs.iter().all(|l| l.channel.is_empty()) {
            return without_trunks(legs);
        }
        let is_trunk =
            |channel: &str| peer(channel).is_some_and(|p| trunks.iter().any(|t| t.eq_ignore_ascii_case(p)));
        let first_leg = legs.iter().filter(|l| l.uniqueid == linkedid).min_by_key(|l| l.sequence);
        let origin = first_leg.or(legs.first()).map_or("", |l| l.channel.as_str());
        if is_trunk(origin) {
            Direction::Inbound
        } else if legs.iter().any(|l| !is_local(&l.dstchannel) && is_trunk(&l.dstchannel)) {
            Direction::Outbound
        } else {
            Direction::Internal
        }
    }
}

fn without_trunks(legs: &[&CdrRow]) -> Direction {
    let name = |l: &CdrRow| l.recordingfile.rsplit('/').next().unwrap_or_default().to_owned();
    let prefix = |p: &str| legs.iter().any(|l| name(l).starts_with(p));
    if legs.iter().any(|l| !l.did.is_empty()) || prefix("in-") {
        Direction::Inbound
    } else if legs.iter().any(|l| !l.outbound_cnum.is_empty()) || prefix("out-") {
        Direction::Outbound
    } else {
        Direction::Internal
    }
}

/// `Local/201@from-queue-00000004;2`: a channel that leads nowhere by itself.
pub fn is_local(channel: &str) -> bool {
    channel.starts_with("Local/")
}

/// The peer in `PJSIP/ITSP-00000010`: between the slash and the last dash.
pub fn peer(channel: &str) -> Option<&str> {
    let (_, rest) = channel.split_once('/')?;
    Some(rest.rsplit_once('-').map_or(rest, |(name, _)| name))
}
