//! What a PBX calls by itself: FreePBX's script after a recording tells that
//! one is finished, so that its call need not wait for the next reading.
//! Nothing that the request says is believed: it only wakes the source.

use super::ApiState;
use super::error::ApiError;
use crate::config::pbx::SourceConfig;
use crate::recordings::twilio::signature::is_signed;
use actix_web::http::header;
use actix_web::web::{Data, Form, Path};
use actix_web::{HttpRequest, HttpResponse};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use secrecy::ExposeSecret;

/// A recording is finished.
#[utoipa::path(post, path = "/api/v1/hooks/recording", responses(
    (status = 202, description = "the PBX's calls are read now, and again for some minutes"),
    (status = 401, description = "no token, or not one that `unsaid hook install` gave")))]
pub async fn recording(state: Data<ApiState>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let refused = ApiError::Unauthorized("a token of `unsaid hook install` is needed");
    let Some(token) = token_of(&request) else { return Err(refused) };
    let Some((tenant, pbx)) = state.store.hook_of(&token).await? else { return Err(refused) };
    state.store.wake(&tenant, &pbx).await?;
    Ok(HttpResponse::Accepted().json(serde_json::json!({ "status": "accepted" })))
}

/// Twilio tells that a recording or a call is complete (`recordingStatusCallback`, `statusCallback`).
#[utoipa::path(post, path = "/api/v1/hooks/twilio/{tenant}/{pbx}",
    params(("tenant" = String, Path), ("pbx" = String, Path)), responses(
    (status = 202, description = "the account's calls are read now, and again for some minutes"),
    (status = 403, description = "not signed with the account's token for pbx.source.webhook_url")))]
pub async fn twilio(
    state: Data<ApiState>,
    named: Path<(String, String)>,
    form: Form<Vec<(String, String)>>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let refused = ApiError::Forbidden("this is not signed by Twilio for pbx.source.webhook_url");
    let (tenant, pbx) = named.into_inner();
    let mut pbxs = state.pbxs.iter().map(|p| &p.config);
    let pbx = pbxs.find(|p| p.tenant.as_str() == tenant && p.id.as_str() == pbx);
    let Some((pbx, SourceConfig::Twilio(account))) = pbx.map(|p| (p, &p.source)) else { return Err(refused) };
    let signature = request.headers().get("X-Twilio-Signature").and_then(|s| s.to_str().ok()).unwrap_or("");
    let token = account.auth_token.expose_secret();
    if account.webhook_url.is_empty() || !is_signed(token, &account.webhook_url, &form, signature) {
        return Err(refused);
    }
    state.store.wake(&pbx.tenant, &pbx.id).await?;
    Ok(HttpResponse::Accepted().json(serde_json::json!({ "status": "accepted" })))
}

/// Reads the calls of every PBX of the tenant now.
#[utoipa::path(post, path = "/api/v1/integrations/freepbx/refresh", responses(
    (status = 202, description = "calls are being read")))]
pub async fn refresh(state: Data<ApiState>) -> Result<HttpResponse, ApiError> {
    for pbx in state.pbxs.iter().filter(|p| p.config.tenant == state.tenant) {
        state.store.wake(&pbx.config.tenant, &pbx.config.id).await?;
    }
    Ok(HttpResponse::Accepted().json(serde_json::json!({ "status": "accepted" })))
}

/// `Bearer TOKEN`, or the password of `Basic`: FreePBX's setting cannot hold the quotes that a header needs.
fn token_of(request: &HttpRequest) -> Option<String> {
    let given = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    if let Some(token) = given.strip_prefix("Bearer ") {
        return Some(token.to_owned());
    }
    let basic = BASE64_STANDARD.decode(given.strip_prefix("Basic ")?.trim()).ok()?;
    let (_, password) = std::str::from_utf8(&basic).ok()?.split_once(':')?;
    Some(password.to_owned())
}
