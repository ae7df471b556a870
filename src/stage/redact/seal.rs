//! Sealing an original before its first byte changes.

use super::{Fault, Job, Redact, plan};
use crate::store::originals::SealedOriginal;
use crate::store::recordings::Intent;
use crate::vault::originals::Originals;
use std::sync::Arc;

impl Redact {
    /// Seals `before` to the operator's public keys, where that is switched on.
    /// What a crash left half muted was sealed before its first byte was; what is
    /// our own output is no original.
    pub(super) async fn seal_original(
        &self,
        job: &Job<'_>,
        before: &[u8],
        intent: &Intent,
    ) -> Result<(), Fault> {
        let Some(originals) = &job.pbx.originals else { return Ok(()) };
        if plan::sha256(before) != intent.original_sha256 {
            return Ok(());
        }
        let call = &job.input.call;
        let known = self.store.originals(&call.tenant, Some(&job.row.id), 100).await?;
        let is_output = job.row.redacted_sha256.as_deref() == Some(intent.original_sha256.as_str());
        let is_sealed = known.iter().any(|o| o.original_sha256 == intent.original_sha256);
        if is_sealed || (is_output && !known.is_empty()) {
            return Ok(());
        }
        let object = format!(
            "{}/{}/{}.{}.age",
            call.tenant.as_str(),
            call.pbx.as_str(),
            job.path.as_str(),
            &intent.original_sha256[..12]
        );
        let sealed = seal(originals.clone(), before.to_vec()).await?;
        originals.kept.put(&object, sealed).await.map_err(|e| Fault::Unsealed(e.into()))?;
        let original = SealedOriginal {
            id: id_of(&job.row.id, &intent.original_sha256),
            tenant: call.tenant.as_str().to_owned(),
            pbx: call.pbx.as_str().to_owned(),
            recording_id: job.row.id.clone(),
            path: job.path.to_string(),
            original_sha256: intent.original_sha256.clone(),
            size_bytes: before.len() as i64,
            object,
            sealed_at: chrono::Utc::now(),
            deleted_at: None,
        };
        Ok(self.store.save_original(&original).await?)
    }
}

/// On a thread that may take its time.
async fn seal(originals: Arc<Originals>, bytes: Vec<u8>) -> Result<Vec<u8>, Fault> {
    let work = tokio::task::spawn_blocking(move || originals.seal(&bytes));
    work.await.map_err(|_| Fault::Worker)?.map_err(Fault::Unsealed)
}

/// The same for the same content, short enough to be typed.
fn id_of(recording: &str, original_sha256: &str) -> String {
    plan::sha256(format!("{recording} {original_sha256}").as_bytes())[..16].to_owned()
}
