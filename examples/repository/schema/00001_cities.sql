-- +goose Up
CREATE TABLE cities (
    id           integer          PRIMARY KEY,
    name         text             NOT NULL,
    alt_name     text,
    country      text             NOT NULL,
    feature_code text             NOT NULL DEFAULT 'PPL',
    admin_code   text,
    population   integer          NOT NULL,
    longitude    double precision NOT NULL,
    latitude     double precision NOT NULL
);

-- The pages of a country are read from it, at any depth.
CREATE INDEX cities_by_country ON cities (country, population DESC, id);

-- +goose Down
DROP TABLE cities;
