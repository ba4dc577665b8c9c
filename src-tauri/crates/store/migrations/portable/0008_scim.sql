-- SCIM: the tokens of identity providers, and what these tell of members.

-- Members are looked up by their address before each one is created.
CREATE INDEX users_by_folded_email ON users (workspace_id, folded_email);

CREATE TABLE scim_tokens (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    name TEXT NOT NULL,
    -- HMAC-SHA256 of the token under the server's own secret, in hexadecimal.
    hash TEXT NOT NULL UNIQUE,
    -- The highest role that it may give.
    highest_role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX scim_tokens_by_workspace ON scim_tokens (workspace_id, id);

-- Members without a row were never told of: their name and address stand for what is told.
CREATE TABLE scim_users (
    user_id TEXT PRIMARY KEY REFERENCES users (id),
    external_id TEXT,
    display_name TEXT,
    formatted_name TEXT,
    given_name TEXT,
    family_name TEXT,
    -- Whether their role was told, and not only taken for granted.
    role_told BIGINT NOT NULL,
    -- Whether they were deleted: not there for identity providers until they are created again.
    deleted BIGINT NOT NULL
);
CREATE INDEX scim_users_by_external_id ON scim_users (external_id);

CREATE TABLE scim_emails (
    user_id TEXT NOT NULL REFERENCES users (id),
    position BIGINT NOT NULL,
    value TEXT NOT NULL,
    type TEXT,
    display TEXT,
    is_primary BIGINT,
    PRIMARY KEY (user_id, position)
);
