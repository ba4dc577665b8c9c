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
    seen_before TEXT NOT NULL
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
