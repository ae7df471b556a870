//! The audit trail: append only, written in the transaction of what it tells.

use super::{Result, Store, read};
use crate::call::TenantId;
use chrono::{DateTime, Utc};
use sqlx::types::Json;

/// One entry.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct AuditEntry {
    pub at: DateTime<Utc>,
    pub actor: String,
    pub action: String,
    pub subject: String,
    pub detail: Json<serde_json::Value>,
}

/// Writes an entry of unsaid's own doing inside a transaction of either database.
macro_rules! audit {
    ($tx:expr, $tenant:expr, $action:expr, $subject:expr, $detail:expr) => {
        $crate::store::audit::audit_by!($tx, $tenant, "unsaid", $action, $subject, $detail)
    };
}

/// Writes an entry of what somebody did.
macro_rules! audit_by {
    ($tx:expr, $tenant:expr, $actor:expr, $action:expr, $subject:expr, $detail:expr) => {
        sqlx::query(
            "INSERT INTO audit (id, tenant, at, actor, action, subject, detail)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(uuid::Uuid::now_v7().to_string())
        .bind($tenant)
        .bind($crate::store::now())
        .bind($actor)
        .bind($action)
        .bind($subject)
        .bind(sqlx::types::Json($detail))
        .execute(&mut *$tx)
        .await?
    };
}

pub(crate) use {audit, audit_by};

impl Store {
    /// The trail of one subject, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_of(&self, tenant: &TenantId, subject: &str) -> Result<Vec<AuditEntry>> {
        Ok(read!(self, |pool| {
            sqlx::query_as(
                "SELECT at, actor, action, subject, detail FROM audit
                 WHERE tenant = $1 AND subject = $2 ORDER BY id",
            )
            .bind(tenant.as_str())
            .bind(subject)
            .fetch_all(pool)
            .await?
        }))
    }
}
