-- What each agent remembers, as a restored controller read it. Rows of one recovery: a new one begins without any.
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
