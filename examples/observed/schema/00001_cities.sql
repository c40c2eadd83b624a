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

-- The pages of a country are read from it, at any depth.
CREATE INDEX cities_by_country ON cities (country, population DESC, id);

CREATE TABLE stops (
    trip     integer NOT NULL,
    position integer NOT NULL,
    city_id  integer NOT NULL REFERENCES cities,
    PRIMARY KEY (trip, position)
);

CREATE INDEX stops_by_city ON stops (city_id);

CREATE TABLE visits (
    id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    city_id integer     NOT NULL REFERENCES cities,
    at      timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX visits_by_city ON visits (city_id);

-- +goose Down
DROP TABLE visits, stops, cities;
