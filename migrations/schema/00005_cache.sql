-- +goose Up

-- Results of package tablecache. A crash of the server empties both tables, so
-- that the versions are never older than the results.
CREATE UNLOGGED TABLE headrace.cache_entries (
    key     text        PRIMARY KEY,
    value   bytea       NOT NULL,
    expires timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

ALTER TABLE headrace.cache_entries ALTER COLUMN value SET STORAGE EXTERNAL;

CREATE INDEX cache_entries_expires ON headrace.cache_entries (expires);

COMMENT ON TABLE headrace.cache_entries IS 'headrace: results that processes share; may be emptied at any time';

CREATE UNLOGGED TABLE headrace.cache_versions (
    name    text        PRIMARY KEY,
    version bigint      NOT NULL,
    raised  timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

COMMENT ON TABLE headrace.cache_versions IS 'headrace: versions of the tables that shared results depend on';

-- +goose Down

DROP TABLE headrace.cache_versions;
DROP TABLE headrace.cache_entries;
