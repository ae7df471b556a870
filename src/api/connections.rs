//! "Test MySQL" and "Test SSH": what is wrong with a PBX's connections, and how to mend it.

use super::ApiState;
use super::error::ApiError;
use crate::config::pbx::SourceConfig;
use crate::recordings::check::check;
use crate::source::freepbx::followed;
use crate::source::twilio;
use crate::stage::pbx::Pbx;
use actix_web::web::{Data, Json, Path};
use serde::Serialize;
use std::sync::Arc;

/// What a test said.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Tested {
    ok: bool,
    /// What was seen, or what is wrong and what to do.
    message: String,
}

impl Tested {
    fn of(result: Result<String, String>) -> Json<Tested> {
        let ok = result.is_ok();
        Json(Tested { ok, message: result.unwrap_or_else(|error| error) })
    }
}

/// Connects to where the PBX's CDRs are, and reads a little.
#[utoipa::path(post, path = "/api/v1/integrations/freepbx/{pbx}/test-mysql", params(("pbx" = String, Path)), responses(
    (status = 200, body = Tested), (status = 404, description = "no such PBX")))]
pub async fn test_mysql(state: Data<ApiState>, pbx: Path<String>) -> Result<Json<Tested>, ApiError> {
    let pbx = own(&state, &pbx)?;
    let tested = match &pbx.config.source {
        SourceConfig::Freepbx(freepbx) => followed::check(freepbx).await,
        SourceConfig::Twilio(account) => twilio::check(account).await,
        SourceConfig::Csv(csv) => Ok(format!("calls are read from {}", csv.path.display())),
    };
    Ok(Tested::of(tested.map_err(|e| e.to_string())))
}

/// Lists the PBX's recordings, reads one and opens it for writing; nothing is changed.
#[utoipa::path(post, path = "/api/v1/integrations/freepbx/{pbx}/test-ssh", params(("pbx" = String, Path)), responses(
    (status = 200, body = Tested), (status = 404, description = "no such PBX")))]
pub async fn test_ssh(state: Data<ApiState>, pbx: Path<String>) -> Result<Json<Tested>, ApiError> {
    let pbx = own(&state, &pbx)?;
    let base = pbx.config.base();
    let tested = check(pbx.recordings.as_ref()).await;
    Ok(Tested::of(match tested {
        Ok(seen) => Ok(format!("{base}: {seen}")),
        Err(e) => Err(match e.advice() {
            Some(advice) => format!("{base}: {e}; {advice}"),
            None => format!("{base}: {e}"),
        }),
    }))
}

fn own<'a>(state: &'a ApiState, named: &str) -> Result<&'a Arc<Pbx>, ApiError> {
    let mut own = state.pbxs.iter().filter(|p| p.config.tenant == state.tenant);
    own.find(|p| p.config.id.as_str() == named).ok_or(ApiError::NotFound("there is no such PBX"))
}
