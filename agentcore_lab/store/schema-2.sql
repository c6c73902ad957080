-- Migration 2. ``endpoint`` is an endpoint's name, or empty where the runtime itself is meant.
CREATE TABLE client_token (
  account_id      TEXT NOT NULL,
  region          TEXT NOT NULL,
  operation       TEXT NOT NULL,
  token           TEXT NOT NULL,
  request         TEXT NOT NULL, -- SHA-256 of the rest of the input
  answer          TEXT NOT NULL,
  expires_at      TEXT NOT NULL,
  PRIMARY KEY (account_id, region, operation, token)
) STRICT, WITHOUT ROWID;

CREATE INDEX client_token_expiry ON client_token (expires_at);

CREATE TABLE tag (
  runtime_id      TEXT NOT NULL REFERENCES runtime (id) ON DELETE CASCADE,
  endpoint        TEXT NOT NULL,
  key             TEXT NOT NULL,
  value           TEXT NOT NULL,
  PRIMARY KEY (runtime_id, endpoint, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE resource_policy (
  runtime_id      TEXT NOT NULL REFERENCES runtime (id) ON DELETE CASCADE,
  endpoint        TEXT NOT NULL,
  policy          TEXT NOT NULL,
  PRIMARY KEY (runtime_id, endpoint)
) STRICT, WITHOUT ROWID;

CREATE TABLE workload_identity (
  account_id      TEXT NOT NULL,
  region          TEXT NOT NULL,
  name            TEXT NOT NULL,
  created_at      TEXT NOT NULL,
  last_updated_at TEXT NOT NULL,
  PRIMARY KEY (account_id, region, name)
) STRICT, WITHOUT ROWID;

INSERT INTO workload_identity (account_id, region, name, created_at, last_updated_at)
SELECT account_id, region, id, created_at, created_at FROM runtime;
