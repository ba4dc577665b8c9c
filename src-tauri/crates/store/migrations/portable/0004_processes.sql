-- Several processes over one database, and texts that both engines search and sort alike.

-- Who does a piece of background work just now: others leave it alone until then.
CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until BIGINT NOT NULL
);

-- Texts in lower case as Unicode has it. The engines' own lower() differs, and so do their orders.
ALTER TABLE workspaces ADD COLUMN folded_name TEXT NOT NULL DEFAULT '';
UPDATE workspaces SET folded_name = lower(name);
ALTER TABLE users ADD COLUMN folded_name TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN folded_email TEXT NOT NULL DEFAULT '';
UPDATE users SET folded_name = lower(name), folded_email = lower(email);
ALTER TABLE partnerships ADD COLUMN folded_email TEXT NOT NULL DEFAULT '';
UPDATE partnerships SET folded_email = lower(partner_email);
ALTER TABLE accounts ADD COLUMN folded_application TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN folded_label TEXT NOT NULL DEFAULT '';
UPDATE accounts SET folded_application = lower(application), folded_label = lower(label);

-- What is pruned is found by its age.
CREATE INDEX idempotent_answers_by_age ON idempotent_answers (at);
