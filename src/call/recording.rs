//! Where a recording lies below the PBX's base path. The name comes from a
//! database that others write, so it is parsed as hostile.

use super::file_name::without_extension;
use chrono::{Datelike, NaiveDate, NaiveDateTime};
use regex::Regex;
use std::fmt;
use std::sync::LazyLock;

/// A path below the recordings' base path: relative, no `..`, no control
/// characters. The only form in which a recording's path reaches a disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordingPath(String);

/// What FreePBX writes into a recording's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<'a> {
    /// The field after the type: who was called.
    pub to: &'a str,
    pub from: &'a str,
    /// When the recording was first thought of, in the PBX's local time.
    pub at: NaiveDateTime,
    pub uniqueid: &'a str,
}

/// What telephone systems, and scripts behind them, record in: the one list. A file
/// of a format that is not understood is one all the same, and its call says so.
const AUDIO_EXTENSIONS: [&str; 49] = [
    "wav", "wav49", "wav16", "wave", "w64", "gsm", "ulaw", "alaw", "ul", "al", "mu", "mulaw", "pcm", "raw",
    "sln", "sln8", "sln12", "sln16", "sln24", "sln32", "sln44", "sln48", "sln96", "sln192", "g722", "g723",
    "g726", "g729", "ilbc", "siren7", "siren14", "au", "snd", "aif", "aiff", "mp2", "mp3", "ogg", "oga",
    "opus", "spx", "flac", "m4a", "mp4", "aac", "amr", "wma", "webm", "mka",
];

/// A file's name says that it holds audio.
pub fn is_audio_name(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    // Asterisk's g726-16 to g726-40.
    extension.is_some_and(|e| AUDIO_EXTENSIONS.contains(&e.as_str()) || e.starts_with("g726-"))
}

/// Under which extensions a script or Asterisk itself leaves what a CDR names by another.
const OTHER_EXTENSIONS: [&str; 4] = ["WAV", "wav", "mp3", "ogg"];

/// Why a `recordingfile` is not a path that may be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("the recording's name is empty")]
    Empty,
    #[error("the recording's name holds control characters")]
    ControlCharacter,
    #[error("the recording's name climbs out of the base path with '..'")]
    ParentFolder,
    #[error("the recording's name is absolute and not below the base path")]
    OutsideBase,
    #[error("the recording's name is longer than 1024 bytes")]
    TooLong,
}

/// FreePBX: `TYPE-DEST-FROM-YYYYMMDD-HHMMSS-UNIQUEID.EXT`, split from the
/// right, for fields may hold dashes; ConfBridge may add `-<epoch>`.
static DATED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"-(\d{4})(\d{2})(\d{2})-(\d{6})-([^/]*?\d+\.\d+)(-\d+)?\.(\w+)$").ok());

impl RecordingPath {
    /// Where FreePBX put `recordingfile`: `YYYY/MM/DD/name` by the date in the
    /// name (not by `calldate`, which may be another day); where the name has none, in the folder
    /// of its call's `day`, or in the base itself. A path with folders is taken as it is, an absolute
    /// one only below `base`. [`RecordingPath::elsewhere`] says where else it may be.
    ///
    /// # Errors
    /// [`PathError`]: the file must not be touched.
    pub fn from_recordingfile(
        recordingfile: &str,
        base: &str,
        day: Option<NaiveDate>,
    ) -> Result<Self, PathError> {
        let relative = match recordingfile.strip_prefix('/') {
            None => recordingfile,
            Some(_) => recordingfile
                .strip_prefix(base.trim_end_matches('/'))
                .and_then(|rest| rest.strip_prefix('/'))
                .ok_or(PathError::OutsideBase)?,
        };
        let checked = Self::parse(relative)?;
        if recordingfile.contains('/') {
            return Ok(checked);
        }
        let found = DATED.as_ref().and_then(|re| re.captures(relative));
        let folder = found.map(|found| format!("{}/{}/{}", &found[1], &found[2], &found[3]));
        match folder.or_else(|| day.map(folder_of)) {
            Some(folder) => Ok(Self(format!("{folder}/{relative}"))),
            None => Ok(checked),
        }
    }

