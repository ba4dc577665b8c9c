-- Accounts, who has which role on them, and what Managers ask for.

CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    application TEXT NOT NULL,
    label TEXT NOT NULL,
    url TEXT NOT NULL,
    created_by TEXT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    last_login_at BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX accounts_by_workspace ON accounts (workspace_id, id);

-- Credentials, sealed under a key that is not in the database.
CREATE TABLE secrets (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    secret_type TEXT NOT NULL,
    key_id TEXT NOT NULL,
    sealed TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, secret_type)
);

CREATE TABLE shared_accounts (
    id TEXT PRIMARY KEY,
    partnership_id TEXT NOT NULL REFERENCES partnerships (id),
    account_id TEXT NOT NULL REFERENCES accounts (id),
    shared_by TEXT NOT NULL REFERENCES users (id),
    role TEXT NOT NULL CHECK (role IN ('account_collaborator', 'account_manager')),
    shared_at BIGINT NOT NULL,
    UNIQUE (partnership_id, account_id)
);
CREATE INDEX shared_accounts_by_account ON shared_accounts (account_id);

-- A guest's role names the partnership that it came through, and is never the Owner's.
CREATE TABLE grants (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    host_id TEXT NOT NULL REFERENCES workspaces (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    role TEXT NOT NULL CHECK (role IN ('account_collaborator', 'account_manager', 'account_owner')),
    partnership_id TEXT,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    UNIQUE (account_id, user_id),
    FOREIGN KEY (partnership_id, account_id) REFERENCES shared_accounts (partnership_id, account_id),
    CHECK ((partnership_id IS NULL) = (workspace_id = host_id)),
    CHECK (partnership_id IS NULL OR role <> 'account_owner')
);
CREATE INDEX grants_by_user ON grants (user_id);
CREATE INDEX grants_by_partnership ON grants (partnership_id, user_id) WHERE partnership_id IS NOT NULL;

CREATE TABLE access_requests (
    id TEXT PRIMARY KEY,
    partnership_id TEXT NOT NULL REFERENCES partnerships (id),
    account_id TEXT NOT NULL REFERENCES accounts (id),
    host_id TEXT NOT NULL REFERENCES workspaces (id),
    guest_id TEXT NOT NULL REFERENCES workspaces (id),
    member_id TEXT NOT NULL REFERENCES users (id),
    role TEXT NOT NULL CHECK (role IN ('account_collaborator', 'account_manager')),
    requested_by TEXT NOT NULL REFERENCES users (id),
    message TEXT,
    state TEXT NOT NULL CHECK (state IN ('pending', 'accepted', 'declined', 'closed')),
    decided_by TEXT,
    decided_at BIGINT,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX access_requests_one_pending ON access_requests (account_id, member_id) WHERE state = 'pending';
CREATE INDEX access_requests_by_member ON access_requests (member_id);
CREATE INDEX access_requests_by_account ON access_requests (account_id, id);
CREATE INDEX access_requests_by_requester ON access_requests (requested_by, id);
CREATE INDEX access_requests_by_partnership ON access_requests (partnership_id, state);
