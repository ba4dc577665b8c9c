-- Mails that several processes send, none of them twice.

-- waiting until next_at; sending by one worker, which has until claimed_until; sent; failed for good;
-- unconfirmed if the worker ended before it knew.
ALTER TABLE outbox ADD COLUMN state TEXT NOT NULL DEFAULT 'waiting'
    CHECK (state IN ('waiting', 'sending', 'sent', 'failed', 'unconfirmed'));
ALTER TABLE outbox ADD COLUMN claimed_until BIGINT;
-- Why it was not sent, as the mail server said it.
ALTER TABLE outbox ADD COLUMN last_error TEXT;
UPDATE outbox SET state = 'sent' WHERE sent_at IS NOT NULL;
DROP INDEX outbox_unsent;
CREATE INDEX outbox_waiting ON outbox (next_at, id) WHERE state = 'waiting';
CREATE INDEX outbox_sending ON outbox (claimed_until) WHERE state = 'sending';
CREATE INDEX outbox_sent ON outbox (sent_at) WHERE state = 'sent';
CREATE INDEX outbox_failed ON outbox (id) WHERE state = 'failed';
CREATE INDEX outbox_unconfirmed ON outbox (id) WHERE state = 'unconfirmed';

-- An answer that holds a secret is kept sealed, under the key of this id.
ALTER TABLE idempotent_answers ADD COLUMN key_id TEXT;
