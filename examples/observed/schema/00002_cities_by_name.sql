-- +goose NO TRANSACTION

-- +goose Up
CREATE INDEX CONCURRENTLY cities_by_name ON cities (lower(name));

-- +goose Down
DROP INDEX CONCURRENTLY cities_by_name;
