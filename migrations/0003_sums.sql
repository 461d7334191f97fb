-- Every row of the history carries a checksum of itself (CRC-32 of its columns): SQLite has none, and
-- what the disk changed must not be served. Rows from before get theirs when this is applied.
ALTER TABLE log ADD COLUMN sum INTEGER;

-- Objects whose row was found damaged, as they were found, for people: they are served no more.
CREATE TABLE damaged (
    rev      INTEGER NOT NULL,
    resource TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    why      TEXT    NOT NULL,
    value    BLOB
) STRICT;