    /// Where else the file may be that a CDR names by `recordingfile`, likeliest first: under
    /// another extension, in the base itself, in the folder of its call's day and of those beside it.
    pub fn elsewhere(&self, recordingfile: &str, day: Option<NaiveDate>) -> Vec<RecordingPath> {
        let mut out: Vec<RecordingPath> = self.on_disk_twin().into_iter().collect();
        let stem = if is_audio_name(&self.0) { without_extension(&self.0) } else { &self.0 };
        out.extend(OTHER_EXTENSIONS.iter().map(|e| RecordingPath(format!("{stem}.{e}"))));
        if !recordingfile.contains('/') {
            out.push(RecordingPath(self.file_name().to_owned()));
            // A date in the name is surer than the call's.
            let is_dated = DATED.as_ref().is_some_and(|re| re.is_match(recordingfile));
            let days = day.filter(|_| !is_dated).map(|day| [Some(day), day.pred_opt(), day.succ_opt()]);
            let folders = days.into_iter().flatten().flatten().map(folder_of);
            out.extend(folders.map(|folder| RecordingPath(format!("{folder}/{}", self.file_name()))));
        }
        out.retain(|path| path != self);
        out
    }

    /// The parts of a recording's name; `None` for a file that is none by its
    /// extension or its name. Fields that hold dashes themselves are not told apart.
    pub fn named(file_name: &str) -> Option<Named<'_>> {
        let found = DATED.as_ref()?.captures(file_name)?;
        let (whole, uniqueid) = (found.get(0)?, found.get(5)?);
        if !is_audio_name(file_name) {
            return None;
        }
        let date = format!("{}{}{}{}", &found[1], &found[2], &found[3], &found[4]);
        let at = NaiveDateTime::parse_from_str(&date, "%Y%m%d%H%M%S").ok()?;
        let mut fields = file_name[..whole.start()].splitn(3, '-').skip(1);
        let (to, from) = (fields.next().unwrap_or(""), fields.next().unwrap_or(""));
        Some(Named { to, from, at, uniqueid: uniqueid.as_str() })
    }

    /// A relative path, checked.
    ///
    /// # Errors
    /// [`PathError`] when it could leave the base path or is not a name.
    pub fn parse(relative: &str) -> Result<Self, PathError> {
        if relative.is_empty() || relative.ends_with('/') {
            return Err(PathError::Empty);
        }
        if relative.len() > 1_024 {
            return Err(PathError::TooLong);
        }
        if relative.chars().any(char::is_control) {
            return Err(PathError::ControlCharacter);
        }
        if relative.starts_with('/') {
            return Err(PathError::OutsideBase);
        }
        if relative.split('/').any(|part| part == "..") {
            return Err(PathError::ParentFolder);
        }
        let parts: Vec<&str> = relative.split('/').filter(|p| !matches!(*p, "" | ".")).collect();
        if parts.is_empty() {
            return Err(PathError::Empty);
        }
        Ok(Self(parts.join("/")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// A file of ours in the same folder: `PREFIX-ID-NAME`, hidden, and without
    /// the name where it would be longer than a file system takes (255 bytes).
    pub fn beside(&self, prefix: &str, id: &str) -> RecordingPath {
        let (folder, name) = self.0.rsplit_once('/').unwrap_or(("", &self.0));
        let full = format!(".{prefix}-{id}-{name}");
        let name = if full.len() <= 255 { full } else { format!(".{prefix}-{id}") };
        RecordingPath(if folder.is_empty() { name } else { format!("{folder}/{name}") })
    }

    /// Two spellings of one file's name are one.
    pub fn on_disk(&self) -> RecordingPath {
        self.on_disk_twin().unwrap_or_else(|| self.clone())
    }

    /// FreePBX's legacy `.wav49` in the database is `.WAV` on disk.
    pub fn on_disk_twin(&self) -> Option<RecordingPath> {
        self.0.strip_suffix(".wav49").map(|stem| RecordingPath(format!("{stem}.WAV")))
    }
}

/// Asterisk's folder of a day.
fn folder_of(day: NaiveDate) -> String {
    format!("{:04}/{:02}/{:02}", day.year(), day.month(), day.day())
}

impl fmt::Display for RecordingPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "/var/spool/asterisk/monitor";

    #[test]
    fn the_folder_is_the_date_in_the_name_split_from_the_right() {
        for (name, folder) in [
            ("external-201-15557654321-20240514-093012-1715693412.34.wav", "2024/05/14"),
            ("out-9-1-800-555-201-20240514-235959-sys-1715693412.34.WAV", "2024/05/14"),
            ("8000-8000-always-20240515-140000-1715796000.130-1715796001.wav", "2024/05/15"),
        ] {
            let path = RecordingPath::from_recordingfile(name, BASE, None).expect(name);
            assert_eq!(path.as_str(), format!("{folder}/{name}"));
        }
    }

    #[test]
    fn a_name_tells_who_when_and_which_channel_and_other_files_tell_nothing() {
        let named = RecordingPath::named("in-15551230000-15557654321-20240514-093012-1715693412.34.WAV");
        let named = named.expect("a recording's name");
        assert_eq!((named.to, named.from, named.uniqueid), ("15551230000", "15557654321", "1715693412.34"));
        assert_eq!(named.at.to_string(), "2024-05-14 09:30:12");
        for other in [
            "in-1-2-20240514-093012-1715693412.34.json",
            ".tmp-redacted-x",
            "notes.wav",
            "in-1-2-20240514-990000-1715693412.34.wav",
        ] {
            assert_eq!(RecordingPath::named(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_not_where_it_should_be_is_looked_for_under_other_extensions_and_in_other_folders() {
        let day = NaiveDate::from_ymd_opt(2024, 5, 14);
        let of = |file: &str| {
            let path = RecordingPath::from_recordingfile(file, BASE, day).expect(file);
            path.elsewhere(file, day).into_iter().map(|p| p.0).collect::<Vec<_>>()
        };
        assert_eq!(
            of("1715693412.34.mp3"),
            [
                "2024/05/14/1715693412.34.WAV",
                "2024/05/14/1715693412.34.wav",
                "2024/05/14/1715693412.34.ogg",
                "1715693412.34.mp3",
                "2024/05/13/1715693412.34.mp3",
                "2024/05/15/1715693412.34.mp3"
            ]
        );
        let dated = "in-1-2-20240514-093012-1715693412.34";
        let there = |e: &str| format!("2024/05/14/{dated}.{e}");
        assert_eq!(
            of(&format!("{dated}.wav")),
            [there("WAV"), there("mp3"), there("ogg"), format!("{dated}.wav")]
        );
        assert_eq!(of("x/a.wav"), ["x/a.WAV", "x/a.mp3", "x/a.ogg"]);
        assert_eq!(of("x/a"), ["x/a.WAV", "x/a.wav", "x/a.mp3", "x/a.ogg"]);
    }

    #[test]
    fn relative_and_absolute_forms_are_taken_below_the_base_alone() {
        let ok = |s: &str| RecordingPath::from_recordingfile(s, BASE, None).map(|p| p.0);
        assert_eq!(ok("custom/a.wav"), Ok("custom/a.wav".to_owned()));
        assert_eq!(ok("/var/spool/asterisk/monitor/x/a.wav"), Ok("x/a.wav".to_owned()));
        assert_eq!(ok("/var/spool/asterisk/monitors/a.wav"), Err(PathError::OutsideBase));
        assert_eq!(ok("/etc/passwd"), Err(PathError::OutsideBase));
        assert_eq!(ok("x/../../a.wav"), Err(PathError::ParentFolder));
        assert_eq!(ok("/var/spool/asterisk/monitor/../a.wav"), Err(PathError::ParentFolder));
        assert_eq!(ok("a\n.wav"), Err(PathError::ControlCharacter));
        assert_eq!(ok("call.wav"), Ok("call.wav".to_owned()));
        let of_day =
            RecordingPath::from_recordingfile("call.wav", BASE, NaiveDate::from_ymd_opt(2024, 5, 14));
        assert_eq!(of_day.map(|p| p.0), Ok("2024/05/14/call.wav".to_owned()));
        let dated = "in-1-2-20240514-093012-1715693412.34.wav";
        assert_eq!(ok(&format!("./{dated}")), Ok(dated.to_owned()), "it is where its path says");
        assert_eq!(ok(&format!("{BASE}/{dated}")), Ok(dated.to_owned()));
        assert_eq!(ok(""), Err(PathError::Empty));
    }
}
