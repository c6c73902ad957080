-- Migration 4. What a session left at a mount path; the files are the sandbox backend's. ``used_at``: last activity.
CREATE TABLE session_storage (
  id              TEXT PRIMARY KEY,
  runtime_id      TEXT NOT NULL REFERENCES runtime (id) ON DELETE CASCADE,
  session_id      TEXT NOT NULL,
  mount_path      TEXT NOT NULL,
  version         INTEGER NOT NULL,
  used_at         TEXT NOT NULL,
  UNIQUE (runtime_id, session_id, mount_path)
) STRICT, WITHOUT ROWID;

CREATE INDEX session_storage_use ON session_storage (used_at);
