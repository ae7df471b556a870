-- Legs as they were read, the calls made of them, and what became of their recordings.
CREATE TABLE legs (
  tenant TEXT NOT NULL,
  pbx TEXT NOT NULL,
  identity TEXT NOT NULL,
  linkedid TEXT NOT NULL,
  cdr TEXT NOT NULL,
  PRIMARY KEY (tenant, pbx, identity)
) STRICT;
CREATE INDEX legs_of_call ON legs (tenant, pbx, linkedid);

CREATE TABLE calls (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  pbx TEXT NOT NULL,
  source TEXT NOT NULL,
  linkedid TEXT NOT NULL,
  started_at TEXT NOT NULL,
  duration_s INTEGER NOT NULL,
  direction TEXT NOT NULL,
  disposition TEXT NOT NULL,
  from_number TEXT NOT NULL,
  to_number TEXT NOT NULL,
  extension TEXT,
  status TEXT NOT NULL,
  detail TEXT,
  summary TEXT,
  sentiment TEXT,
  booking TEXT,
  redaction_status TEXT NOT NULL,
  redacted INTEGER NOT NULL,
  redacted_segments TEXT NOT NULL,
  redacted_at TEXT,
  updated_at TEXT NOT NULL,
  UNIQUE (tenant, pbx, linkedid)
) STRICT;
CREATE INDEX calls_by_start ON calls (tenant, started_at DESC, id DESC);
CREATE INDEX calls_by_change ON calls (updated_at);

CREATE TABLE recordings (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  pbx TEXT NOT NULL,
  recordingfile TEXT NOT NULL,
  path TEXT,
  published INTEGER NOT NULL,
  format TEXT,
  size_bytes INTEGER,
  duration_s REAL,
  redaction_status TEXT NOT NULL,
  redacted INTEGER NOT NULL,
  redacted_segments TEXT NOT NULL,
  redacted_at TEXT,
  transcript TEXT,
  peaks TEXT,
  ruleset TEXT,
  original_sha256 TEXT,
  redacted_sha256 TEXT,
  intent TEXT,
  detail TEXT,
  muted_s REAL NOT NULL,
  elapsed_ms INTEGER NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE call_recordings (
  call_id TEXT NOT NULL REFERENCES calls (id),
  recording_id TEXT NOT NULL REFERENCES recordings (id),
  PRIMARY KEY (call_id, recording_id)
) STRICT;
CREATE INDEX calls_of_recording ON call_recordings (recording_id);

CREATE TABLE cursors (
  tenant TEXT NOT NULL,
  pbx TEXT NOT NULL,
  source TEXT NOT NULL,
  position TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (tenant, pbx, source)
) STRICT;

-- Append only: who did what to which recording.
CREATE TABLE audit (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX audit_of_subject ON audit (tenant, subject);
