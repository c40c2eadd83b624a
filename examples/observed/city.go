package main

import (
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// A City is a row of cities.
type City struct {
	ID         int32   `json:"id"`
	Name       string  `json:"name"`
	Country    string  `json:"country"`
	Population int32   `json:"population"`
	Longitude  float64 `json:"longitude"`
	Latitude   float64 `json:"latitude"`
}

const columns = `id, name, country, population, longitude, latitude`

// The statements of the service, each compiled once. The debug page and the
// cache policies refer to them by the name in the first comment.
var (
	cityByID = db.MustCompile[City](`-- name: CityByID
		SELECT ` + columns + ` FROM cities WHERE id = $1`)

	citiesByName = db.MustCompile[City](`-- name: CitiesByName
		SELECT ` + columns + ` FROM cities WHERE lower(name) = lower($1) ORDER BY population DESC, id LIMIT 20`)

	citiesOfCountry = db.MustCompile[City](`-- name: CitiesOfCountry
		SELECT ` + columns + ` FROM cities WHERE country = $1`)

	largestOfCountry = db.MustCompile[City](`-- name: LargestOfCountry
		SELECT ` + columns + ` FROM cities WHERE country = $1 ORDER BY population DESC, id LIMIT 20`)

	peopleOfCountry = db.MustCompile[int64](`-- name: PeopleOfCountry
		SELECT coalesce(sum(population), 0)::bigint FROM cities WHERE country = $1`)

	stopsOfTrip = db.MustCompile[int32](`-- name: StopsOfTrip
		SELECT city_id FROM stops WHERE trip = $1 ORDER BY position`)

	citiesOfTrip = db.MustCompile[City](`-- name: CitiesOfTrip
		SELECT ` + columns + ` FROM stops JOIN cities ON id = city_id WHERE trip = $1 ORDER BY position`)

	addVisit = db.MustCompileWrite(`-- name: AddVisit
		INSERT INTO visits (city_id) VALUES ($1)`)
)

// A Line is a row of a report.
type Line struct {
	Name   string `json:"name"`
	Cities int64  `json:"cities"`
}

// reports are statements that take their time. pg_sleep stands for the work on
// larger tables, and leaves the CPU of the machine alone.
var reports = map[string]*db.Stmt[Line]{
	"features": db.MustCompile[Line](`-- name: ReportFeatures
		SELECT feature_code AS name, count(*) AS cities FROM pg_sleep(0.03), cities WHERE country = $1 GROUP BY 1 ORDER BY 1`),

	"regions": db.MustCompile[Line](`-- name: ReportRegions
		SELECT coalesce(admin_code, '') AS name, count(*) AS cities FROM pg_sleep(0.03), cities WHERE country = $1 GROUP BY 1 ORDER BY 1`),

	"initials": db.MustCompile[Line](`-- name: ReportInitials
		SELECT left(name, 1) AS name, count(*) AS cities FROM pg_sleep(0.03), cities WHERE country = $1 GROUP BY 1 ORDER BY 1`),
}

// largestFirst ends with the id: many cities have the same population.
var largestFirst = db.Pager{Keys: []db.Order{db.Desc("population").NotNull(), db.Asc("id")}}

const pageSize = 50

// policies define which statements are cached, and how long changes by other
// programs may stay unseen. Other statements are not cached.
var policies = querycache.ByName{"PeopleOfCountry": {TTL: time.Minute}}
