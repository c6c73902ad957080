-- Migration 5. Accounts and what the engine has issued to them. Permanent keys have neither token nor end.
CREATE TABLE account (
  id              TEXT NOT NULL UNIQUE,
  name            TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE access_key (
  access_key_id     TEXT PRIMARY KEY,
  secret_access_key TEXT NOT NULL,
  account_id        TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
  principal_arn     TEXT NOT NULL,
  session_token     TEXT,
  expires_at        TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX access_key_account ON access_key (account_id);
