-- Recordings that nobody tries again by itself are few among many.
CREATE INDEX recordings_cut_off ON recordings (tenant, pbx, id) WHERE redaction_status IN ('failed', 'restored');
