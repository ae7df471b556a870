//! What a recording's file name tells of its call, whoever chose it: FreePBX,
//! MixMonitor in a dialplan, Monitor, MikoPBX, a script that converts.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use regex::Regex;
use std::sync::LazyLock;

/// When a name says that its recording began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedTime {
    /// By the PBX's clock.
    Local(NaiveDateTime),
    /// By an epoch second.
    Utc(DateTime<Utc>),
}

/// What a name tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clues<'a> {
    /// Unique ids without a system's name: `1715693412.34`.
    pub uniqueids: Vec<&'a str>,
    pub at: Option<NamedTime>,
    /// Numbers of two digits or more that belong to no time and no id, as digits alone.
    pub numbers: Vec<&'a str>,
    /// The name without its extension and without which side of the call it holds.
    pub stem: &'a str,
}

type Pattern = LazyLock<Option<Regex>>;

/// An epoch second of the years 2001 to 2033 and a count (`main/channel.c`).
static UNIQUEID: Pattern = LazyLock::new(|| Regex::new(r"(?:^|\D)(1\d{9}\.\d{1,9})(?:\D|$)").ok());
/// `20240514-093012`, `2024-05-14_09-30-12`, `20240514093012`.
static DATE_AND_TIME: Pattern = LazyLock::new(|| {
    Regex::new(r"(?:^|\D)((20\d\d)[-_.]?([01]\d)[-_.]?([0-3]\d)[-_T. ]?([0-2]\d)[-_.:h]?([0-5]\d)[-_.:m]?([0-5]\d))(?:\D|$)").ok()
});
static EPOCH: Pattern = LazyLock::new(|| Regex::new(r"(?:^|\D)(1\d{9})(?:\D|$)").ok());
static NUMBER: Pattern = LazyLock::new(|| Regex::new(r"\d{2,}").ok());
/// Monitor's `-in` and `-out`, MixMonitor's options r and t, and others' words for a side.
static SIDE: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)[-_.](?:in|out|r|t|rx|tx|read|write|left|right|caller|callee|agent|customer)$").ok()
});

/// Reads a file's name, without its folders.
pub fn clues(file_name: &str) -> Clues<'_> {
    let bare = without_extension(file_name);
    let mut taken: Vec<(usize, usize)> = Vec::new();
    let mut uniqueids = Vec::new();
    let mut from = 0;
    while let Some(id) = UNIQUEID.as_ref().and_then(|re| re.captures_at(bare, from)).and_then(|c| c.get(1)) {
        uniqueids.push(id.as_str());
        taken.push((id.start(), id.end()));
        from = id.end();
    }
    let dated = date_and_time(bare);
    taken.extend(dated.map(|(span, _)| span));
    let epoch = EPOCH.as_ref().and_then(|re| re.captures(bare)).and_then(|c| c.get(1));
    taken.extend(epoch.map(|e| (e.start(), e.end())));
    let of_epoch = epoch.and_then(|e| DateTime::from_timestamp(e.as_str().parse().ok()?, 0));
    let at = dated.map(|(_, at)| NamedTime::Local(at)).or(of_epoch.map(NamedTime::Utc));
    let is_free = |start: usize, end: usize| taken.iter().all(|(a, b)| end <= *a || *b <= start);
    let numbers = NUMBER.as_ref().map_or_else(Vec::new, |re| {
        re.find_iter(bare).filter(|n| is_free(n.start(), n.end())).map(|n| n.as_str()).collect()
    });
    Clues { uniqueids, at, numbers, stem: without_side(bare) }
}

fn date_and_time(bare: &str) -> Option<((usize, usize), NaiveDateTime)> {
    let found = DATE_AND_TIME.as_ref()?.captures(bare)?;
    let whole = found.get(1)?;
    let part = |n: usize| found.get(n).and_then(|p| p.as_str().parse::<u32>().ok());
    let day = NaiveDate::from_ymd_opt(i32::try_from(part(2)?).ok()?, part(3)?, part(4)?)?;
    let at = day.and_hms_opt(part(5)?, part(6)?, part(7)?)?;
    Some(((whole.start(), whole.end()), at))
}

/// A name without its extension.
pub fn without_extension(name: &str) -> &str {
    name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map_or(name, |(stem, _)| stem)
}

fn without_side(bare: &str) -> &str {
    let side = SIDE.as_ref().and_then(|re| re.find(bare)).filter(|side| side.start() > 0);
    side.map_or(bare, |side| &bare[..side.start()])
}

/// The days that a folder is of by its path, first and last: `2024/05/14`, `2024/05`,
/// `20240514`, `2024-05-14`, `2024-05`, at any depth. `None` for any other: a year alone may be
/// an extension.
pub fn days_of_folder(path: &str) -> Option<(NaiveDate, NaiveDate)> {
    let parts: Vec<&str> = path.split('/').collect();
    let mut found = None;
    for (n, part) in parts.iter().enumerate() {
        let next = |k: usize| parts.get(n + k).copied().unwrap_or_default();
        let apart = (next(1), next(2));
        found = dated(part).or_else(|| in_parts(part, apart)).or(found);
    }
    found
}

