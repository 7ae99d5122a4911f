-- The first tables. Forward only: a later change is a later file.
-- Moments are milliseconds since 1970 UTC; records are the JSON bytes of their muster-model type.

-- What there is once: the format, the epoch.
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Public halves of the recovery keys.
CREATE TABLE recovery_keys (
    recipient TEXT PRIMARY KEY,
    created_ms BIGINT NOT NULL
);

-- Every certificate that was ever issued.
CREATE TABLE certificates (
    serial TEXT PRIMARY KEY,
    identity TEXT NOT NULL,
    issued_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    revoked_ms BIGINT,
    pem TEXT NOT NULL
);
CREATE INDEX certificates_by_identity ON certificates (identity);

CREATE TABLE invitations (
    secret_digest TEXT PRIMARY KEY,
    server TEXT NOT NULL,
    invited_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    used_ms BIGINT,
    voided_ms BIGINT
);
CREATE INDEX invitations_by_server ON invitations (server);

CREATE TABLE revisions (
    revision INTEGER PRIMARY KEY,
    pushed_by TEXT NOT NULL,
    pushed_ms BIGINT NOT NULL,
    ticket TEXT,
    changed BIGINT NOT NULL
);

-- A document as it was from one revision on; the newest row at or below a revision is its text there.
CREATE TABLE documents (
    document TEXT NOT NULL,
    revision BIGINT NOT NULL REFERENCES revisions (revision),
    path TEXT NOT NULL,
    source TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (document, revision)
);
CREATE INDEX documents_by_revision ON documents (revision);

-- What the events last said of each server.
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

-- The highest journal position of each agent of which an outcome is stored here.
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
CREATE INDEX plans_by_site ON plans (site, plan);
CREATE UNIQUE INDEX one_run_per_site ON plans (site) WHERE running = 1;

CREATE TABLE plan_steps (
    plan BIGINT NOT NULL REFERENCES plans (plan),
    role TEXT NOT NULL,
    digest TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (plan, role)
);

CREATE TABLE events (
    sequence INTEGER PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    site TEXT,
    plan BIGINT,
    body BLOB NOT NULL
);
CREATE INDEX events_by_plan ON events (plan, sequence);
CREATE INDEX events_by_site ON events (site, sequence);

-- One attempt at one step: made when its command is issued, ended once.
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
);
CREATE INDEX confirmations_by_site ON confirmations (site);

-- What the events last said of each site, as of that event.
CREATE TABLE site_status (
    site TEXT PRIMARY KEY,
    sequence BIGINT NOT NULL,
    body BLOB NOT NULL
);
