//! Once a day at a time of a clock on somebody's wall.

use crate::call::Zone;
use crate::call::zone::Reading;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

/// Steps and length of the search for the first moment after a gap of summer time.
const STEP: TimeDelta = TimeDelta::minutes(15);
const STEPS: u32 = 16;

/// Every day at `at` in `zone`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daily {
    pub at: NaiveTime,
    pub zone: Zone,
}

impl Daily {
    /// The calendar day there.
    pub fn day_of(&self, now: DateTime<Utc>) -> NaiveDate {
        self.zone.local(now).date()
    }

    /// The moment of a day's run: the first of the two where the hour is
    /// repeated, the end of the gap where it is left out.
    fn on(&self, day: NaiveDate) -> Option<DateTime<Utc>> {
        (0..STEPS).find_map(|n| match self.zone.read(day.and_time(self.at) + STEP * n as i32)? {
            Reading::Once(at) | Reading::Twice(at, _) => Some(at),
            Reading::Never => None,
        })
    }

    /// The last moment that it was due, now or before.
    pub fn latest(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let today = self.day_of(now);
        [Some(today), today.checked_sub_days(Days::new(1))]
            .into_iter()
            .flatten()
            .filter_map(|day| self.on(day))
            .find(|at| *at <= now)
    }

    /// The next moment that it will be due.
    pub fn next(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let today = self.day_of(now);
        (0..3).filter_map(|n| self.on(today.checked_add_days(Days::new(n))?)).find(|at| *at > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daily(at: &str, zone: &str) -> Daily {
        Daily { at: at.parse().expect("a time"), zone: Zone::parse(zone).expect("a zone") }
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().expect("a moment")
    }

    #[test]
    fn it_is_due_once_a_day_by_the_clock_there() {
        let d = daily("03:30:00", "America/New_York");
        assert_eq!(d.next(utc("2026-07-01T00:00:00Z")), Some(utc("2026-07-01T07:30:00Z")));
        assert_eq!(d.latest(utc("2026-07-01T07:30:00Z")), Some(utc("2026-07-01T07:30:00Z")));
        assert_eq!(d.latest(utc("2026-07-01T07:29:59Z")), Some(utc("2026-06-30T07:30:00Z")));
        assert_eq!(d.next(utc("2026-07-01T07:30:00Z")), Some(utc("2026-07-02T07:30:00Z")));
        assert_eq!(d.day_of(utc("2026-07-01T03:00:00Z")).to_string(), "2026-06-30");
    }

    #[test]
    fn summer_time_neither_doubles_nor_drops_a_run() {
        let d = daily("01:30:00", "America/New_York");
        // Repeated on 1 November 2026: the first 01:30 counts, the second does not.
        let first = utc("2026-11-01T05:30:00Z");
        assert_eq!(d.next(utc("2026-11-01T00:00:00Z")), Some(first));
        assert_eq!(d.latest(utc("2026-11-01T06:45:00Z")), Some(first));
        assert_eq!(d.next(first), Some(utc("2026-11-02T06:30:00Z")));
        // Left out on 8 March 2026: it runs when the clock has jumped.
        let d = daily("02:30:00", "America/New_York");
        let jumped = utc("2026-03-08T07:00:00Z");
        assert_eq!(d.next(utc("2026-03-08T00:00:00Z")), Some(jumped));
        assert_eq!(d.next(jumped), Some(utc("2026-03-09T06:30:00Z")));
    }
}
