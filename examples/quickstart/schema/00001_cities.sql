-- +goose Up
CREATE TABLE cities (
    id           integer          PRIMARY KEY,
    name         text             NOT NULL,
    alt_name     text,
    country      text             NOT NULL,
    feature_code text             NOT NULL,
    admin_code   text,
    population   integer          NOT NULL,
    longitude    double precision NOT NULL,
    latitude     double precision NOT NULL
);

-- Pages by population are read from it, at any depth.
CREATE INDEX cities_population ON cities (population DESC, id);

-- +goose Down
DROP TABLE cities;
