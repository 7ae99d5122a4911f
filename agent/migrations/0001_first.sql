-- The agent's memory. Forward only; see src/journal/sqlite.rs.

-- Whose memory it is: one row per fact that never changes.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) STRICT;

-- The journal. Rows are added and never changed; each row's bytes hold the digest of the row before.
CREATE TABLE record (
    position INTEGER PRIMARY KEY NOT NULL,
    bytes    BLOB NOT NULL,
    digest   BLOB NOT NULL
) STRICT;

-- What Muster last set on the server, written in the transaction of the outcome that says so.
CREATE TABLE ownership (
    node       TEXT NOT NULL,
    attribute  TEXT NOT NULL, -- JSON of the attribute's name and member
    value      TEXT NOT NULL, -- JSON
    generation INTEGER NOT NULL,
    PRIMARY KEY (node, attribute)
) STRICT;
