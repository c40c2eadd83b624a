// Package geonames contains the cities of the world as a file, for the
// examples. ATTRIBUTION.md names its source.
package geonames

import _ "embed"

// CSV contains a header and 135,233 cities, compressed with gzip.
//
//go:embed cities.csv.gz
var CSV []byte

// Cities is the number of rows in CSV.
const Cities = 135_233
