-- +goose Up

ALTER TABLE headrace.loads ADD chunks integer;

COMMENT ON COLUMN headrace.loads.chunks IS 'how many chunks there are; NULL until the source has been cut to its end';

-- +goose Down

ALTER TABLE headrace.loads DROP chunks;
