-- +goose Up

ALTER TABLE headrace.loads ADD version integer NOT NULL DEFAULT 1;

COMMENT ON COLUMN headrace.loads.version IS 'of the way in which the load is cut and recorded; programs that know a lower one only leave it alone';

-- +goose Down

ALTER TABLE headrace.loads DROP version;
