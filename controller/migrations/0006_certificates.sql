-- SHA-256 of the key that spent a token: asked again with it, the answer is the same certificate.
ALTER TABLE invitations ADD COLUMN key_digest TEXT;
CREATE TABLE operator_invitations (
    secret_digest TEXT PRIMARY KEY,
    operator TEXT NOT NULL,
    invited_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    used_ms BIGINT,
    voided_ms BIGINT,
    key_digest TEXT
);
CREATE INDEX operator_invitations_by_operator ON operator_invitations (operator);
