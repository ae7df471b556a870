-- Of two readings of one row, the one with the greater version is the newer.
ALTER TABLE legs ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE syncs ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
