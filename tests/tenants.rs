//! Each tenant's recordings are silenced by its own rules.

use crate::office::{Office, SECRETS, Unsaid};
use crate::servers::eventually;

/// What a tenant keeps by its own rules is silenced for the others.
#[test]
fn each_tenants_recordings_are_silenced_by_its_own_rules() {
    let (all, acme) = (Office::lay_out(), Office::lay_out());
    let (top, pbx) =
        acme.settings().split_once("[[pbx]]\n").map(|(_, p)| (all.settings(), p.to_owned())).unwrap();
    let settings = format!(
        "{top}[[pbx]]\ntenant = \"acme\"\n{pbx}[redact.tenants.acme]\nrules.categories = [\"dob\"]\n"
    );
    let mut unsaid = Unsaid::serve(all.path(), &settings);
    unsaid.wait_until_ready();
    let files =
        |office: &Office| SECRETS.iter().filter(|s| office.read(s.0) != Office::lay_out().read(s.0)).count();
    eventually("every recording of the tenant without rules of its own is silenced", 60, || {
        (files(&all) == SECRETS.len()).then_some(())
    });
    eventually("the other tenant's are done too", 60, || {
        let text = reqwest::blocking::get(format!("{}/metrics", unsaid.url)).ok()?.text().ok()?;
        let done: f64 = text
            .lines()
            .filter(|l| l.starts_with("unsaid_redactions_total"))
            .filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok())
            .sum();
        (done >= 26.0).then_some(())
    });
    // Keyed tones go whatever was spoken; of what was spoken, a date of birth alone.
    let silenced = files(&acme);
    assert!((1..SECRETS.len()).contains(&silenced), "{silenced} of {} were silenced", SECRETS.len());
}
