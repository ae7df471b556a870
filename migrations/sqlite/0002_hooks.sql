-- A PBX that tells by itself of a finished recording: by its token, kept as a hash.
CREATE TABLE hook_tokens (
  tenant TEXT NOT NULL,
  pbx TEXT NOT NULL,
  sha256 TEXT NOT NULL UNIQUE,
  created_at TEXT NOT NULL,
  PRIMARY KEY (tenant, pbx)
) STRICT;

-- When somebody last asked to read a PBX's calls at once.
CREATE TABLE wakes (
  tenant TEXT NOT NULL,
  pbx TEXT NOT NULL,
  asked_at TEXT NOT NULL,
  PRIMARY KEY (tenant, pbx)
) STRICT;
