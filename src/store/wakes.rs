//! Who asked to read a PBX's calls at once, and by which token its hook may.
//! In the store, so that the API and the source may be two processes.

use super::{Result, Store, now, read, write_tx};
use crate::call::{PbxId, TenantId};
use crate::store::audit::audit;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

fn hashed(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

impl Store {
    /// Asks the source of a PBX to read at once.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wake(&self, tenant: &TenantId, pbx: &PbxId) -> Result<()> {
        write_tx!(self, |tx| {
            sqlx::query(
                "INSERT INTO wakes (tenant, pbx, asked_at) VALUES ($1, $2, $3)
                 ON CONFLICT (tenant, pbx) DO UPDATE SET asked_at = excluded.asked_at",
            )
            .bind(tenant.as_str())
            .bind(pbx.as_str())
            .bind(now())
            .execute(&mut *tx)
            .await?;
        });
        Ok(())
    }

    /// When it was last asked for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn woken_at(&self, tenant: &TenantId, pbx: &PbxId) -> Result<Option<DateTime<Utc>>> {
        Ok(read!(self, |pool| {
            sqlx::query_scalar("SELECT asked_at FROM wakes WHERE tenant = $1 AND pbx = $2")
                .bind(tenant.as_str())
                .bind(pbx.as_str())
                .fetch_optional(pool)
                .await?
        }))
    }

    /// Gives a PBX's hook a token, in place of the one it had. Only its hash is kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_hook_token(&self, tenant: &TenantId, pbx: &PbxId, token: &str) -> Result<()> {
        write_tx!(self, |tx| {
            sqlx::query(
                "INSERT INTO hook_tokens (tenant, pbx, sha256, created_at) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (tenant, pbx) DO UPDATE SET sha256 = excluded.sha256, created_at = excluded.created_at",
            )
            .bind(tenant.as_str())
            .bind(pbx.as_str())
            .bind(hashed(token))
            .bind(now())
            .execute(&mut *tx)
            .await?;
            audit!(tx, tenant.as_str(), "hook_token_made", pbx.as_str(), serde_json::json!({}));
        });
        Ok(())
    }

    /// Whose hook the token is. Found by its hash: no comparison of secrets takes longer the more of one is right.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hook_of(&self, token: &str) -> Result<Option<(TenantId, PbxId)>> {
        let row: Option<(String, String)> = read!(self, |pool| {
            sqlx::query_as("SELECT tenant, pbx FROM hook_tokens WHERE sha256 = $1")
                .bind(hashed(token))
                .fetch_optional(pool)
                .await?
        });
        Ok(row.and_then(|(tenant, pbx)| Some((TenantId::try_from(tenant).ok()?, PbxId::try_from(pbx).ok()?))))
    }
}
