//! What is known of a tenant's PBXs: how much they have recorded, when their
//! recordings go.

use super::ApiState;
use super::error::ApiError;
use crate::call::{PbxId, TenantId};
use crate::job::retention::Retention;
use crate::recordings::day_folders::{RecordingsStats, stats};
use crate::stage::pbx::Pbx;
use crate::store::retention::RetentionRun;
use actix_web::web::{Data, Json, Path};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Statistics older than this are counted again when somebody looks.
const STALE: Duration = Duration::from_secs(600);

/// What was counted of each PBX, and who is counting.
#[derive(Clone, Default)]
pub struct StatsCache(Arc<Mutex<HashMap<(TenantId, PbxId), Counted>>>);

#[derive(Clone, Default)]
struct Counted {
    stats: Option<RecordingsStats>,
    error: Option<String>,
    as_of: Option<DateTime<Utc>>,
    looked: Option<Instant>,
    counting: bool,
}

/// The recordings below one PBX's base path.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FolderStats {
    pbx: String,
    base_path: String,
    #[serde(flatten)]
    stats: Option<RecordingsStats>,
    /// When they were counted; absent until they were for the first time.
    as_of: Option<DateTime<Utc>>,
    /// They are being counted now: ask again soon.
    counting: bool,
    /// Why they could not be counted.
    error: Option<String>,
}

/// Recordings of every PBX of the tenant, as they were counted last; asking starts a new count when that was long ago.
#[utoipa::path(get, path = "/api/v1/integrations/freepbx/recordings-stats", responses(
    (status = 200, body = Vec<FolderStats>)))]
pub async fn recordings_stats(
    state: Data<ApiState>,
    cache: Data<StatsCache>,
) -> Result<Json<Vec<FolderStats>>, ApiError> {
    Ok(Json(own(&state).into_iter().map(|pbx| cache.of(pbx)).collect()))
}

impl StatsCache {
    fn with<T>(&self, pbx: &Pbx, work: impl FnOnce(&mut Counted) -> T) -> T {
        let key = (pbx.config.tenant.clone(), pbx.config.id.clone());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(all.entry(key).or_default())
    }

    fn of(&self, pbx: &Arc<Pbx>) -> FolderStats {
        let starts = self.with(pbx, |c| {
            let stale = c.looked.is_none_or(|at| at.elapsed() > STALE) && !c.counting;
            c.counting |= stale;
            stale
        });
        if starts {
            let (cache, pbx) = (self.clone(), pbx.clone());
            tokio::spawn(async move {
                let counted = stats(pbx.recordings.as_ref()).await;
                cache.with(&pbx, |c| {
                    (c.counting, c.looked) = (false, Some(Instant::now()));
                    match counted {
                        Ok(stats) => (c.stats, c.as_of, c.error) = (Some(stats), Some(Utc::now()), None),
                        Err(error) => c.error = Some(error.to_string()),
                    }
                });
            });
        }
        let counted = self.with(pbx, |c| c.clone());
        FolderStats {
            pbx: pbx.config.id.as_str().to_owned(),
            base_path: pbx.config.base(),
            stats: counted.stats,
            as_of: counted.as_of,
            counting: counted.counting,
            error: counted.error,
        }
    }
}

/// When a PBX's recordings go.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RetentionState {
    pbx: String,
    enabled: bool,
    /// Calendar days that are kept, today among them.
    days: Option<u32>,
    last_run: Option<RetentionRun>,
    next_run_at: Option<DateTime<Utc>>,
}

/// The schedule of retention, its last run and its next.
#[utoipa::path(get, path = "/api/v1/integrations/freepbx/retention", responses(
    (status = 200, body = Vec<RetentionState>)))]
pub async fn retention(state: Data<ApiState>) -> Result<Json<Vec<RetentionState>>, ApiError> {
    let mut out = Vec::new();
    for pbx in own(&state) {
        let retention = Retention::of(&pbx.config, &pbx.recordings, &state.store, &state.metrics);
        out.push(RetentionState {
            pbx: pbx.config.id.as_str().to_owned(),
            enabled: retention.is_some(),
            days: retention.as_ref().map(|r| r.days),
            last_run: state.store.last_retention(&pbx.config.tenant, &pbx.config.id).await?,
            next_run_at: retention.and_then(|r| r.daily.next(Utc::now())),
        });
    }
    Ok(Json(out))
}

/// Whether a call is on legal hold.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Hold {
    held: bool,
}

/// Puts a call on legal hold or takes it off: retention does not touch what is on hold.
#[utoipa::path(put, path = "/api/v1/calls/{id}/hold", params(("id" = String, Path)), request_body = Hold, responses(
    (status = 200, body = Hold), (status = 404, description = "no such call")))]
pub async fn hold(state: Data<ApiState>, id: Path<String>, hold: Json<Hold>) -> Result<Json<Hold>, ApiError> {
    if state.store.set_legal_hold(&state.tenant, &id, hold.held).await? {
        return Ok(hold);
    }
    Err(ApiError::NotFound("there is no such call"))
}

/// The tenant's PBXs, by name.
fn own(state: &ApiState) -> Vec<&Arc<Pbx>> {
    let mut own: Vec<&Arc<Pbx>> = state.pbxs.iter().filter(|p| p.config.tenant == state.tenant).collect();
    own.sort_by(|a, b| a.config.id.as_str().cmp(b.config.id.as_str()));
    own
}
