-- +goose Up

-- One row a load that was given an id: what it reads, into which table, and how
-- the source was cut. A source that has changed since has another fingerprint.
CREATE TABLE headrace.loads (
    load_id     text        PRIMARY KEY,
    target      text        NOT NULL,
    source      text        NOT NULL,
    fingerprint bytea       NOT NULL,
    size        bigint,
    chunk_bytes bigint      NOT NULL CHECK (chunk_bytes > 0),
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);

COMMENT ON TABLE headrace.loads IS 'headrace: loads that can be resumed';
COMMENT ON COLUMN headrace.loads.size IS 'bytes of the source; NULL where it cannot be known beforehand';

-- One row a chunk, planned first and filled in by the transaction that brings
-- its rows: loaded_at IS NULL means that none of them is in the table.
CREATE TABLE headrace.load_chunks (
    load_id    text        NOT NULL REFERENCES headrace.loads ON DELETE CASCADE,
    chunk      integer     NOT NULL CHECK (chunk >= 0),
    first_byte bigint      NOT NULL CHECK (first_byte >= 0),
    end_byte   bigint      NOT NULL CHECK (end_byte >= first_byte),
    first_line bigint      NOT NULL,
    rows       bigint,
    bad        bigint,
    checksum   bytea,
    loaded_at  timestamptz,
    PRIMARY KEY (load_id, chunk),
    CHECK (loaded_at IS NULL OR (rows IS NOT NULL AND bad IS NOT NULL))
);

COMMENT ON TABLE headrace.load_chunks IS 'headrace: the chunks of each load, and which of them are in the table';

-- Workers take the next chunk by it, with FOR UPDATE SKIP LOCKED.
CREATE INDEX load_chunks_open ON headrace.load_chunks (load_id, chunk) WHERE loaded_at IS NULL;

-- Rows that a load could not take. No reference to loads: a load without an id
-- may have bad rows too. raw is bytea, since what is wrong with a row may be its
-- encoding.
CREATE TABLE headrace.quarantine (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    load_id        text        NOT NULL,
    target         text        NOT NULL,
    source         text        NOT NULL,
    line           bigint      NOT NULL,
    byte_offset    bigint      NOT NULL,
    raw            bytea       NOT NULL,
    column_name    text,
    sqlstate       text        NOT NULL,
    message        text        NOT NULL,
    quarantined_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE headrace.quarantine IS 'headrace: rows that loads could not take, and why';

CREATE INDEX quarantine_load ON headrace.quarantine (load_id, line);

-- +goose Down

DROP TABLE headrace.quarantine;
DROP TABLE headrace.load_chunks;
DROP TABLE headrace.loads;
