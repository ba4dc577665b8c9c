CREATE TABLE profiles (
    id TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    doc TEXT NOT NULL
);

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Decisions that were sent, or are about to be; the id is the idempotency key.
CREATE TABLE intents (
    id TEXT PRIMARY KEY,
    profile TEXT NOT NULL,
    doc TEXT NOT NULL,
    settled INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX intents_unsettled ON intents (profile) WHERE settled = 0;

-- What a person was told, so that they are told once.
CREATE TABLE told (
    notice TEXT PRIMARY KEY,
    at INTEGER NOT NULL
);
