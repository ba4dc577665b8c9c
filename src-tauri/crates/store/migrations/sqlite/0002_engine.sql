-- SQLite: what differs between engines.

-- The change log, one row for each workspace that a change is of interest to. SQLite commits writers
-- one after the other, so the order of seq is the order of commits and tx stays 0.
CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tx BIGINT NOT NULL DEFAULT 0,
    at BIGINT NOT NULL,
    workspace_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    -- Who of the workspace saw it before, parted by spaces: tells who learns that it is gone.
    seen_before TEXT NOT NULL,
    -- Who sees it since, likewise: with those before, who is told at all.
    seen_after TEXT NOT NULL
);
CREATE INDEX changes_of_workspace ON changes (workspace_id, tx, seq);

CREATE TRIGGER activities_are_not_changed BEFORE UPDATE ON activities
BEGIN SELECT RAISE(ABORT, 'activities are append-only'); END;
CREATE TRIGGER activities_are_not_deleted BEFORE DELETE ON activities
BEGIN SELECT RAISE(ABORT, 'activities are append-only'); END;
CREATE TRIGGER transitions_are_not_changed BEFORE UPDATE ON transitions
BEGIN SELECT RAISE(ABORT, 'transitions are append-only'); END;
CREATE TRIGGER transitions_are_not_deleted BEFORE DELETE ON transitions
BEGIN SELECT RAISE(ABORT, 'transitions are append-only'); END;

-- Event streams learn from the log, too, when somebody may see or do something else, or not any more.
CREATE TRIGGER callers_whose_key_ended AFTER UPDATE OF revoked_at ON api_keys
WHEN new.revoked_at IS NOT old.revoked_at
BEGIN
    INSERT INTO changes (at, workspace_id, kind, resource_id, seen_before, seen_after)
    SELECT new.revoked_at, u.workspace_id, 'caller', u.id, '', '' FROM users u WHERE u.id = new.user_id;
END;
CREATE TRIGGER callers_who_changed AFTER UPDATE OF role, status, view_number ON users
WHEN (new.role, new.status, new.view_number) <> (old.role, old.status, old.view_number)
BEGIN
    INSERT INTO changes (at, workspace_id, kind, resource_id, seen_before, seen_after)
    VALUES (new.updated_at, new.workspace_id, 'caller', new.id, '', '');
END;
