//! What the page says of a PBX's connections, its folders and its schedule.

use crate::office::{Office, Unsaid};
use crate::servers::chromium::Browser;
use crate::servers::mariadb::{MariaDb, PASSWORD, USER};
use crate::servers::openssh::Sshd;
use serde_json::Value;

fn test(unsaid: &Unsaid, pbx: &str, what: &str) -> (u16, Value) {
    let url = format!("{}/api/v1/integrations/freepbx/{pbx}/test-{what}", unsaid.url);
    let answer = reqwest::blocking::Client::new().post(url).send().unwrap();
    (answer.status().as_u16(), answer.json().unwrap())
}

#[test]
fn test_mysql_and_test_ssh_say_what_is_wrong_and_the_page_shows_it() {
    let (office, mut sshd, mut db) = (Office::lay_out(), Sshd::start(), MariaDb::start(false));
    db.load_samples();
    let local = format!("kind = \"local\"\nbase = \"{}\"\n", office.monitor().display());
    let csv = format!(
        "kind = \"csv\"\npath = \"{}\"\ninterval = \"200ms\"\n",
        office.path().join("cdr.csv").display()
    );
    let source = format!(
        "kind = \"freepbx\"\nhost = \"127.0.0.1\"\nport = {}\nuser = \"{USER}\"\npassword = \"{PASSWORD}\"\ntls = \"off\"\n",
        db.port
    );
    let settings =
        office.settings().replace(&local, &sshd.settings(&office.monitor())).replace(&csv, &source);
    let settings = format!("{settings}[pbx.retention]\ndays = 30000\nat = \"03:30\"\n");
    assert!(settings.contains("sftp") && settings.contains("freepbx"));
    let mut unsaid = Unsaid::serve(office.path(), &settings);
    unsaid.wait_until_ready();
    let (status, mysql) = test(&unsaid, "office", "mysql");
    assert_eq!((status, &mysql["ok"]), (200, &Value::Bool(true)), "{mysql}");
    assert!(mysql["message"].as_str().unwrap().contains("newest call"), "{mysql}");
    let (_, ssh) = test(&unsaid, "office", "ssh");
    assert!(
        ssh["ok"] == true && ssh["message"].as_str().unwrap().contains("can be read and written"),
        "{ssh}"
    );
    assert_eq!((test(&unsaid, "other", "ssh").0, test(&unsaid, "other", "mysql").0), (404, 404));

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let browser = runtime.block_on(async {
        let browser = Browser::start().await;
        browser.open(&unsaid.url).await;
        browser.script("document.querySelector('#pbxs summary').click()").await;
        let shown = |text: &str| format!("document.querySelector('#pbxs').innerText.includes({text:?})");
        browser.until("the folder is counted", &shown("05/14/24 – 05/15/24. 2 days")).await;
        browser.until("the schedule is told", &shown("The last 30000 days are kept. Next:")).await;
        browser.script("[...document.querySelectorAll('#pbxs button')].find(b => b.innerText === 'Test SSH').click()").await;
        browser.until("the test is told", &shown("can be read and written")).await;
        browser
    });
    sshd.stop();
    db.stop();
    let (_, ssh) = test(&unsaid, "office", "ssh");
    let message = ssh["message"].as_str().unwrap();
    assert!(
        ssh["ok"] == false && message.contains("cannot be reached") && message.contains("firewall"),
        "{ssh}"
    );
    let (_, mysql) = test(&unsaid, "office", "mysql");
    let message = mysql["message"].as_str().unwrap();
    assert!(
        mysql["ok"] == false && message.contains("check that MariaDB listens") && !message.contains(PASSWORD),
        "{mysql}"
    );
    runtime.block_on(async {
        browser.script("[...document.querySelectorAll('#pbxs button')].find(b => b.innerText === 'Test MySQL').click()").await;
        let shown = "document.querySelector('#pbxs .bad')?.innerText.includes('check that MariaDB listens')";
        browser.until("what is wrong is told", shown).await;
        // Paused and let go on by the page.
        let button = |label: &str| format!("[...document.querySelectorAll('#pbxs button')].find(b => b.innerText === '{label}')");
        browser.script(&format!("{}.click()", button("Pause reading"))).await;
        browser.until("it is paused", "document.querySelector('#syncs').innerText.includes('reading is paused')").await;
        browser.until("it can go on", &button("Go on reading")).await;
        browser.close().await;
    });
    let states = unsaid.get("/api/v1/integrations/freepbx/sync").unwrap();
    assert_eq!(states[0]["paused"], true, "{states}");
}
