CREATE TABLE profiles (
    id TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    doc TEXT NOT NULL
);

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Decisions that were sent, or are about to be, until their outcome is known; the id is the
-- idempotency key.
CREATE TABLE intents (
    id TEXT PRIMARY KEY,
    profile TEXT NOT NULL,
    doc BLOB NOT NULL,
    sealed INTEGER NOT NULL
);
CREATE INDEX intents_by_profile ON intents (profile, id);

-- What a person was told, so that they are told once.
CREATE TABLE told (
    notice TEXT PRIMARY KEY,
    at INTEGER NOT NULL
);
