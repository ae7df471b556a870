//! Who works on a file: one at a time, over all processes. A holder renews its
//! lease while it works; one that died loses it when its time is over. Times are
//! the database's own: processes' clocks differ.

use super::{Db, Result, Store, write_tx};
use crate::call::{PbxId, TenantId};

/// What the holders that redact are named by.
pub const REDACT: &str = "redact:";

impl Store {
    /// Takes the lease on the file at `path` for `for_s` seconds, or renews it for
    /// its holder; false while another holds it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_lease(
        &self,
        (tenant, pbx, path): (&TenantId, &PbxId, &str),
        holder: &str,
        for_s: i64,
    ) -> Result<bool> {
        let now_s = self.clock_s().await?;
        let taken = write_tx!(self, |tx| {
            sqlx::query(
                "INSERT INTO leases (tenant, pbx, path, holder, until_s) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (tenant, pbx, path) DO UPDATE SET holder = excluded.holder, until_s = excluded.until_s
                 WHERE leases.holder = excluded.holder OR leases.until_s <= $6",
            )
            .bind(tenant.as_str())
            .bind(pbx.as_str())
            .bind(path)
            .bind(holder)
            .bind(now_s + for_s)
            .bind(now_s)
            .execute(&mut *tx)
            .await?
            .rows_affected()
        });
        Ok(taken > 0)
    }

    /// Gives a lease back, where `holder` has it.
    ///
    /// # Errors
    /// When the database fails: then it ends with its time.
    pub async fn end_lease(
        &self,
        (tenant, pbx, path): (&TenantId, &PbxId, &str),
        holder: &str,
    ) -> Result<()> {
        write_tx!(self, |tx| {
            sqlx::query("DELETE FROM leases WHERE tenant = $1 AND pbx = $2 AND path = $3 AND holder = $4")
                .bind(tenant.as_str())
                .bind(pbx.as_str())
                .bind(path)
                .bind(holder)
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }

    /// Whoever redacted before is dead: the one process that may redact with this
    /// store has just started.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_leases_of_redactions(&self) -> Result<()> {
        write_tx!(self, |tx| {
            sqlx::query("DELETE FROM leases WHERE holder LIKE $1 || '%'")
                .bind(REDACT)
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }

    /// Seconds of the epoch by the database's clock.
    async fn clock_s(&self) -> Result<i64> {
        Ok(match &self.db {
            Db::Pg(pool) => {
                sqlx::query_scalar("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)")
                    .fetch_one(pool)
                    .await?
            }
            Db::Lite { read, .. } => sqlx::query_scalar("SELECT unixepoch()").fetch_one(read).await?,
        })
    }
}
