-- Single sign-on: the OpenID provider of a workspace, who is who there, and the sessions that began so.

CREATE TABLE identity_providers (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL UNIQUE REFERENCES workspaces (id),
    issuer TEXT NOT NULL,
    client_id TEXT NOT NULL,
    -- The client's secret, sealed; none for a public client.
    key_id TEXT,
    sealed TEXT,
    scopes TEXT NOT NULL,
    email_claim TEXT NOT NULL,
    -- Whether its addresses count as verified without saying so.
    trusts_email BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK ((key_id IS NULL) = (sealed IS NULL))
);

-- The mail domains that a provider serves: each has one.
CREATE TABLE identity_provider_domains (
    domain TEXT PRIMARY KEY,
    provider_id TEXT NOT NULL REFERENCES identity_providers (id)
);
CREATE INDEX identity_provider_domains_by_provider ON identity_provider_domains (provider_id);

-- Which user a provider's subject is. Kept when the provider is removed: the same one may come back.
CREATE TABLE identities (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    bound_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, issuer, subject),
    UNIQUE (user_id, issuer)
);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id),
    -- HMAC-SHA256, as of keys: of the half that all refresh tokens of a session share, of the token
    -- that is good now, and of the one before.
    family_hash TEXT NOT NULL UNIQUE,
    refresh_hash TEXT NOT NULL,
    previous_hash TEXT,
    -- The idempotency key of the request that took the one before, likewise.
    repeat_hash TEXT,
    rotated_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- Until when a refresh that is under way has it to itself.
    claimed_until BIGINT,
    -- The provider's refresh token, sealed, and when the provider last knew the user.
    key_id TEXT,
    sealed TEXT,
    confirmed_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    version BIGINT NOT NULL,
    CHECK ((key_id IS NULL) = (sealed IS NULL))
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- An access token is a key that a session made.
ALTER TABLE api_keys ADD COLUMN session_id TEXT REFERENCES sessions (id);
CREATE INDEX api_keys_by_session ON api_keys (session_id) WHERE session_id IS NOT NULL;
