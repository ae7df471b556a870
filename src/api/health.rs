//! Liveness, readiness, and what Prometheus scrapes.

use super::ApiState;
use super::error::ApiError;
use actix_web::{HttpResponse, web};
use serde_json::json;

/// The process answers.
#[utoipa::path(get, path = "/healthz", responses((status = 200, description = "the process answers")))]
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// The process can do its work: its database answers.
#[utoipa::path(get, path = "/readyz", responses(
    (status = 200, description = "ready"), (status = 503, description = "the database does not answer")))]
pub async fn readyz(state: web::Data<ApiState>) -> Result<HttpResponse, ApiError> {
    state.store.ping().await?;
    Ok(HttpResponse::Ok().json(json!({ "status": "ready" })))
}

/// Prometheus text format 0.0.4.
#[utoipa::path(get, path = "/metrics", responses((status = 200, description = "Prometheus text format")))]
pub async fn metrics(state: web::Data<ApiState>) -> Result<HttpResponse, ApiError> {
    let text = state.metrics.render().map_err(|error| {
        tracing::error!(%error, "metrics");
        ApiError::Internal
    })?;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text))
}
