-- For every engine. Ids are UUIDs as text, times are milliseconds since 1970 in UTC, flags are 0 or 1.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE workspaces (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    send_policy TEXT NOT NULL DEFAULT 'any_role' CHECK (send_policy IN ('any_role', 'users_and_above')),
    -- Whether an identity provider alone adds and removes its members.
    managed BIGINT NOT NULL DEFAULT 0,
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
    -- Counts changes of what they may see: a cursor taken under another number is of another view.
    view_number BIGINT NOT NULL DEFAULT 0,
    version BIGINT NOT NULL DEFAULT 1,
    updated_at BIGINT NOT NULL,
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
CREATE INDEX api_keys_by_user ON api_keys (user_id);

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
CREATE INDEX partnerships_by_sender ON partnerships (requested_by, id);
CREATE INDEX partnerships_by_deadline ON partnerships (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE partnership_owners (
    partnership_id TEXT NOT NULL REFERENCES partnerships (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    PRIMARY KEY (partnership_id, user_id)
);
CREATE INDEX partnership_owners_by_user ON partnership_owners (user_id, partnership_id);

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

-- The audit: what happened, and refused attempts to decide. Names of account and app are as they were.
CREATE TABLE activities (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    event TEXT NOT NULL,
    host_id TEXT,
    guest_id TEXT,
    -- Whether the guest's Admins may know of it.
    guest_sees BIGINT NOT NULL,
    partnership_id TEXT,
    account_id TEXT,
    application TEXT,
    account_label TEXT,
    actor_id TEXT,
    subject_id TEXT,
    detail TEXT NOT NULL,
    -- What the client told of itself.
    location TEXT,
    os TEXT,
    device TEXT
);
CREATE INDEX activities_by_host ON activities (host_id, at, id);
CREATE INDEX activities_by_guest ON activities (guest_id, at, id);
CREATE INDEX activities_by_account ON activities (account_id, at, id);
CREATE INDEX activities_by_partnership ON activities (partnership_id, at);

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
