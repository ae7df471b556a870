-- Recordings are deleted after so many days; a call on legal hold keeps its own.
ALTER TABLE calls ADD COLUMN legal_hold BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE recordings ADD COLUMN deleted_at TIMESTAMPTZ;

-- Since when a PBX's retention is switched on: what was due before is not.
CREATE TABLE retention_since (
  tenant TEXT NOT NULL,
  pbx TEXT NOT NULL,
  since TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (tenant, pbx)
);

CREATE TABLE retention_runs (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  pbx TEXT NOT NULL,
  scheduled_at TIMESTAMPTZ NOT NULL,
  started_at TIMESTAMPTZ NOT NULL,
  -- While it runs, now and then: another process takes over a run that stopped.
  beat_at TIMESTAMPTZ NOT NULL,
  ended_at TIMESTAMPTZ,
  oldest_kept_day TEXT NOT NULL,
  files_deleted BIGINT NOT NULL,
  bytes_deleted BIGINT NOT NULL,
  folders_deleted BIGINT NOT NULL,
  files_held BIGINT NOT NULL,
  detail TEXT,
  UNIQUE (tenant, pbx, scheduled_at)
);
