-- How far the reading of each PBX's calls is, and whether somebody has paused it.
CREATE TABLE syncs (
  tenant TEXT NOT NULL,
  pbx TEXT NOT NULL,
  paused BOOLEAN NOT NULL,
  rows_read BIGINT NOT NULL,
  rows_sent BIGINT NOT NULL,
  catching_up BOOLEAN NOT NULL,
  -- In the PBX's own time: where reading began, where it is, where it ends.
  began_at TIMESTAMP,
  reached_at TIMESTAMP,
  until_at TIMESTAMP,
  read_at TIMESTAMPTZ,
  problem TEXT,
  PRIMARY KEY (tenant, pbx)
);
