package main

import (
	"time"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// A City is a row of cities.
type City struct {
	ID         int32
	Name       string
	Country    string
	Population int32
	Longitude  float64
	Latitude   float64
}

const columns = `id, name, country, population, longitude, latitude`

// The statements of the repository, each compiled once. Cache policies refer to
// them by the name in the first comment.
var (
	cityByID = db.MustCompile[City](`-- name: CityByID
		SELECT ` + columns + ` FROM cities WHERE id = $1`)

	citiesOfCountry = db.MustCompile[City](`-- name: CitiesOfCountry
		SELECT ` + columns + ` FROM cities WHERE country = $1`)

	removeCity = db.MustCompile[City](`-- name: RemoveCity
		DELETE FROM cities WHERE id = $1 RETURNING ` + columns)

	addPeople = db.MustCompile[City](`-- name: AddPeople
		UPDATE cities SET population = population + $2 WHERE id = $1 RETURNING ` + columns)
)

// largestFirst ends with the id: many cities have the same population.
var largestFirst = db.Pager{Keys: []db.Order{db.Desc("population").NotNull(), db.Asc("id")}}

// rows is the table for bulk writes.
var rows = batchinsert.MustTable[City]("cities")

// policies define which statements are cached, and how long changes by other
// programs may stay unseen. Other statements are not cached.
var policies = querycache.ByName{
	"CityByID":        {TTL: time.Minute},
	"CitiesOfCountry": {TTL: time.Minute},
}
