//! How far the reading of calls is, and stopping it for a while: an import of
//! years of history need not run in office hours.

use super::ApiState;
use super::error::ApiError;
use crate::store::syncs::Sync;
use actix_web::web::{Data, Json, Path};
use serde::{Deserialize, Serialize};

/// The reading of every PBX's calls.
#[utoipa::path(get, path = "/api/v1/integrations/freepbx/sync", responses((status = 200, body = Vec<Sync>)))]
pub async fn syncs(state: Data<ApiState>) -> Result<Json<Vec<Sync>>, ApiError> {
    Ok(Json(state.store.syncs(&state.tenant).await?))
}

/// Whether reading is paused.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Pause {
    paused: bool,
}

/// Pauses the reading of a PBX's calls, or lets it go on from where it was. Recordings that are known go on being redacted.
#[utoipa::path(put, path = "/api/v1/integrations/freepbx/{pbx}/sync", params(("pbx" = String, Path)), request_body = Pause,
    responses((status = 200, body = Pause), (status = 404, description = "no such PBX")))]
pub async fn pause(
    state: Data<ApiState>,
    pbx: Path<String>,
    pause: Json<Pause>,
) -> Result<Json<Pause>, ApiError> {
    let mut own = state.pbxs.iter().filter(|p| p.config.tenant == state.tenant);
    let Some(pbx) = own.find(|p| p.config.id.as_str() == pbx.as_str()) else {
        return Err(ApiError::NotFound("there is no such PBX"));
    };
    state.store.pause_sync(&pbx.config.tenant, &pbx.config.id, pause.paused).await?;
    state.store.wake(&pbx.config.tenant, &pbx.config.id).await?;
    Ok(pause)
}
