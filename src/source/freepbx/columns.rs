//! Which column of a CDR table names the recording: FreePBX's `recordingfile`, or
//! what others call it.

/// FreePBX's own, under which it is read.
pub const RECORDING: &str = "recordingfile";

/// Other systems' and viewers' names for it, likeliest first.
const OTHERS: [&str; 14] = [
    "filename",
    "recording_file",
    "recordfile",
    "record_file",
    "recfile",
    "recording",
    "recording_name",
    "recordingpath",
    "recording_path",
    "recordpath",
    "record_path",
    "mixmonitor_filename",
    "monitor_file",
    "file_name",
];

/// The columns' names in lower case, with the one that names the recording called
/// `recordingfile`: the one of the settings, or, where that is empty, FreePBX's own, else the first
/// of the others' that is there.
pub fn named(mut names: Vec<String>, setting: &str) -> Vec<String> {
    names.iter_mut().for_each(|name| *name = name.to_lowercase());
    let at = |wanted: &str| names.iter().position(|name| name == wanted);
    let found = match setting {
        "" => at(RECORDING).or_else(|| OTHERS.iter().find_map(|other| at(other))),
        setting => at(&setting.to_lowercase()),
    };
    let Some(found) = found else { return names };
    for (n, name) in names.iter_mut().enumerate() {
        if n == found {
            *name = RECORDING.to_owned();
        } else if name == RECORDING {
            // Another is asked for.
            name.clear();
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recording_is_named_by_the_setting_by_freepbx_or_by_what_others_call_it() {
        let names =
            |text: &str, setting| named(text.split(' ').map(str::to_owned).collect(), setting).join(" ");
        assert_eq!(names("calldate Filename src", ""), "calldate recordingfile src");
        assert_eq!(names("recordingfile filename", ""), "recordingfile filename");
        assert_eq!(names("recordingfile userfield", "userfield"), " recordingfile");
        assert_eq!(names("src dst", ""), "src dst");
        assert_eq!(names("src filename", "no_such"), "src filename");
    }
}
