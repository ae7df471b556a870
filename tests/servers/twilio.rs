//! Twilio's voice API as its documentation has it, over HTTP: lists in pages,
//! media with ranges, deletion, the account's password.
//! <https://www.twilio.com/docs/voice/api/recording>

use actix_web::http::header;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

pub const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
pub const TOKEN: &str = "a token of the account";

#[derive(Default)]
pub struct Account {
    pub calls: Vec<Value>,
    pub recordings: Vec<Value>,
    /// A recording's audio by its sid.
    pub media: BTreeMap<String, Vec<u8>>,
    pub deleted: Vec<String>,
    /// Deletions are answered with this, when it is not 0.
    pub refuse_deletion: u16,
    /// So many requests are answered 429 before all others.
    pub busy: u32,
    /// Method and path with query of every request that was let in.
    pub asked: Vec<String>,
}

pub struct Twilio {
    pub url: String,
    account: Arc<Mutex<Account>>,
}

impl Twilio {
    pub fn start() -> Twilio {
        let account = Arc::new(Mutex::new(Account::default()));
        let shared = web::Data::from(account.clone());
        let (send, port) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    App::new().app_data(shared.clone()).default_service(web::to(answer))
                });
                let server = server.workers(1).bind("127.0.0.1:0").unwrap();
                send.send(server.addrs()[0].port()).unwrap();
                server.run().await.unwrap();
            });
        });
        Twilio { url: format!("http://127.0.0.1:{}", port.recv().unwrap()), account }
    }

    pub fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap()
    }

    /// A call that ended; `minute` of 14 May 2024, 09:00 UTC.
    pub fn call(&self, n: u32, direction: &str, status: &str, minute: u32, parent: Option<u32>) -> String {
        let sid = sid("CA", n);
        let at = format!("Tue, 14 May 2024 09:{minute:02}:12 +0000");
        self.account().calls.push(json!({
            "sid": sid, "parent_call_sid": parent.map(|p| self::sid("CA", p)), "account_sid": ACCOUNT,
            "from": "+15557654321", "to": if parent.is_some() { "client:alice" } else { "+15551230000" },
            "direction": direction, "status": status, "start_time": at, "end_time": at, "duration": "40",
            "answered_by": null, "api_version": "2010-04-01", "price": null,
        }));
        sid
    }

    /// Its recording.
    pub fn recording(&self, n: u32, call: &str, channels: u32, media: Vec<u8>) -> String {
        let sid = sid("RE", n);
        self.account().recordings.push(json!({
            "sid": sid, "call_sid": call, "account_sid": ACCOUNT, "status": "completed", "channels": channels,
            "duration": "31", "source": "RecordVerb", "date_created": "Tue, 14 May 2024 09:41:00 +0000",
            "date_updated": "Tue, 14 May 2024 09:41:00 +0000", "start_time": "Tue, 14 May 2024 09:30:13 +0000",
            "error_code": null, "price": null, "encryption_details": null,
        }));
        self.account().media.insert(sid.clone(), media);
        sid
    }
}

pub fn sid(prefix: &str, n: u32) -> String {
    format!("{prefix}{:032x}", (u128::from(n) << 96) | u128::from(n))
}

fn error(status: u16) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(status).unwrap();
    HttpResponse::build(status)
        .json(json!({"code": 20404, "message": "as documented", "status": status.as_u16()}))
}

