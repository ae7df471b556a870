//! Calls: pages by cursor, and one with its recordings.

use super::ApiState;
use super::error::ApiError;
use crate::store::calls::{CallRow, PageCursor};
use crate::store::recordings::RecordingRow;
use actix_web::web::{Data, Json, Path, Query};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

const DEFAULT_PAGE: i64 = 50;
const LARGEST_PAGE: i64 = 200;

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct PageQuery {
    /// `next` of the page before.
    cursor: Option<String>,
    /// 1 to 200; 50 when absent.
    limit: Option<i64>,
}

/// Calls, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Page {
    calls: Vec<CallRow>,
    /// The cursor of the next page; absent on the last.
    next: Option<String>,
}

/// A call and what became of its recordings.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CallDetail {
    #[serde(flatten)]
    call: CallRow,
    recordings: Vec<RecordingRow>,
}

/// Calls of the tenant, newest first.
#[utoipa::path(get, path = "/api/v1/calls", params(PageQuery), responses(
    (status = 200, body = Page), (status = 400, description = "the cursor or limit is wrong")))]
pub async fn list(state: Data<ApiState>, query: Query<PageQuery>) -> Result<Json<Page>, ApiError> {
    let limit = query.limit.unwrap_or(DEFAULT_PAGE);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(ApiError::BadRequest("limit must be 1 to 200"));
    }
    let cursor = query.cursor.as_deref().map(parse_cursor).transpose()?;
    let mut calls = state.store.calls(&state.tenant, cursor.as_ref(), limit + 1).await?;
    let more = calls.len() as i64 > limit;
    calls.truncate(limit as usize);
    let next = calls.last().filter(|_| more).map(cursor_of);
    Ok(Json(Page { calls, next }))
}

/// One call with its recordings, transcripts sanitized.
#[utoipa::path(get, path = "/api/v1/calls/{id}", params(("id" = String, Path)), responses(
    (status = 200, body = CallDetail), (status = 404, description = "no such call")))]
pub async fn one(state: Data<ApiState>, id: Path<String>) -> Result<Json<CallDetail>, ApiError> {
    let call = state.store.call(&state.tenant, &id).await?;
    let call = call.ok_or(ApiError::NotFound("there is no such call"))?;
    let recordings = state.store.recordings_of(&state.tenant, &id).await?;
    Ok(Json(CallDetail { call, recordings }))
}

fn cursor_of(call: &CallRow) -> String {
    format!("{}_{}", call.started_at.to_rfc3339_opts(SecondsFormat::Micros, true), call.id)
}

fn parse_cursor(text: &str) -> Result<PageCursor, ApiError> {
    let wrong = ApiError::BadRequest("the cursor is not one that this server gave");
    let Some((at, id)) = text.split_once('_') else { return Err(wrong) };
    let at = DateTime::parse_from_rfc3339(at).map_err(|_| wrong)?;
    Ok(PageCursor { started_at: at.with_timezone(&Utc), id: id.to_owned() })
}