/// `YYYY`, `MM` and, where there is one, `DD`.
fn in_parts(year: &str, (month, day): (&str, &str)) -> Option<(NaiveDate, NaiveDate)> {
    let is = |text: &str, digits: usize| text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    if !(is(year, 4) && is(month, 2)) {
        return None;
    }
    let (year, month): (i32, u32) = (year.parse().ok()?, month.parse().ok()?);
    let of_day = |day: &str| NaiveDate::from_ymd_opt(year, month, day.parse().ok()?);
    match of_day(day).filter(|_| is(day, 2)) {
        Some(day) => Some((day, day)),
        None => month_of(year, month),
    }
}

/// A date in one folder's name.
fn dated(name: &str) -> Option<(NaiveDate, NaiveDate)> {
    let digits: String = name.chars().filter(|c| !matches!(c, '-' | '_' | '.')).collect();
    if !digits.bytes().all(|b| b.is_ascii_digit()) || !digits.starts_with("20") {
        return None;
    }
    let (year, month) = (digits.get(..4)?.parse().ok()?, digits.get(4..6)?.parse().ok()?);
    match digits.len() {
        8 => NaiveDate::from_ymd_opt(year, month, digits.get(6..)?.parse().ok()?).map(|day| (day, day)),
        // Six digits without a mark between them may be an extension.
        6 if digits.len() < name.len() => month_of(year, month),
        _ => None,
    }
}

fn month_of(year: i32, month: u32) -> Option<(NaiveDate, NaiveDate)> {
    let first = NaiveDate::from_ymd_opt(year, month, 1)?;
    let next = first.checked_add_months(chrono::Months::new(1))?;
    Some((first, next.pred_opt()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    #[test]
    fn a_name_tells_its_ids_its_time_and_its_numbers_whoever_chose_it() {
        let local = |text: &str| Some(NamedTime::Local(text.parse().expect("a time")));
        let utc = |s| DateTime::from_timestamp(s, 0).map(NamedTime::Utc);
        for (name, ids, at, numbers, stem) in [
            (
                "exten-101-102-20240514-093012-1715693412.34-in.wav",
                vec!["1715693412.34"],
                local("2024-05-14T09:30:12"),
                vec!["101", "102"],
                "exten-101-102-20240514-093012-1715693412.34",
            ),
            (
                "mikopbx-1715693412.34_soCP4X_out.mp3",
                vec!["1715693412.34"],
                utc(1_715_693_412),
                vec![],
                "mikopbx-1715693412.34_soCP4X",
            ),
            ("1715693412.34.wav", vec!["1715693412.34"], utc(1_715_693_412), vec![], "1715693412.34"),
            (
                "2024-05-14_09-30-12_1599_22028(2202).mp3",
                vec![],
                local("2024-05-14T09:30:12"),
                vec!["1599", "22028", "2202"],
                "2024-05-14_09-30-12_1599_22028(2202)",
            ),
            ("Зоя и 201.wav", vec![], None, vec!["201"], "Зоя и 201"),
            ("1715693412-201.WAV", vec![], utc(1_715_693_412), vec!["201"], "1715693412-201"),
            (
                "q-700-+15557654321-20240514093012.wav",
                vec![],
                local("2024-05-14T09:30:12"),
                vec!["700", "15557654321"],
                "q-700-+15557654321-20240514093012",
            ),
            ("-in.wav", vec![], None, vec![], "-in"),
        ] {
            let got = clues(name);
            assert_eq!((got.uniqueids, got.at, got.numbers, got.stem), (ids, at, numbers, stem), "{name}");
        }
    }

    #[test]
    fn a_folder_is_of_a_day_or_a_month_by_its_path_and_an_extension_is_of_none() {
        for (path, days) in [
            ("2024/05/14", Some(("2024-05-14", "2024-05-14"))),
            ("2024/05/14/08", Some(("2024-05-14", "2024-05-14"))),
            ("queue/700/2024/05", Some(("2024-05-01", "2024-05-31"))),
            ("2024-02", Some(("2024-02-01", "2024-02-29"))),
            ("20240514", Some(("2024-05-14", "2024-05-14"))),
            ("out/2024-05-14/201", Some(("2024-05-14", "2024-05-14"))),
            ("2024", None),
            ("2024/99", None),
            ("201", None),
            ("201405", None),
            ("monitor", None),
        ] {
            let wanted = days.map(|(a, b)| (day(a), day(b)));
            assert_eq!(days_of_folder(path), wanted, "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_name_and_any_path_are_read(name in "\\PC*", path in "[0-9/._-]{0,40}") {
            let clues = clues(&name);
            prop_assert!(name.starts_with(clues.stem));
            prop_assert!(days_of_folder(&path).is_none_or(|(a, b)| a <= b));
        }
    }
}
