//! A PBX that swallows what is sent to it delays no other.

use crate::office::{Office, PLAIN, SECRETS, Unsaid};
use crate::servers::eventually;
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// Accepts connections and never says a word.
fn black_hole() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().flatten().collect::<Vec<_>>());
    port
}

fn pbx(settings: &str, tenant: &str) -> String {
    let (_, pbx) = settings.split_once("[[pbx]]\n").unwrap();
    format!("[[pbx]]\ntenant = \"{tenant}\"\n{pbx}")
}

fn is_redacted(office: &Office, fresh: &Office) -> bool {
    SECRETS.iter().all(|s| office.read(s.0) != fresh.read(s.0))
}

#[test]
fn one_black_hole_among_ten_pbxs_delays_none_of_the_others() {
    let (fresh, lost) = (Office::lay_out(), Office::lay_out());
    let offices: Vec<Office> = (0..9).map(|_| Office::lay_out()).collect();
    let (top, _) =
        offices[0].settings().split_once("[[pbx]]\n").map(|(t, p)| (t.to_owned(), p.to_owned())).unwrap();
    // Its calls are there, with its recordings behind a server that never answers.
    let port = black_hole();
    let hole = pbx(&lost.settings(), "hole");
    let (hole, _) = hole.split_once("[pbx.recordings]").unwrap();
    let hole = format!(
        "{hole}[pbx.recordings]\nkind = \"sftp\"\nhost = \"127.0.0.1\"\nport = {port}\nuser = \"x\"\npassword = \"y\"\n\
         host_key = \"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"\nbase = \"{}\"\n",
        lost.monitor().display()
    );
    let others: String =
        offices.iter().enumerate().map(|(n, o)| pbx(&o.settings(), &format!("t{n}"))).collect();
    // Alone first, for the measure; then with the black hole read before all others.
    let alone = time(&top, &others, &offices, &fresh);
    let offices: Vec<Office> = (0..9).map(|_| Office::lay_out()).collect();
    let others: String =
        offices.iter().enumerate().map(|(n, o)| pbx(&o.settings(), &format!("t{n}"))).collect();
    let beside = time(&format!("{top}{hole}"), &others, &offices, &fresh);
    println!("nine offices alone {alone:?}, beside a black hole {beside:?}");
    // The hole's timeouts are 20 s and 60 s; one of them in the others' way would show.
    assert!(beside < alone + Duration::from_secs(12), "alone {alone:?}, beside a black hole {beside:?}");
    for path in SECRETS.iter().map(|s| s.0).chain(PLAIN.iter().copied()) {
        assert_eq!(lost.read(path), fresh.read(path), "nothing behind the hole is touched");
    }
}

/// From the start until all nine offices are redacted.
fn time(top: &str, others: &str, offices: &[Office], fresh: &Office) -> Duration {
    let mut unsaid = Unsaid::serve(offices[0].path(), &format!("{top}{others}"));
    unsaid.wait_until_ready();
    let started = Instant::now();
    eventually("nine offices are redacted", 120, || {
        offices.iter().all(|o| is_redacted(o, fresh)).then_some(())
    });
    started.elapsed()
}
