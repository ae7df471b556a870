//! Stands between sshd and its SFTP server and does what servers, disks and
//! people do, at one step of one recording: `sftp_tap FOLDER SFTP_SERVER…`.
//!
//! `FOLDER/plan` has a line `NAME STEP FAULT` for each recording. A step is a
//! run of requests of one kind for the recording or its files beside it; each
//! fault happens once, before its step (`write` and `read`: in its middle, where
//! there is one). What was asked is written to `FOLDER/steps`, what is done to
//! `FOLDER/fired`; it is done when somebody has looked (`FOLDER/looked/NAME`). With a file `FOLDER/extensions`, the server has those alone.
#![allow(clippy::unwrap_used, reason = "a tap that cannot run has nothing to say")]

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

const VERSION: u8 = 2;
const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const DATA: u8 = 103;
const ATTRS: u8 = 105;
const PERMISSION_DENIED: u32 = 3;
const FAILURE: u32 = 4;

/// A packet of the protocol, without its length.
type Packet = Vec<u8>;

fn read_packet(from: &mut impl Read) -> Option<Packet> {
    let mut length = [0; 4];
    from.read_exact(&mut length).ok()?;
    let mut packet = vec![0; u32::from_be_bytes(length) as usize];
    from.read_exact(&mut packet).ok()?;
    Some(packet)
}

fn write_packet(to: &mut impl Write, packet: &[u8]) -> std::io::Result<()> {
    to.write_all(&(packet.len() as u32).to_be_bytes())?;
    to.write_all(packet)?;
    to.flush()
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().unwrap())
}

/// The string at the start of `bytes`, and what is behind it.
fn string(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = 4 + number(bytes) as usize;
    (&bytes[4..end], &bytes[end..])
}

#[derive(Default)]
struct Seen {
    /// Requests to open that have no answer yet, and open handles: to what.
    opening: HashMap<u32, String>,
    open: HashMap<Vec<u8>, String>,
    /// Of each recording: the step it is in, its kind, and how many requests it had.
    steps: HashMap<String, (usize, String, usize)>,
    /// The next answer with attributes or data of this request is false.
    falsify: HashMap<u32, &'static str>,
}

struct Tap {
    folder: PathBuf,
    /// Name of a recording, step, fault.
    plan: HashMap<String, (usize, String)>,
    seen: Arc<Mutex<Seen>>,
}

/// What a request asks, in a word, and the path that it is about.
fn asked(packet: &[u8], seen: &Seen) -> Option<(&'static str, String)> {
    let path = |bytes: &[u8]| String::from_utf8_lossy(string(bytes).0).into_owned();
    let open = |bytes: &[u8]| seen.open.get(string(bytes).0).cloned();
    let body = packet.get(5..)?;
    Some(match packet[0] {
        3 => {
            let writes = number(string(body).1) & 2 != 0;
            (if writes { "open-to-write" } else { "open-to-read" }, path(body))
        }
        4 => ("close", open(body)?),
        5 => ("read", open(body)?),
        6 => ("write", open(body)?),
        7 | 17 => ("stat", path(body)),
        9 => ("setstat", path(body)),
        13 => ("remove", path(body)),
        16 => ("realpath", path(body)),
        18 => ("rename", path(body)),
        200 => {
            let (name, data) = string(body);
            match name {
                b"fsync@openssh.com" => ("fsync", open(data)?),
                b"posix-rename@openssh.com" => ("posix-rename", path(data)),
                b"hardlink@openssh.com" => ("hardlink", path(data)),
                _ => return None,
            }
        }
        _ => return None,
    })
}