async fn answer(request: HttpRequest, account: web::Data<Mutex<Account>>) -> HttpResponse {
    let mut account = account.lock().unwrap();
    let expected = format!("Basic {}", BASE64_STANDARD.encode(format!("{ACCOUNT}:{TOKEN}")));
    let given = request.headers().get(header::AUTHORIZATION).and_then(|a| a.to_str().ok());
    if given != Some(expected.as_str()) {
        return error(401);
    }
    account.asked.push(format!("{} {}", request.method(), request.uri()));
    if account.busy > 0 {
        account.busy -= 1;
        return HttpResponse::TooManyRequests()
            .insert_header(("Retry-After", "0"))
            .json(json!({"status": 429}));
    }
    let base = format!("/2010-04-01/Accounts/{ACCOUNT}/");
    let Some(path) = request.path().strip_prefix(base.as_str()) else { return error(404) };
    let query: BTreeMap<String, String> =
        web::Query::<BTreeMap<String, String>>::from_query(request.query_string()).unwrap().into_inner();
    match path.split_once('/') {
        None if path == "Calls.json" => {
            list(&account.calls, "calls", "StartTime>", "start_time", &query, &base)
        }
        None if path == "Recordings.json" => {
            list(&account.recordings, "recordings", "DateCreated>", "date_created", &query, &base)
        }
        Some(("Calls", name)) => {
            let found =
                account.calls.iter().find(|c| Some(c["sid"].as_str().unwrap()) == name.strip_suffix(".json"));
            found.map_or_else(|| error(404), |c| HttpResponse::Ok().json(c))
        }
        Some(("Recordings", name)) if name.ends_with(".json") && request.method() == "DELETE" => {
            let sid = name.trim_end_matches(".json").to_owned();
            if account.refuse_deletion != 0 {
                return error(account.refuse_deletion);
            }
            let known = account.media.remove(&sid).is_some();
            account.recordings.retain(|r| r["sid"] != sid.as_str());
            account.deleted.push(sid);
            if known { HttpResponse::NoContent().finish() } else { error(404) }
        }
        Some(("Recordings", name)) if name.ends_with(".wav") => media(&request, &account, name, &query),
        _ => error(404),
    }
}

/// Pages of two, whatever is asked for: a client that does not turn pages misses calls.
fn list(
    all: &[Value],
    field: &str,
    key: &str,
    by: &str,
    query: &BTreeMap<String, String>,
    base: &str,
) -> HttpResponse {
    const PAGE: usize = 2;
    let since = query.get(key).cloned().unwrap_or_default();
    let day = |v: &Value| {
        chrono::DateTime::parse_from_rfc2822(v[by].as_str().unwrap()).unwrap().format("%Y-%m-%d").to_string()
    };
    let found: Vec<&Value> = all.iter().filter(|v| day(v) >= since).collect();
    let page: usize = query.get("Page").map_or(0, |p| p.parse().unwrap());
    let part: Vec<&&Value> = found.iter().skip(page * PAGE).take(PAGE).collect();
    let name = if field == "calls" { "Calls" } else { "Recordings" };
    let next = ((page + 1) * PAGE < found.len()).then(|| {
        format!("{base}{name}.json?{}={since}&Page={}&PageToken=PA{page}", key.replace('>', "%3E"), page + 1)
    });
    HttpResponse::Ok().json(json!({ field: part, "next_page_uri": next, "page": page, "page_size": PAGE }))
}

fn media(
    request: &HttpRequest,
    account: &Account,
    name: &str,
    query: &BTreeMap<String, String>,
) -> HttpResponse {
    let sid = name.trim_end_matches(".wav");
    let Some(bytes) = account.media.get(sid) else { return error(404) };
    let meta = account.recordings.iter().find(|r| r["sid"] == sid).unwrap();
    let wanted = query.get("RequestedChannels").map_or("1", String::as_str);
    if wanted == "2" && meta["channels"] != 2 {
        return error(400);
    }
    let mut response = HttpResponse::Ok();
    response.content_type("audio/x-wav");
    let range = request.headers().get(header::RANGE).and_then(|r| r.to_str().ok());
    let Some(range) = range.and_then(|r| r.strip_prefix("bytes=")?.split_once('-')) else {
        return response.body(bytes.clone());
    };
    let (from, to): (usize, usize) = (range.0.parse().unwrap(), range.1.parse().unwrap());
    if from >= bytes.len() {
        return error(416);
    }
    let to = to.min(bytes.len() - 1);
    let mut response = HttpResponse::PartialContent();
    response.insert_header((header::CONTENT_RANGE, format!("bytes {from}-{to}/{}", bytes.len())));
    response.body(bytes[from..=to].to_vec())
}
