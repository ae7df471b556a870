//! The API's description, made from the handlers; `schemas/openapi.json` is its copy.

use super::{calls, connections, events, health, hooks, integrations, playback, sync};
use actix_web::HttpResponse;
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(title = "unsaid", description = "Calls, their redacted recordings and what was silenced."),
    paths(
        health::healthz,
        health::readyz,
        health::metrics,
        calls::list,
        calls::one,
        playback::audio,
        events::stream,
        hooks::recording,
        hooks::twilio,
        hooks::refresh,
        integrations::recordings_stats,
        integrations::retention,
        integrations::hold,
        connections::test_mysql,
        connections::test_ssh,
        sync::syncs,
        sync::pause,
        serve
    )
)]
struct Document;

/// The document as JSON.
pub fn document() -> serde_json::Value {
    serde_json::to_value(Document::openapi()).unwrap_or_default()
}

/// This description.
#[utoipa::path(get, path = "/api/v1/openapi.json", responses((status = 200, description = "OpenAPI 3.1")))]
pub async fn serve() -> HttpResponse {
    HttpResponse::Ok().json(document())
}
