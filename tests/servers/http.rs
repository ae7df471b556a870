//! A real HTTP server that answers as it is told and remembers what it was asked.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One answer.
#[derive(Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    pub after: Duration,
}

impl Answer {
    pub fn ok(body: impl Into<String>) -> Answer {
        Answer { status: 200, body: body.into(), ..Answer::default() }
    }

    pub fn status(status: u16) -> Answer {
        Answer {
            status,
            body: "{\"error\":{\"message\":\"4532148803436467\"}}".to_owned(),
            ..Answer::default()
        }
    }
}

/// A request that came in.
#[derive(Clone)]
pub struct Asked {
    /// With the query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

#[derive(Default)]
struct Script {
    answers: VecDeque<Answer>,
    asked: Vec<Asked>,
}

/// The server; the last answer is given again when the others are used up.
pub struct Http {
    pub url: String,
    script: Arc<Mutex<Script>>,
}

impl Http {
    pub fn start(answers: Vec<Answer>) -> Http {
        let script = Arc::new(Mutex::new(Script { answers: answers.into(), asked: Vec::new() }));
        let shared = web::Data::from(script.clone());
        let (send, port) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    App::new()
                        .app_data(shared.clone())
                        .app_data(web::PayloadConfig::new(64 << 20))
                        .default_service(web::to(answer))
                })
                .workers(1)
                .bind("127.0.0.1:0")
                .unwrap();
                send.send(server.addrs()[0].port()).unwrap();
                server.run().await.unwrap();
            });
        });
        Http { url: format!("http://127.0.0.1:{}/v1", port.recv().unwrap()), script }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.script.lock().unwrap().asked.clone()
    }
}

async fn answer(request: HttpRequest, body: web::Bytes, script: web::Data<Mutex<Script>>) -> HttpResponse {
    let answer = {
        let mut script = script.lock().unwrap();
        let headers = request.headers().iter();
        let headers = headers.map(|(n, v)| (n.to_string(), v.to_str().unwrap_or_default().to_owned()));
        script.asked.push(Asked {
            path: request.uri().to_string(),
            headers: headers.collect(),
            body: body.to_vec(),
        });
        if script.answers.len() > 1 { script.answers.pop_front() } else { script.answers.front().cloned() }
    };
    let answer = answer.unwrap();
    tokio::time::sleep(answer.after).await;
    let status = actix_web::http::StatusCode::from_u16(answer.status).unwrap();
    let mut response = HttpResponse::build(status);
    for (name, value) in &answer.headers {
        response.insert_header((*name, value.as_str()));
    }
    response.content_type("application/json").body(answer.body)
}
