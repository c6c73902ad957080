-- Migration 1. Times are ISO 8601 in UTC; specs and images are JSON.
CREATE TABLE runtime (
  id              TEXT PRIMARY KEY,
  account_id      TEXT NOT NULL,
  region          TEXT NOT NULL,
  name            TEXT NOT NULL,
  status          TEXT NOT NULL,
  failure_reason  TEXT,
  latest_version  INTEGER NOT NULL,
  created_at      TEXT NOT NULL,
  last_updated_at TEXT NOT NULL,
  UNIQUE (account_id, region, name)
) STRICT;

CREATE TABLE version (
  runtime_id      TEXT NOT NULL REFERENCES runtime (id) ON DELETE CASCADE,
  number          INTEGER NOT NULL,
  spec            TEXT NOT NULL,
  image           TEXT,
  status          TEXT NOT NULL,
  failure_reason  TEXT,
  created_at      TEXT NOT NULL,
  PRIMARY KEY (runtime_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE endpoint (
  runtime_id      TEXT NOT NULL REFERENCES runtime (id) ON DELETE CASCADE,
  name            TEXT NOT NULL,
  id              TEXT NOT NULL,
  description     TEXT NOT NULL,
  live_version    INTEGER,
  target_version  INTEGER,
  status          TEXT NOT NULL,
  failure_reason  TEXT,
  created_at      TEXT NOT NULL,
  last_updated_at TEXT NOT NULL,
  PRIMARY KEY (runtime_id, name)
) STRICT, WITHOUT ROWID;
