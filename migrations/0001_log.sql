-- The append-only history of every object. A row is one change; `value` is the object as JSON
-- text exactly as clients get it (for a deletion: its last state). `prev` is the revision this
-- change replaced, 0 for a creation: compaction deletes it once this change leaves the window.
CREATE TABLE log (
    rev      INTEGER PRIMARY KEY,
    resource TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    prev     INTEGER NOT NULL,
    deleted  INTEGER NOT NULL,
    value    TEXT    NOT NULL
) STRICT;

-- The objects that exist now, and where in the log their bytes are.
CREATE TABLE current (
    resource TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    rev      INTEGER NOT NULL,
    PRIMARY KEY (resource, key)
) STRICT, WITHOUT ROWID;

-- Values that only one live object may hold (service addresses, node ports, uid ranges).
CREATE TABLE claims (
    value    TEXT NOT NULL PRIMARY KEY,
    resource TEXT NOT NULL,
    key      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Single values: `compacted` is the revision up to which history is gone.
CREATE TABLE facts (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO facts VALUES ('compacted', 0), ('latest', 0);
