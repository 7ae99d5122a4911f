-- Secrets: ciphertext only, no version is ever dropped.

-- The age key that the holder of an agent's certificate opens secrets with: its public half, which the certificate names.
ALTER TABLE certificates ADD COLUMN recipient TEXT;

CREATE TABLE secrets (
    site TEXT NOT NULL,
    secret TEXT NOT NULL,
    version BIGINT NOT NULL,
    sealed BLOB NOT NULL,
    recipients TEXT NOT NULL,
    set_by TEXT NOT NULL,
    set_ms BIGINT NOT NULL,
    PRIMARY KEY (site, secret, version)
);
