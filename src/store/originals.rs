//! Sealed originals: what is kept of which recording, until when, and who put one back.

use super::audit::{audit, audit_by};
use super::calls::settle_call;
use super::recordings::settle_calls_of;
use super::{Result, Store, now, read, write_tx};
use crate::call::{PbxId, TenantId};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// A sealed original.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct SealedOriginal {
    pub id: String,
    pub tenant: String,
    pub pbx: String,
    pub recording_id: String,
    /// Below the PBX's base path.
    pub path: String,
    pub original_sha256: String,
    pub size_bytes: i64,
    /// The name under which it is kept.
    pub object: String,
    pub sealed_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
}

macro_rules! original_columns {
    () => {
        "o.id, o.tenant, o.pbx, o.recording_id, o.path, o.original_sha256, o.size_bytes, o.object, o.sealed_at, o.deleted_at"
    };
}

impl Store {
    /// Notes that an original is kept; once for the same content.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_original(&self, original: &SealedOriginal) -> Result<()> {
        write_tx!(self, |tx| {
            sqlx::query(
                "INSERT INTO originals (id, tenant, pbx, recording_id, path, original_sha256, size_bytes, object, sealed_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                 ON CONFLICT (tenant, recording_id, original_sha256)
                 DO UPDATE SET object = excluded.object, sealed_at = excluded.sealed_at, deleted_at = NULL",
            )
            .bind(&original.id)
            .bind(&original.tenant)
            .bind(&original.pbx)
            .bind(&original.recording_id)
            .bind(&original.path)
            .bind(&original.original_sha256)
            .bind(original.size_bytes)
            .bind(&original.object)
            .bind(original.sealed_at)
            .execute(&mut *tx)
            .await?;
            let detail = serde_json::json!({ "original": original.id, "sha256": original.original_sha256 });
            audit!(tx, original.tenant.as_str(), "original_sealed", &original.recording_id, detail);
        });
        Ok(())
    }

    /// What is kept of a tenant's recordings, newest first: of one recording, or of all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn originals(
        &self,
        tenant: &TenantId,
        recording: Option<&str>,
        most: i64,
    ) -> Result<Vec<SealedOriginal>> {
        Ok(read!(self, |pool| {
            sqlx::query_as(concat!(
                "SELECT ",
                original_columns!(),
                " FROM originals o WHERE o.tenant = $1 AND o.deleted_at IS NULL
                   AND (CAST($2 AS TEXT) IS NULL OR o.recording_id = $2)
                 ORDER BY o.sealed_at DESC, o.id LIMIT $3"
            ))
            .bind(tenant.as_str())
            .bind(recording)
            .bind(most)
            .fetch_all(pool)
            .await?
        }))
    }

    /// One of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn original(&self, tenant: &TenantId, id: &str) -> Result<Option<SealedOriginal>> {
        Ok(read!(self, |pool| {
            sqlx::query_as(concat!(
                "SELECT ",
                original_columns!(),
                " FROM originals o WHERE o.tenant = $1 AND o.id = $2 AND o.deleted_at IS NULL"
            ))
            .bind(tenant.as_str())
            .bind(id)
            .fetch_optional(pool)
            .await?
        }))
    }

    /// Those of a PBX that were sealed before `before` and belong to no call on legal hold.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expired_originals(
        &self,
        tenant: &TenantId,
        pbx: &PbxId,
        before: DateTime<Utc>,
        most: i64,
    ) -> Result<Vec<SealedOriginal>> {
        Ok(read!(self, |pool| {
            sqlx::query_as(concat!(
                "SELECT ",
                original_columns!(),
                " FROM originals o WHERE o.tenant = $1 AND o.pbx = $2 AND o.sealed_at < $3 AND o.deleted_at IS NULL
                   AND NOT EXISTS (SELECT 1 FROM call_recordings c JOIN calls k ON k.id = c.call_id
                     WHERE c.recording_id = o.recording_id AND k.legal_hold = $4)
                 ORDER BY o.sealed_at LIMIT $5"
            ))
            .bind(tenant.as_str())
            .bind(pbx.as_str())
            .bind(before)
            .bind(true)
            .bind(most)
            .fetch_all(pool)
            .await?
        }))
    }

    /// The sealed file is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mark_original_deleted(&self, original: &SealedOriginal) -> Result<()> {
        write_tx!(self, |tx| {
            sqlx::query("UPDATE originals SET deleted_at = $3 WHERE tenant = $1 AND id = $2")
                .bind(&original.tenant)
                .bind(&original.id)
                .bind(now())
                .execute(&mut *tx)
                .await?;
            let detail = serde_json::json!({ "original": original.id });
            audit!(tx, original.tenant.as_str(), "original_deleted", &original.recording_id, detail);
        });
        Ok(())
    }

    /// The recording's service deleted the original, now that the redacted copy is kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_original_gone(&self, tenant: &TenantId, recording: &str) -> Result<()> {
        write_tx!(self, |tx| {
            audit!(tx, tenant.as_str(), "original_deleted_at_service", recording, serde_json::json!({}));
        });
        Ok(())
    }

    /// Somebody opened an original.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_original_opened(&self, original: &SealedOriginal, actor: &str) -> Result<()> {
        write_tx!(self, |tx| {
            let detail = serde_json::json!({ "original": original.id });
            audit_by!(tx, original.tenant.as_str(), actor, "original_opened", &original.recording_id, detail);
        });
        Ok(())
    }

    /// Somebody puts an original back: the recording holds its secrets again, is
    /// not played, and is left alone from now on. Said before the file is written; the bus is told by
    /// whoever serves (`job::again`).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mark_restored(&self, original: &SealedOriginal, actor: &str) -> Result<()> {
        write_tx!(self, |tx| {
            sqlx::query(
                "UPDATE recordings SET redaction_status = 'restored', redacted = $3, redacted_segments = $4,
                   redacted_at = NULL, intent = NULL, peaks = NULL, muted_s = 0.0, published = $3,
                   detail = $5, restored_sha256 = $7, updated_at = $6
                 WHERE tenant = $1 AND id = $2",
            )
            .bind(&original.tenant)
            .bind(&original.recording_id)
            .bind(false)
            .bind(sqlx::types::Json(Vec::<crate::call::Segment>::new()))
            .bind(format!("{actor} put the original back: the recording holds what was silenced"))
            .bind(now())
            .bind(&original.original_sha256)
            .execute(&mut *tx)
            .await?;
            let detail = serde_json::json!({ "original": original.id, "sha256": original.original_sha256 });
            audit_by!(
                tx,
                original.tenant.as_str(),
                actor,
                "original_restored",
                &original.recording_id,
                detail
            );
            settle_calls_of!(tx, &original.recording_id);
        });
        Ok(())
    }
}
