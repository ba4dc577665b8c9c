-- Several processes over one database.

-- Who does a piece of background work just now: others leave it alone until then.
CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until BIGINT NOT NULL
);
