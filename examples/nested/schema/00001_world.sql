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
    latitude     double precision NOT NULL,
    area         text             GENERATED ALWAYS AS (country || '.' || admin_code) STORED
);

-- The cities of an area are read from it, the largest first.
CREATE INDEX cities_by_area ON cities (area, population DESC, id);

CREATE TABLE areas (
    code       text   PRIMARY KEY,
    country    text   NOT NULL,
    population bigint NOT NULL
);

-- +goose Down
DROP TABLE areas;
DROP TABLE cities;
