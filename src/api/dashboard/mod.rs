//! The page, compiled in: plain HTML, CSS and JavaScript, nothing from elsewhere.

use actix_web::HttpResponse;

fn text(content_type: &str, body: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type(content_type).body(body)
}

pub async fn page() -> HttpResponse {
    text("text/html; charset=utf-8", include_str!("index.html"))
}

pub async fn script() -> HttpResponse {
    text("text/javascript; charset=utf-8", include_str!("app.js"))
}

pub async fn pbxs() -> HttpResponse {
    text("text/javascript; charset=utf-8", include_str!("pbxs.js"))
}

pub async fn dom() -> HttpResponse {
    text("text/javascript; charset=utf-8", include_str!("dom.js"))
}

pub async fn style() -> HttpResponse {
    text("text/css; charset=utf-8", include_str!("style.css"))
}
