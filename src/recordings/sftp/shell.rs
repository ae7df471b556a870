//! Counting by `find` where the server lets the user run a command: one answer
//! for the whole tree, where a walk by SFTP takes a request for each folder.

use super::session::{PinnedHost, of_ssh};
use crate::recordings::{RecordingsError, Result};
use russh::ChannelMsg;
use russh::client::Handle;

/// An answer of more than this is no list of recordings.
const MOST: usize = 256 << 20;

/// Every plain file below `base` that `find` sees without following links: its
/// length and its path below the base. `None` where no command may be run, or
/// this `find` cannot print so.
pub(super) async fn files(ssh: &Handle<PinnedHost>, base: &str) -> Result<Option<Vec<(u64, String)>>> {
    let command = format!("LC_ALL=C find {} -xdev -type f -printf '%s %P\\0'", quoted(base));
    let mut channel = ssh.channel_open_session().await.map_err(|e| of_ssh(&e))?;
    channel.exec(true, command).await.map_err(|e| of_ssh(&e))?;
    let (mut out, mut code) = (Vec::new(), None);
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } => out.extend_from_slice(&data),
            ChannelMsg::ExitStatus { exit_status } => code = Some(exit_status),
            ChannelMsg::Failure => return Ok(None),
            _ => {}
        }
        if out.len() > MOST {
            return Err(RecordingsError::Io("find answered with too much".to_owned()));
        }
    }
    // Anything else than a clean end (a folder it may not read, no such command) is left to the walk, which says why.
    Ok((code == Some(0)).then(|| parsed(&out)).flatten())
}

/// `LENGTH PATH`, each ended by a zero byte; `None` when it is something else.
fn parsed(out: &[u8]) -> Option<Vec<(u64, String)>> {
    let text = String::from_utf8_lossy(out);
    let lines = text.split_terminator('\0');
    lines
        .map(|line| line.split_once(' ').and_then(|(len, path)| Some((len.parse().ok()?, path.to_owned()))))
        .collect()
}

/// For a POSIX shell.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_stays_one_word_and_a_banner_is_no_list() {
        assert_eq!(quoted("/var/it's $(here)"), "'/var/it'\\''s $(here)'");
        let list = b"44 2024/05/14/a b.wav\x009 c\x00";
        assert_eq!(parsed(list), Some(vec![(44, "2024/05/14/a b.wav".to_owned()), (9, "c".to_owned())]));
        assert_eq!(parsed(b"Last login: today\n"), None);
        assert_eq!(parsed(b""), Some(Vec::new()));
    }
}
