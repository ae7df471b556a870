//! The API and the page, by actix-web. Until there is a sign-in it listens on
//! loopback only, and answers only requests that name a loopback host: a web
//! page elsewhere cannot reach it by rebinding a name.

mod calls;
mod connections;
mod dashboard;
mod error;
mod events;
mod health;
mod hooks;
mod integrations;
mod openapi;
mod playback;
mod routes;
mod sync;

pub use openapi::document as openapi_document;

use crate::call::TenantId;
use crate::metrics::Metrics;
use crate::recordings::unchanged::Unchanged;
use crate::stage::pbx::Pbxs;
use crate::store::Store;
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::{App, HttpServer, web};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What the handlers work on.
#[derive(Clone)]
pub struct ApiState {
    pub store: Store,
    pub pbxs: Pbxs,
    pub metrics: Arc<Metrics>,
    /// What is played is what was heard.
    pub unchanged: Unchanged,
    /// Whose calls are shown, until users sign in.
    pub tenant: TenantId,
}

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("{0} is not a loopback address; without a sign-in the API listens on 127.0.0.1 only")]
    NotLoopback(SocketAddr),
    #[error(
        "{address} cannot be listened on: {reason}; stop what holds it, or choose another with api.listen or api.hooks_listen"
    )]
    Bind { address: SocketAddr, reason: String },
    #[error("the API stopped: {0}")]
    Stopped(String),
}

/// Serves until `shutdown`.
///
/// # Errors
/// [`ServeError`] when the address is not loopback or is taken.
pub async fn serve(
    state: ApiState,
    listen: SocketAddr,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    if !listen.ip().is_loopback() {
        return Err(ServeError::NotLoopback(listen));
    }
    let live = events::Live::start(state.store.clone(), state.tenant.clone(), shutdown.clone());
    let stats = integrations::StatsCache::default();
    let metrics = state.metrics.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(state.clone()))
            .app_data(web::Data::new(live.clone()))
            .app_data(web::Data::new(stats.clone()))
            .wrap(from_fn(routes::only_loopback_hosts))
            .wrap(from_fn({
                let metrics = metrics.clone();
                move |request, next| routes::measured(metrics.clone(), request, next)
            }))
            .wrap(
                DefaultHeaders::new()
                    .add(("X-Content-Type-Options", "nosniff"))
                    .add(("X-Frame-Options", "DENY"))
                    .add(("Referrer-Policy", "no-referrer"))
                    .add(("Cache-Control", "no-store"))
                    .add((
                        "Content-Security-Policy",
                        "default-src 'self'; object-src 'none'; base-uri 'none'",
                    )),
            )
            .configure(routes::configure)
    })
    .workers(2)
    .disable_signals()
    .shutdown_timeout(5)
    .bind(listen)
    .map_err(|e| ServeError::Bind { address: listen, reason: e.to_string() })?
    .run();
    until(server, shutdown).await
}

/// Serves what a PBX on another machine may reach, on an address of its own.
///
/// # Errors
/// [`ServeError`] when the address is taken.
pub async fn serve_hooks(
    state: ApiState,
    listen: SocketAddr,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let metrics = state.metrics.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(state.clone()))
            .wrap(from_fn({
                let metrics = metrics.clone();
                move |request, next| routes::measured(metrics.clone(), request, next)
            }))
            .configure(routes::configure_hooks)
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(5)
    .client_request_timeout(HOOK_TIMEOUT)
    .bind(listen)
    .map_err(|e| ServeError::Bind { address: listen, reason: e.to_string() })?
    .run();
    until(server, shutdown).await
}

/// A PBX sends its few bytes at once.
const HOOK_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

async fn until(server: actix_web::dev::Server, shutdown: CancellationToken) -> Result<(), ServeError> {
    let handle = server.handle();
    tokio::spawn(async move {
        shutdown.cancelled().await;
        handle.stop(true).await;
    });
    server.await.map_err(|e| ServeError::Stopped(e.to_string()))
}
