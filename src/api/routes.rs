//! Every route, in one list, and what stands before all of them.

use super::error::ApiError;
use super::{calls, connections, dashboard, events, health, hooks, integrations, openapi, playback, sync};
use crate::metrics::Metrics;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, web};
use std::sync::Arc;
use std::time::Instant;

pub fn configure(app: &mut web::ServiceConfig) {
    app.route("/", web::get().to(dashboard::page))
        .route("/app.js", web::get().to(dashboard::script))
        .route("/pbxs.js", web::get().to(dashboard::pbxs))
        .route("/dom.js", web::get().to(dashboard::dom))
        .route("/style.css", web::get().to(dashboard::style))
        .route("/healthz", web::get().to(health::healthz))
        .route("/readyz", web::get().to(health::readyz))
        .route("/metrics", web::get().to(health::metrics))
        .route("/api/v1/calls", web::get().to(calls::list))
        .route("/api/v1/calls/{id}", web::get().to(calls::one))
        .route("/api/v1/calls/{id}/hold", web::put().to(integrations::hold))
        .route("/api/v1/recordings/{id}/audio", web::get().to(playback::audio))
        .route("/api/v1/recordings/{id}/audio", web::head().to(playback::audio))
        .route("/api/v1/events", web::get().to(events::stream))
        .route("/api/v1/hooks/recording", web::post().to(hooks::recording))
        .route("/api/v1/hooks/twilio/{tenant}/{pbx}", web::post().to(hooks::twilio))
        .route("/api/v1/integrations/freepbx/refresh", web::post().to(hooks::refresh))
        .route("/api/v1/integrations/freepbx/sync", web::get().to(sync::syncs))
        .route("/api/v1/integrations/freepbx/{pbx}/sync", web::put().to(sync::pause))
        .route("/api/v1/integrations/freepbx/{pbx}/test-mysql", web::post().to(connections::test_mysql))
        .route("/api/v1/integrations/freepbx/{pbx}/test-ssh", web::post().to(connections::test_ssh))
        .route("/api/v1/integrations/freepbx/recordings-stats", web::get().to(integrations::recordings_stats))
        .route("/api/v1/integrations/freepbx/retention", web::get().to(integrations::retention))
        .route("/api/v1/openapi.json", web::get().to(openapi::serve))
        .default_service(web::to(|| async { ApiError::NotFound("there is nothing at this address") }));
}

/// What a PBX on another machine may reach.
pub fn configure_hooks(app: &mut web::ServiceConfig) {
    app.route("/healthz", web::get().to(health::healthz))
        .route("/api/v1/hooks/recording", web::post().to(hooks::recording))
        .route("/api/v1/hooks/twilio/{tenant}/{pbx}", web::post().to(hooks::twilio))
        .default_service(web::to(|| async { ApiError::NotFound("there is nothing at this address") }));
}

/// A page elsewhere that points a name of its own at 127.0.0.1 is not answered.
pub async fn only_loopback_hosts(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    // The Host header itself: a page can add a forwarding header, it cannot change this one.
    let header = request.headers().get(header::HOST).and_then(|h| h.to_str().ok());
    if !is_loopback(header.or_else(|| request.uri().host()).unwrap_or("")) {
        return Err(ApiError::Forbidden("this server answers under localhost and 127.0.0.1 only").into());
    }
    // A form of another site is sent along without asking; browsers say whose it is.
    let origin = request.headers().get(header::ORIGIN).and_then(|h| h.to_str().ok());
    let elsewhere = origin.is_some_and(|o| !is_loopback(o.split_once("://").map_or("", |(_, host)| host)));
    if elsewhere && !request.method().is_safe() {
        return Err(ApiError::Forbidden("a page of another site asked for this").into());
    }
    next.call(request).await
}

/// `localhost:8080`, `127.0.0.1`, `[::1]:80`.
fn is_loopback(host: &str) -> bool {
    let port = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let name = port.map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Times every request by its route's pattern, never by its path.
pub async fn measured(
    metrics: Arc<Metrics>,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let route = request.match_pattern().unwrap_or_else(|| "none".to_owned());
    let response = next.call(request).await;
    let status = match &response {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    let labels = [route.as_str(), status.as_str()];
    metrics.api_seconds.with_label_values(&labels).observe(started.elapsed().as_secs_f64());
    response
}
