-- How far the reading of each PBX's calls is, and whether somebody has paused it.
CREATE TABLE syncs (
  tenant TEXT NOT NULL,
  pbx TEXT NOT NULL,
  paused INTEGER NOT NULL,
  rows_read INTEGER NOT NULL,
  rows_sent INTEGER NOT NULL,
  catching_up INTEGER NOT NULL,
  -- In the PBX's own time: where reading began, where it is, where it ends.
  began_at TEXT,
  reached_at TEXT,
  until_at TEXT,
  read_at TEXT,
  problem TEXT,
  PRIMARY KEY (tenant, pbx)
) STRICT;
