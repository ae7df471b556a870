-- Originals that were sealed to the operator's public keys before their recording was muted.
CREATE TABLE originals (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  pbx TEXT NOT NULL,
  recording_id TEXT NOT NULL,
  path TEXT NOT NULL,
  original_sha256 TEXT NOT NULL,
  size_bytes BIGINT NOT NULL,
  -- The name under which it is kept.
  object TEXT NOT NULL,
  sealed_at TIMESTAMPTZ NOT NULL,
  deleted_at TIMESTAMPTZ,
  UNIQUE (tenant, recording_id, original_sha256)
);
CREATE INDEX originals_by_age ON originals (tenant, pbx, sealed_at);
