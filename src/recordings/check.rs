//! "Test SSH": can the recordings be listed, read and written? Nothing is
//! changed: a file is opened for writing, and closed.

use super::day_folders::{below, days};
use super::{EntryKind, Recordings, RecordingsError, Result};

/// What was seen, in a sentence.
///
/// # Errors
/// What is wrong; [`RecordingsError::advice`] says how to mend it.
pub async fn check(recordings: &dyn Recordings) -> Result<String> {
    recordings.list(None).await?;
    let days = days(recordings).await?;
    let Some(newest) = days.last() else {
        return Ok("can be listed; it holds no YYYY/MM/DD folder yet".to_owned());
    };
    let entries = recordings.list(Some(&newest.path)).await?;
    let file = entries.iter().find(|e| e.kind == EntryKind::File);
    let Some(file) = file.and_then(|e| below(Some(&newest.path), e)) else {
        return Ok(format!("{} days of recordings; the newest, {}, is empty", days.len(), newest.day));
    };
    recordings.read(&file, 0, 1).await?;
    recordings.overwrite(&file, &[]).await?;
    Ok(format!(
        "{} days of recordings, the newest {}; its files can be read and written",
        days.len(),
        newest.day
    ))
}

impl RecordingsError {
    /// What to do about it, where that can be said.
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            RecordingsError::Unreachable(_) => {
                "is sshd running there (systemctl status sshd), does the firewall let its port in \
                 (firewall-cmd --list-services), and does `ssh -p PORT USER@HOST` work from here?"
            }
            RecordingsError::TimedOut | RecordingsError::BrokenOff => {
                "is the machine up, and does a firewall drop what comes from here? Try `ssh -p PORT USER@HOST`"
            }
            RecordingsError::AuthRefused { .. } => {
                "check pbx.recordings.user, and password or key_file with its passphrase; try `ssh -p PORT USER@HOST` by hand"
            }
            RecordingsError::BadKey(_) => {
                "key_file must be a private key of OpenSSH or PEM that unsaid's user can read, with its key_passphrase"
            }
            RecordingsError::PermissionDenied => {
                "unsaid must read and write the recordings as their owner: sign in as asterisk (`fwconsole chown` \
                 takes other users' rights away), or `usermod -aG asterisk USER` and `chmod -R g+w` the folder"
            }
            RecordingsError::NotFound | RecordingsError::NotAFile => {
                "check pbx.recordings.base: recordings lie below it in YYYY/MM/DD (ls /var/spool/asterisk/monitor)"
            }
            RecordingsError::Linked | RecordingsError::OutsideBase => {
                "the folders below pbx.recordings.base must be folders, not links"
            }
            _ => return None,
        })
    }
}
