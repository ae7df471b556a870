//! Work by the clock.

pub mod again;
pub mod leftovers;
pub mod originals;
pub mod retention;
pub mod schedule;

use crate::store::Store;
use chrono::{TimeDelta, Utc};
use retention::Retention;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it is looked what is due.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// After a failure.
const AGAIN_AFTER: Duration = Duration::from_secs(600);

/// Runs a PBX's retention whenever it is due, until `shutdown`.
pub async fn keep_retention(retention: Retention, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        let wait = match look(&retention).await {
            Ok(()) => LOOK_EVERY,
            Err(error) => {
                tracing::error!(pbx = %retention.pbx, %error, "retention failed, trying again later");
                AGAIN_AFTER
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn look(retention: &Retention) -> Result<(), retention::RetentionError> {
    let now = Utc::now();
    if let Some(scheduled_at) = retention.due(now).await? {
        retention.run(scheduled_at, now).await?;
    }
    Ok(())
}

/// Forgets sanitized transcripts after `days`, once an hour, until `shutdown`.
pub async fn keep_transcripts(
    store: Store,
    tenants: BTreeSet<crate::call::TenantId>,
    days: u32,
    shutdown: CancellationToken,
) {
    while !shutdown.is_cancelled() {
        let before = Utc::now() - TimeDelta::days(i64::from(days));
        for tenant in &tenants {
            if let Err(error) = store.forget_transcripts(tenant, before).await {
                tracing::error!(%tenant, %error, "transcripts could not be forgotten, trying again later");
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(3_600)) => {}
        }
    }
}
