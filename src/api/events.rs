//! Calls as they change, by server-sent events (WHATWG HTML section 9.2). The
//! store is the source, so that calls which another process ended show too.

use crate::call::TenantId;
use crate::store::Store;
use actix_web::http::header::ContentEncoding;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpResponse, http::header};
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_util::sync::CancellationToken;

const LOOK_EVERY: Duration = Duration::from_millis(400);
/// Clocks of several writers differ; what was seen already is told apart by its time.
const OVERLAP: TimeDelta = TimeDelta::seconds(5);
const BATCH: i64 = 500;
const BACKLOG: usize = 1_024;

/// Changed calls, for every page that is open.
#[derive(Clone)]
pub struct Live {
    changed: broadcast::Sender<Bytes>,
    shutdown: CancellationToken,
}

impl Live {
    /// Begins to look for changes while somebody listens.
    pub fn start(store: Store, tenant: TenantId, shutdown: CancellationToken) -> Live {
        let (changed, _) = broadcast::channel(BACKLOG);
        tokio::spawn(look(store, tenant, changed.clone(), shutdown.clone()));
        Live { changed, shutdown }
    }
}

async fn look(
    store: Store,
    tenant: TenantId,
    changed: broadcast::Sender<Bytes>,
    shutdown: CancellationToken,
) {
    let mut since = Utc::now();
    let mut seen: HashMap<String, DateTime<Utc>> = HashMap::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        match store.calls_changed_since(&tenant, since - OVERLAP, BATCH).await {
            Ok(calls) => {
                for call in calls {
                    since = since.max(call.updated_at);
                    if seen.insert(call.id.clone(), call.updated_at) == Some(call.updated_at) {
                        continue;
                    }
                    if let Ok(json) = serde_json::to_string(&call) {
                        // Nobody listens: the page loads what is there when it opens.
                        let _ = changed.send(Bytes::from(format!("event: call\ndata: {json}\n\n")));
                    }
                }
                let oldest = since - OVERLAP;
                seen.retain(|_, at| *at >= oldest);
            }
            Err(error) => tracing::warn!(%error, "events"),
        }
    }
}

/// A stream of `call` events; `reload` when some were missed.
#[utoipa::path(get, path = "/api/v1/events", responses((status = 200, description = "text/event-stream of changed calls")))]
pub async fn stream(live: Data<Live>) -> HttpResponse {
    let hello = futures::stream::iter([Bytes::from_static(b"retry: 2000\n\n")]);
    let changes = BroadcastStream::new(live.changed.subscribe()).map(|event| match event {
        Ok(bytes) => bytes,
        Err(BroadcastStreamRecvError::Lagged(_)) => Bytes::from_static(b"event: reload\ndata: {}\n\n"),
    });
    let ping = tokio_stream::wrappers::IntervalStream::new(tokio::time::interval(Duration::from_secs(15)))
        .map(|_| Bytes::from_static(b": ping\n\n"));
    let shutdown = live.shutdown.clone();
    let body = hello
        .chain(futures::stream::select(changes, ping))
        .take_until(async move { shutdown.cancelled().await })
        .map(Ok::<_, actix_web::Error>);
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header(("X-Accel-Buffering", "no"))
        .insert_header(ContentEncoding::Identity)
        .streaming(body)
}
