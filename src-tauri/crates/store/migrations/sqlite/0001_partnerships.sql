-- Ids are UUIDs as text, times are milliseconds since 1970 in UTC, flags are 0 or 1.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE workspaces (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    send_policy TEXT NOT NULL DEFAULT 'any_role' CHECK (send_policy IN ('any_role', 'users_and_above')),
    created_at BIGINT NOT NULL
);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('live', 'pending', 'disabled')),
    created_at BIGINT NOT NULL,
    -- Counts changes of role and status: a cursor taken under another number is of another view.
    view_number BIGINT NOT NULL DEFAULT 0,
    UNIQUE (workspace_id, email)
);
CREATE INDEX users_by_email ON users (email);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    -- HMAC-SHA256 of the secret under the server's own secret, in hexadecimal.
    hash TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE partnerships (
    id TEXT PRIMARY KEY,
    host_id TEXT NOT NULL REFERENCES workspaces (id),
    guest_id TEXT NOT NULL REFERENCES workspaces (id) CHECK (guest_id <> host_id),
    partner_email TEXT NOT NULL,
    reason TEXT,
    requested_by TEXT NOT NULL REFERENCES users (id),
    state TEXT NOT NULL CHECK (state IN (
        'awaiting_approval', 'awaiting_acceptance', 'active', 'declined_by_host',
        'declined_by_guest', 'withdrawn', 'expired', 'removed'
    )),
    holds_pair BIGINT NOT NULL,
    awaiting_since BIGINT,
    expires_at BIGINT,
    awaited TEXT,
    approved_by TEXT,
    approved_at BIGINT,
    approved_automatically BIGINT NOT NULL DEFAULT 0,
    consent_by TEXT,
    consent_at BIGINT,
    terms_version TEXT,
    terms_hash TEXT,
    reminders_sent BIGINT NOT NULL DEFAULT 0,
    last_reminder_at BIGINT,
    predecessor_id TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX partnerships_one_open_per_pair ON partnerships (host_id, guest_id) WHERE holds_pair = 1;
CREATE INDEX partnerships_by_host ON partnerships (host_id, id);
CREATE INDEX partnerships_by_guest ON partnerships (guest_id, id);
CREATE INDEX partnerships_by_deadline ON partnerships (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE partnership_owners (
    partnership_id TEXT NOT NULL REFERENCES partnerships (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    PRIMARY KEY (partnership_id, user_id)
);
CREATE INDEX partnership_owners_by_user ON partnership_owners (user_id);

-- Every accepted transition; position counts from 1 in each partnership.
CREATE TABLE transitions (
    partnership_id TEXT NOT NULL REFERENCES partnerships (id),
    position BIGINT NOT NULL,
    from_state TEXT,
    to_state TEXT NOT NULL,
    actor_id TEXT,
    at BIGINT NOT NULL,
    note TEXT,
    PRIMARY KEY (partnership_id, position)
);

-- The audit: accepted transitions and refused attempts to decide.
CREATE TABLE activities (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    event TEXT NOT NULL,
    host_id TEXT,
    guest_id TEXT,
    partnership_id TEXT,
    actor_id TEXT,
    detail TEXT NOT NULL
);
CREATE INDEX activities_by_partnership ON activities (partnership_id, at);

CREATE TRIGGER activities_are_not_changed BEFORE UPDATE ON activities
BEGIN SELECT RAISE(ABORT, 'activities are append-only'); END;
CREATE TRIGGER activities_are_not_deleted BEFORE DELETE ON activities
BEGIN SELECT RAISE(ABORT, 'activities are append-only'); END;
CREATE TRIGGER transitions_are_not_changed BEFORE UPDATE ON transitions
BEGIN SELECT RAISE(ABORT, 'transitions are append-only'); END;
CREATE TRIGGER transitions_are_not_deleted BEFORE DELETE ON transitions
BEGIN SELECT RAISE(ABORT, 'transitions are append-only'); END;

-- The change log. Who could see the resource before tells who learns that it is gone.
CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    partnership_id TEXT NOT NULL,
    host_id TEXT NOT NULL,
    guest_id TEXT NOT NULL,
    -- Space-separated ids of the host users beside the Admins who saw it; null if it was not there.
    people_before TEXT,
    guest_before BIGINT NOT NULL
);
CREATE INDEX changes_by_host ON changes (host_id, seq);
CREATE INDEX changes_by_guest ON changes (guest_id, seq);

CREATE TABLE idempotent_answers (
    user_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    status BIGINT NOT NULL,
    etag TEXT,
    body TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (user_id, idempotency_key)
);

CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    cause TEXT NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    text_body TEXT NOT NULL,
    html_body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    next_at BIGINT NOT NULL,
    sent_at BIGINT,
    UNIQUE (cause, recipient)
);
CREATE INDEX outbox_unsent ON outbox (next_at) WHERE sent_at IS NULL;
