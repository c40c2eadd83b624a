-- +goose Up

-- Indexes that a load has dropped, in the transaction that records them here,
-- and not yet made again.
CREATE TABLE headrace.dropped_indexes (
    index_name text        PRIMARY KEY,
    load_id    text        NOT NULL,
    target     text        NOT NULL,
    definition text        NOT NULL,
    dropped_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE headrace.dropped_indexes IS 'headrace: indexes that loads have dropped and will make again';

-- +goose Down

DROP TABLE headrace.dropped_indexes;
