-- One file is worked on by one at a time, over processes; a holder that died loses it when its time is over.
CREATE TABLE leases (
  tenant TEXT NOT NULL,
  pbx TEXT NOT NULL,
  -- Of the file, below the base path.
  path TEXT NOT NULL,
  holder TEXT NOT NULL,
  -- Seconds of the epoch, by the database's own clock.
  until_s BIGINT NOT NULL,
  PRIMARY KEY (tenant, pbx, path)
);

-- The file's modification time when its redaction ended, in seconds of the epoch.
ALTER TABLE recordings ADD COLUMN mtime_s BIGINT;
-- When it was noticed that the file is not what its redaction left; until the bus was told.
ALTER TABLE recordings ADD COLUMN changed_at TIMESTAMPTZ;
-- Of the original that was put back.
ALTER TABLE recordings ADD COLUMN restored_sha256 TEXT;
CREATE INDEX recordings_changed ON recordings (id) WHERE changed_at IS NOT NULL;
-- Files are looked up by where they lie.
CREATE INDEX recordings_by_path ON recordings (tenant, pbx, path);
