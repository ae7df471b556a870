//! How far a source has read. Saved only after the bus acknowledged what was read.

use super::{Result, Store, now, read, write_tx};
use crate::call::{PbxId, TenantId};

impl Store {
    /// The saved position of a source.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cursor(&self, tenant: &TenantId, pbx: &PbxId, source: &str) -> Result<Option<String>> {
        Ok(read!(self, |pool| {
            sqlx::query_scalar("SELECT position FROM cursors WHERE tenant = $1 AND pbx = $2 AND source = $3")
                .bind(tenant.as_str())
                .bind(pbx.as_str())
                .bind(source)
                .fetch_optional(pool)
                .await?
        }))
    }

    /// Moves a source's position.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_cursor(
        &self,
        tenant: &TenantId,
        pbx: &PbxId,
        source: &str,
        position: &str,
    ) -> Result<()> {
        write_tx!(self, |tx| {
            sqlx::query(
                "INSERT INTO cursors (tenant, pbx, source, position, updated_at)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (tenant, pbx, source)
                 DO UPDATE SET position = excluded.position, updated_at = excluded.updated_at",
            )
            .bind(tenant.as_str())
            .bind(pbx.as_str())
            .bind(source)
            .bind(position)
            .bind(now())
            .execute(&mut *tx)
            .await?;
        });
        Ok(())
    }
}
