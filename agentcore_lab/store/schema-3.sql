-- Migration 3. ``runtime_id`` is the runtime an identity was made with, and goes with; lists and maps are JSON.
ALTER TABLE workload_identity ADD COLUMN runtime_id TEXT REFERENCES runtime (id) ON DELETE CASCADE;
ALTER TABLE workload_identity ADD COLUMN return_urls TEXT NOT NULL DEFAULT '[]';
ALTER TABLE workload_identity ADD COLUMN tags TEXT NOT NULL DEFAULT '{}';

UPDATE workload_identity SET runtime_id = name;

CREATE INDEX workload_identity_of_runtime ON workload_identity (runtime_id);
