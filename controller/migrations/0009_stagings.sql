-- Media that agents were asked to fetch ahead of time and do not have yet: asked again at each connection until they have them.
CREATE TABLE stagings (
    server TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_ms BIGINT NOT NULL,
    PRIMARY KEY (server, sha256)
);
