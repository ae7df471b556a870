//! A disk that can be filled: a tmpfs of some megabytes.

use super::{is_root, run};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    /// Mounts one at the folder `at`; `None` where the kernel lets this user mount nothing
    /// (a container without `CAP_SYS_ADMIN`), with a sentence.
    pub fn mount(at: &Path, megabytes: usize) -> Option<SmallDisk> {
        std::fs::create_dir_all(at).unwrap();
        let options = format!("size={megabytes}m,mode=0777");
        let mut mount = as_root("mount");
        if !run(mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at)) {
            eprintln!("no disk can be mounted here, so none is filled: run as root, or let sudo mount");
            return None;
        }
        Some(SmallDisk { at: at.to_owned() })
    }

    /// Writes until the kernel says that nothing is left.
    pub fn fill(&self) {
        let mut file = std::fs::File::create(self.at.join(BALLAST)).unwrap();
        let zeros = vec![0; 1 << 16];
        for len in [zeros.len(), 1] {
            while file.write_all(&zeros[..len]).is_ok() {}
        }
    }

    /// Removes what [`SmallDisk::fill`] wrote.
    pub fn make_room(&self) {
        let _ = std::fs::remove_file(self.at.join(BALLAST));
    }
}

/// Runs a shell script that mounts what nobody else sees; `None` where the kernel lets this user
/// mount nothing so (a container, a chroot), with a sentence.
pub fn with_own_mounts(script: &str) -> Option<Output> {
    let own = || {
        let mut unshare = Command::new("unshare");
        unshare.args(["--map-root-user", "--mount"]);
        unshare
    };
    if !run(own().arg("true")) {
        eprintln!("no disk of one's own can be mounted here, so none is filled");
        return None;
    }
    Some(own().args(["sh", "-c", script]).output().unwrap())
}

const BALLAST: &str = "ballast";

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run(as_root("umount").arg("--lazy").arg(&self.at));
    }
}

fn as_root(program: &str) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", program]);
    command
}
