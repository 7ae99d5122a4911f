CREATE TABLE certificates (
    serial TEXT PRIMARY KEY,
    identity TEXT NOT NULL,
    issued_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    revoked_ms BIGINT,
    pem TEXT NOT NULL
, recipient TEXT);
CREATE INDEX certificates_by_identity ON certificates (identity);
CREATE TABLE confirmations (
    fingerprint TEXT PRIMARY KEY,
    site TEXT NOT NULL,
    role TEXT NOT NULL,
    node TEXT NOT NULL,
    plan BIGINT NOT NULL REFERENCES plans (plan),
    step BIGINT NOT NULL,
    confirmed_by TEXT NOT NULL,
    confirmed_ms BIGINT NOT NULL,
    note TEXT
, ends TEXT, end_date_of TEXT);
CREATE INDEX confirmations_by_site ON confirmations (site);
CREATE TABLE documents (
    document TEXT NOT NULL,
    revision BIGINT NOT NULL REFERENCES revisions (revision),
    path TEXT NOT NULL,
    source TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (document, revision)
);
CREATE INDEX documents_by_revision ON documents (revision);
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    site TEXT,
    plan BIGINT,
    body BLOB NOT NULL
);
CREATE INDEX events_by_plan ON events (plan, sequence);
CREATE INDEX events_by_site ON events (site, sequence);
CREATE TABLE invitations (
    secret_digest TEXT PRIMARY KEY,
    server TEXT NOT NULL,
    invited_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    used_ms BIGINT,
    voided_ms BIGINT
, key_digest TEXT);
CREATE INDEX invitations_by_server ON invitations (server);
CREATE TABLE journals (
    server TEXT PRIMARY KEY,
    position BIGINT NOT NULL
);
CREATE TABLE manifests (
    server TEXT NOT NULL,
    generation BIGINT NOT NULL,
    digest TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (server, generation)
);
CREATE INDEX manifests_by_digest ON manifests (digest);
CREATE TABLE memories (
    server TEXT PRIMARY KEY,
    read_ms BIGINT NOT NULL,
    -- Taken out of the body, so that numbers can be given above all of them.
    epoch BIGINT NOT NULL,
    plan BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    -- Every manifest of the server up to this generation is old: a new one is above.
    generation BIGINT NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
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
CREATE TABLE plan_steps (
    plan BIGINT NOT NULL REFERENCES plans (plan),
    role TEXT NOT NULL,
    digest TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (plan, role)
);
CREATE TABLE plans (
    plan INTEGER PRIMARY KEY,
    site TEXT NOT NULL,
    revision BIGINT NOT NULL REFERENCES revisions (revision),
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    digest TEXT NOT NULL,
    header BLOB NOT NULL,
    findings TEXT NOT NULL,
    warnings TEXT NOT NULL,
    simulated BIGINT NOT NULL,
    approved_by TEXT,
    approved_ms BIGINT,
    ticket TEXT,
    started_ms BIGINT,
    running BIGINT NOT NULL DEFAULT 0,
    run_end TEXT
);
CREATE UNIQUE INDEX one_run_per_site ON plans (site) WHERE running = 1;
CREATE INDEX plans_by_site ON plans (site, plan);
CREATE TABLE recovery_keys (
    recipient TEXT PRIMARY KEY,
    created_ms BIGINT NOT NULL
);
CREATE TABLE revisions (
    revision INTEGER PRIMARY KEY,
    pushed_by TEXT NOT NULL,
    pushed_ms BIGINT NOT NULL,
    ticket TEXT,
    changed BIGINT NOT NULL
);
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
CREATE TABLE servers (
    server TEXT PRIMARY KEY,
    invited_ms BIGINT,
    enrolled_ms BIGINT,
    revoked_ms BIGINT,
    serial TEXT,
    host TEXT,
    connected BIGINT NOT NULL DEFAULT 0,
    moved_ms BIGINT,
    agent_version TEXT,
    simulated BIGINT,
    clock_offset_ms BIGINT
);
CREATE TABLE site_status (
    site TEXT PRIMARY KEY,
    plan BIGINT NOT NULL,
    -- The format of the body.
    format BIGINT NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE stagings (
    server TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_ms BIGINT NOT NULL,
    PRIMARY KEY (server, sha256)
);
CREATE TABLE step_keys (
    step_key TEXT PRIMARY KEY,
    plan BIGINT NOT NULL REFERENCES plans (plan),
    step BIGINT NOT NULL,
    server TEXT NOT NULL,
    command TEXT NOT NULL,
    issued_sequence BIGINT NOT NULL,
    ended_sequence BIGINT
);
CREATE INDEX step_keys_by_plan ON step_keys (plan, step);
