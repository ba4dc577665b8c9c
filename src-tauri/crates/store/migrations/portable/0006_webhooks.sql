-- Where workspaces have their events sent, and what is on its way.

CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    url TEXT NOT NULL,
    -- Parted by spaces.
    events TEXT NOT NULL,
    created_by TEXT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    -- What signs its events, sealed under a key that is not in the database.
    key_id TEXT NOT NULL,
    sealed TEXT NOT NULL
);
CREATE INDEX webhooks_by_workspace ON webhooks (workspace_id, id);

CREATE TABLE webhook_deliveries (
    id TEXT PRIMARY KEY,
    webhook_id TEXT NOT NULL REFERENCES webhooks (id),
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- waiting until next_at; sending by one process, which has until claimed_until.
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sending', 'delivered', 'given_up')),
    next_at BIGINT NOT NULL,
    claimed_until BIGINT,
    -- Those that were begun.
    attempts BIGINT NOT NULL DEFAULT 0,
    -- The last one that ended.
    tried_at BIGINT,
    status BIGINT,
    error TEXT,
    UNIQUE (webhook_id, event_id)
);
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (next_at, id) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_sending ON webhook_deliveries (claimed_until) WHERE state = 'sending';
CREATE INDEX webhook_deliveries_given_up ON webhook_deliveries (tried_at) WHERE state = 'given_up';
CREATE INDEX webhook_deliveries_delivered ON webhook_deliveries (tried_at) WHERE state = 'delivered';
CREATE INDEX webhook_deliveries_tried ON webhook_deliveries (webhook_id, tried_at) WHERE tried_at IS NOT NULL;
CREATE INDEX webhook_deliveries_undelivered ON webhook_deliveries (webhook_id) WHERE state IN ('waiting', 'sending');
