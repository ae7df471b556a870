-- Recordings are deleted after so many days; a call on legal hold keeps its own.
ALTER TABLE calls ADD COLUMN legal_hold INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recordings ADD COLUMN deleted_at TEXT;

-- Since when a PBX's retention is switched on: what was due before is not.
CREATE TABLE retention_since (
  tenant TEXT NOT NULL,
  pbx TEXT NOT NULL,
  since TEXT NOT NULL,
  PRIMARY KEY (tenant, pbx)
) STRICT;

CREATE TABLE retention_runs (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  pbx TEXT NOT NULL,
  scheduled_at TEXT NOT NULL,
  started_at TEXT NOT NULL,
  -- While it runs, now and then: another process takes over a run that stopped.
  beat_at TEXT NOT NULL,
  ended_at TEXT,
  oldest_kept_day TEXT NOT NULL,
  files_deleted INTEGER NOT NULL,
  bytes_deleted INTEGER NOT NULL,
  folders_deleted INTEGER NOT NULL,
  files_held INTEGER NOT NULL,
  detail TEXT,
  UNIQUE (tenant, pbx, scheduled_at)
) STRICT;
