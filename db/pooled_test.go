package db

import (
	"reflect"
	"testing"

	"github.com/jackc/pgx/v5"
)

// A method that pgx adds to what is embedded here goes past the connection's
// way back. This test asks whether it may.
func TestPgxHasNoFurtherMethods(t *testing.T) {
	for typ, known := range map[reflect.Type]int{
		reflect.TypeFor[pgx.Tx]():           11, // of which Commit and Rollback give the connection back
		reflect.TypeFor[pgx.BatchResults](): 5,  // of which Close does
		reflect.TypeFor[pgx.Rows]():         10, // of which Close does, and Next, Scan and Values at the end
	} {
		if n := typ.NumMethod(); n != known {
			t.Errorf("%v has %d methods, and %d were looked at", typ, n, known)
		}
	}
}
