// Package geonames has the cities of the world as a file for the examples to
// load. Where it is from says ATTRIBUTION.md.
package geonames

import _ "embed"

// CSV has a header and 135,233 cities, compressed by gzip.
//
//go:embed cities.csv.gz
var CSV []byte

// Cities is how many rows CSV has.
const Cities = 135_233
