//! How often and how many at once an engine is asked.

use crate::call::TenantId;
use governor::clock::DefaultClock;
use governor::state::keyed::HashMapStateStore;
use governor::{Jitter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

type Buckets = RateLimiter<TenantId, HashMapStateStore<TenantId>, DefaultClock>;

/// Requests at once in all, and requests a minute for each tenant, so that one
/// tenant's backlog does not use up another's share.
pub struct Limits {
    at_once: Semaphore,
    buckets: Option<Buckets>,
}

impl Limits {
    /// `per_minute` 0 is without a limit.
    pub fn new(at_once: usize, per_minute: u32) -> Limits {
        let quota = NonZeroU32::new(per_minute).map(Quota::per_minute);
        Limits { at_once: Semaphore::new(at_once.max(1)), buckets: quota.map(RateLimiter::hashmap) }
    }

    /// Waits for the tenant's bucket, then for a place. `None` only when the
    /// semaphore is closed, which nobody does.
    pub async fn permit(&self, tenant: &TenantId) -> Option<SemaphorePermit<'_>> {
        if let Some(buckets) = &self.buckets {
            buckets.until_key_ready_with_jitter(tenant, Jitter::up_to(Duration::from_millis(50))).await;
        }
        self.at_once.acquire().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[tokio::test]
    async fn a_tenant_that_used_up_its_share_waits_and_another_does_not() {
        let limits = Limits::new(8, 600);
        let (busy, quiet) = (TenantId::default_tenant(), TenantId::unknown());
        let started = Instant::now();
        for _ in 0..600 {
            drop(limits.permit(&busy).await);
        }
        assert!(started.elapsed() < Duration::from_secs(20));
        let started = Instant::now();
        drop(limits.permit(&quiet).await);
        let quiet_took = started.elapsed();
        drop(limits.permit(&busy).await);
        assert!(started.elapsed() >= Duration::from_millis(50) && quiet_took < Duration::from_millis(90));
    }
}
