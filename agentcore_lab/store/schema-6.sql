-- Migration 6. Credential providers and what they are trusted with. ``kind`` is as in their ARNs; configurations and
-- tags are JSON and hold no secret. ``sealed`` is a nonce and what AES-GCM made of the secret, under the vault's key
-- and for ``owner`` alone: a digest of whose it is. ``workload`` is NULL for what belongs to the provider itself.
CREATE TABLE token_vault (
  account_id      TEXT NOT NULL,
  region          TEXT NOT NULL,
  key_id          TEXT NOT NULL,
  kms_key_arn     TEXT,
  last_modified_at TEXT NOT NULL,
  PRIMARY KEY (account_id, region)
) STRICT, WITHOUT ROWID;

CREATE TABLE credential_provider (
  account_id      TEXT NOT NULL,
  region          TEXT NOT NULL,
  kind            TEXT NOT NULL,
  name            TEXT NOT NULL,
  vendor          TEXT,
  configuration   TEXT NOT NULL,
  tags            TEXT NOT NULL,
  created_at      TEXT NOT NULL,
  last_updated_at TEXT NOT NULL,
  PRIMARY KEY (account_id, region, kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE vault_secret (
  owner           TEXT PRIMARY KEY,
  account_id      TEXT NOT NULL,
  region          TEXT NOT NULL,
  kind            TEXT NOT NULL,
  provider        TEXT NOT NULL,
  workload        TEXT,
  sealed          BLOB NOT NULL,
  FOREIGN KEY (account_id, region, kind, provider)
    REFERENCES credential_provider (account_id, region, kind, name) ON DELETE CASCADE,
  FOREIGN KEY (account_id, region, workload)
    REFERENCES workload_identity (account_id, region, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX vault_secret_of_provider ON vault_secret (account_id, region, kind, provider);
CREATE INDEX vault_secret_of_workload ON vault_secret (account_id, region, workload);
