package main

import (
	"time"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// City is a row of cities.
type City struct {
	ID          int32   `db:"id"`
	Name        string  `db:"name"`
	AltName     *string `db:"alt_name"`
	Country     string  `db:"country"`
	FeatureCode string  `db:"feature_code"`
	AdminCode   *string `db:"admin_code"`
	Population  int32   `db:"population"`
	Longitude   float64 `db:"longitude"`
	Latitude    float64 `db:"latitude"`
}

const columns = `id, name, alt_name, country, feature_code, admin_code, population, longitude, latitude`

// The statements of the program, each compiled once. Statistics and cache
// policies refer to them by the name in the first comment.
var (
	cityPages = db.MustCompile[City](`-- name: CityPages
		SELECT ` + columns + ` FROM cities`)

	cityByID = db.MustCompile[City](`-- name: CityByID
		SELECT ` + columns + ` FROM cities WHERE id = $1`)

	someCities = db.MustCompile[City](`-- name: SomeCities
		SELECT ` + columns + ` FROM cities ORDER BY id LIMIT $1`)

	// The same page with OFFSET.
	cityOffset = db.MustCompile[City](`-- name: CityOffset
		SELECT ` + columns + ` FROM cities ORDER BY population DESC, id LIMIT $1 OFFSET $2`)
)

// largestFirst is the order of the pages. It ends with the key, because many
// cities have the same population.
var largestFirst = db.Pager{Keys: []db.Order{db.Desc("population").NotNull(), db.Asc("id")}}

// cities is the table for bulk writes.
var cities = batchinsert.MustTable[City]("cities")

// ttl is the greatest age of a city in the cache.
const ttl = 2 * time.Second

// policies define which statements are cached, and for how long. Other
// statements are not cached.
var policies = querycache.ByName{
	"CityPages": {TTL: time.Minute, Shared: true}, // this program never changes a page
	"CityByID":  {TTL: ttl},                       // a copy for each caller
}
