-- Where each site stands by its newest plan: what the events of that plan come to, written in the transaction of each.
-- Rows that are missing, or of another format, are folded from the events when the controller starts.
DROP TABLE site_status;
CREATE TABLE site_status (
    site TEXT PRIMARY KEY,
    plan BIGINT NOT NULL,
    -- The format of the body.
    format BIGINT NOT NULL,
    body BLOB NOT NULL
);