impl Tap {
    fn append(&self, file: &str, line: &str) {
        let opened = OpenOptions::new().create(true).append(true).open(self.folder.join(file));
        opened.unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn has_fired(&self, name: &str) -> bool {
        let fired = std::fs::read_to_string(self.folder.join("fired")).unwrap_or_default();
        fired.lines().any(|l| l.starts_with(name))
    }

    /// The fault that is due with this request.
    fn due(&self, packet: &[u8]) -> Option<(String, String)> {
        let mut seen = self.seen.lock().unwrap();
        let (kind, path) = asked(packet, &seen)?;
        if packet[0] == 3 {
            seen.opening.insert(number(&packet[1..]), path.clone());
        }
        let name = self.plan.keys().find(|name| path.ends_with(name.as_str()))?.clone();
        let at = seen.steps.entry(name.clone()).or_insert((0, String::new(), 0));
        if at.1 == kind {
            at.2 += 1;
        } else {
            *at = (at.0 + usize::from(!at.1.is_empty()), kind.to_owned(), 1);
        }
        let (step, count) = (at.0, at.2);
        if count == 1 {
            self.append("steps", &format!("{name} {step} {kind}"));
        }
        let (wanted, fault) = &self.plan[&name];
        // The middle of what has several requests: some of its effects are there.
        let moment = if matches!(kind, "write" | "read") { 2 } else { 1 };
        let later = *wanted + 1 == step && count == 1 && moment == 1;
        let due = (*wanted == step && count == moment) || (later && !self.has_fired(&name));
        (due && fault != "none" && !self.has_fired(&name)).then(|| {
            self.append("fired", &format!("{name} {step} {kind} {fault}"));
            (fault.clone(), path)
        })
    }

    /// Holds the request until somebody has looked at what is there now.
    fn wait_for_a_look(&self, name: &str) {
        let (looked, since) = (self.folder.join("looked").join(name), std::time::Instant::now());
        while !looked.exists() {
            assert!(since.elapsed().as_secs() < 60, "nobody looks at {name}");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
}

/// An answer of the server's own kind.
fn status(id: u32, code: u32) -> Packet {
    let mut packet = vec![STATUS];
    packet.extend_from_slice(&id.to_be_bytes());
    packet.extend_from_slice(&code.to_be_bytes());
    for text in ["", ""] {
        packet.extend_from_slice(&(text.len() as u32).to_be_bytes());
    }
    packet
}

/// Does it; `Some` is an answer in place of the server's.
fn happen(tap: &Tap, fault: &str, path: &str, packet: &[u8]) -> Option<Packet> {
    let id = number(&packet[1..]);
    // The recording itself, also where a file beside it is asked for.
    let (folder, name) = path.rsplit_once('/').unwrap();
    let name = tap.plan.keys().find(|n| name.ends_with(n.as_str())).unwrap();
    let file = Path::new(folder).join(name);
    tap.wait_for_a_look(name);
    match fault {
        "kill" => {
            let pid = std::fs::read_to_string(tap.folder.join("pid")).unwrap();
            Command::new("kill").args(["-KILL", pid.trim()]).status().unwrap();
            std::thread::sleep(std::time::Duration::from_millis(50));
            std::process::exit(0);
        }
        "cut" => std::process::exit(0),
        "server" => {
            tap.append("restart", "now");
            std::thread::sleep(std::time::Duration::from_secs(5));
            std::process::exit(0);
        }
        "refused" => return Some(status(id, FAILURE)),
        "denied" => return Some(status(id, PERMISSION_DENIED)),
        // What befell the disk or the file, whoever looked has done.
        "full" | "own-disk" | "permission" => {}
        "changed" => {
            let mut bytes = std::fs::read(&file).unwrap();
            let last = bytes.len() - 1;
            bytes[last] ^= 0x55;
            std::fs::write(&file, bytes).unwrap();
            date(&file, 1_700_000_000);
        }
        "appended" => {
            OpenOptions::new().append(true).open(&file).unwrap().write_all(&[0x11; 1_600]).unwrap();
            date(&file, 1_700_000_001);
        }
        "gone" => {
            std::fs::copy(&file, tap.folder.join(name)).unwrap();
            std::fs::remove_file(&file).unwrap();
        }
        "length" => {
            tap.seen.lock().unwrap().falsify.insert(id, "length");
        }
        other => panic!("no fault {other}"),
    }
    None
}

/// Long ago, but not when it was: whoever wrote it has gone.
fn date(file: &Path, epoch_s: u64) {
    let opened = OpenOptions::new().write(true).open(file).unwrap();
    opened.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(epoch_s)).unwrap();
}

/// The server's greeting with the extensions alone that an older one has.
fn without_newer(packet: &[u8], known: &str) -> Packet {
    let (mut kept, mut rest) = (packet[..5].to_vec(), &packet[5..]);
    while !rest.is_empty() {
        let (name, after) = string(rest);
        let (_, next) = string(after);
        if known.split_whitespace().any(|k| k.as_bytes() == name) {
            kept.extend_from_slice(&rest[..rest.len() - next.len()]);
        }
        rest = next;
    }
    kept
}

/// One byte more than there is, or some fewer than were read.
fn falsified(mut packet: Packet) -> Packet {
    match packet[0] {
        ATTRS if number(&packet[5..]) & 1 != 0 => {
            let size = u64::from_be_bytes(packet[9..17].try_into().unwrap()) + 1;
            packet[9..17].copy_from_slice(&size.to_be_bytes());
        }
        DATA => {
            let less = number(&packet[5..]) / 2;
            packet[5..9].copy_from_slice(&less.to_be_bytes());
            packet.truncate(9 + less as usize);
        }
        _ => {}
    }
    packet
}

fn main() {
    let mut args = std::env::args().skip(1);
    let (folder, server) = (PathBuf::from(args.next().unwrap()), args.next().unwrap());
    let server_args: Vec<String> = args.collect();
    let text = std::fs::read_to_string(folder.join("plan")).unwrap_or_default();
    let line = |line: &str| {
        let mut parts = line.split(' ').map(str::to_owned);
        Some((parts.next()?, (parts.next()?.parse().ok()?, parts.next()?)))
    };
    let plan = text.lines().filter_map(line).collect();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let tap = Tap { folder, plan, seen: seen.clone() };
    let mut server = Command::new(server);
    let mut child = server.args(server_args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut to_server, mut from_server) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let out = Arc::new(Mutex::new(std::io::stdout()));
    let answers = out.clone();
    let extensions = std::fs::read_to_string(tap.folder.join("extensions")).ok();
    let reader = std::thread::spawn(move || {
        while let Some(mut packet) = read_packet(&mut from_server) {
            if let (VERSION, Some(known)) = (packet[0], &extensions) {
                packet = without_newer(&packet, known);
            } else if packet.len() >= 5 {
                let id = number(&packet[1..]);
                let mut seen = seen.lock().unwrap();
                if packet[0] == HANDLE
                    && let Some(path) = seen.opening.remove(&id)
                {
                    seen.open.insert(string(&packet[5..]).0.to_vec(), path);
                }
                if seen.falsify.remove(&id).is_some() {
                    packet = falsified(packet);
                }
            }
            if write_packet(&mut *answers.lock().unwrap(), &packet).is_err() {
                break;
            }
        }
        std::process::exit(0);
    });
    let mut requests = std::io::stdin();
    while let Some(packet) = read_packet(&mut requests) {
        let instead = match packet.len() {
            0..5 => None,
            _ => tap.due(&packet).and_then(|(fault, path)| happen(&tap, &fault, &path, &packet)),
        };
        let sent = match instead {
            Some(answer) => write_packet(&mut *out.lock().unwrap(), &answer),
            None => write_packet(&mut to_server, &packet),
        };
        if sent.is_err() {
            break;
        }
    }
    drop(to_server);
    let _ = child.wait();
    let _ = reader.join();
}
