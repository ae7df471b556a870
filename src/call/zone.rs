//! Time zones of PBXs, from the IANA database that is compiled in: a machine
//! without `/usr/share/zoneinfo` knows them too.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

/// A time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// What a clock's reading is in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    Once(DateTime<Utc>),
    /// In the hour that is repeated when summer time ends: the earlier, the later.
    Twice(DateTime<Utc>, DateTime<Utc>),
    /// In the hour that is left out when summer time begins.
    Never,
}

impl Zone {
    pub const UTC: Zone = Zone(TimeZone::UTC);

    /// The zone of an IANA name such as `America/New_York`.
    pub fn parse(name: &str) -> Option<Zone> {
        TimeZone::get(name).ok().map(Zone)
    }

    /// What the clock there says at `at`.
    pub fn local(&self, at: DateTime<Utc>) -> NaiveDateTime {
        let seconds = jiff::Timestamp::from_second(at.timestamp()).map(|t| self.0.to_offset(t).seconds());
        at.naive_utc() + TimeDelta::seconds(i64::from(seconds.unwrap_or(0)))
    }

    /// The day of the clock there at `at`.
    pub fn day(&self, at: DateTime<Utc>) -> NaiveDate {
        self.local(at).date()
    }

    /// What `local` is in UTC; `None` outside the years that can be reckoned with.
    pub fn read(&self, local: NaiveDateTime) -> Option<Reading> {
        use chrono::{Datelike, Timelike};
        let part = |n: u32| i8::try_from(n).ok();
        let civil = jiff::civil::DateTime::new(
            i16::try_from(local.year()).ok()?,
            part(local.month())?,
            part(local.day())?,
            part(local.hour())?,
            part(local.minute())?,
            part(local.second())?,
            0,
        );
        let utc = |offset: Offset| {
            let offset = TimeDelta::try_seconds(i64::from(offset.seconds()))?;
            Some(local.checked_sub_signed(offset)?.and_utc())
        };
        Some(match self.0.to_ambiguous_timestamp(civil.ok()?).offset() {
            AmbiguousOffset::Unambiguous { offset } => Reading::Once(utc(offset)?),
            AmbiguousOffset::Fold { before, after } => Reading::Twice(utc(before)?, utc(after)?),
            AmbiguousOffset::Gap { .. } => Reading::Never,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_once_twice_or_never() {
        let zone = Zone::parse("America/New_York").expect("a zone");
        let read = |text: &str| zone.read(text.parse().expect("a time"));
        let utc = |text: &str| text.parse::<NaiveDateTime>().expect("a time").and_utc();
        assert_eq!(read("2024-07-01T12:00:00"), Some(Reading::Once(utc("2024-07-01T16:00:00"))));
        assert_eq!(
            read("2024-11-03T01:30:00"),
            Some(Reading::Twice(utc("2024-11-03T05:30:00"), utc("2024-11-03T06:30:00")))
        );
        assert_eq!(read("2024-03-10T02:30:00"), Some(Reading::Never));
        assert_eq!(Zone::parse("Mars/Olympus"), None);
    }
}
