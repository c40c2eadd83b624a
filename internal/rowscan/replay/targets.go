package replay

import (
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// CheckRowTargets rejects targets that would alias row memory after the Scan of
// a pgx.Row, with pgx's message.
func CheckRowTargets(dest []any) error {
	for _, target := range dest {
		if _, ok := target.(*pgtype.DriverBytes); ok {
			return errors.New("cannot scan into *pgtype.DriverBytes from QueryRow")
		}
	}
	return nil
}

// keepsBytes reports whether a target receives the very bytes of a value, which
// it may modify: the bytes of a recording are shared by other readers.
func keepsBytes(dest any) bool {
	switch dest.(type) {
	case nil, *string, *int, *int16, *int32, *int64, *bool, *float32, *float64, *[]byte, *time.Time, *any:
		return false
	}
	t := reflect.TypeOf(dest)
	if keeps, ok := keepers.Load(t); ok {
		return keeps.(bool)
	}
	keeps := keepsBytesOf(t, map[reflect.Type]bool{})
	keepers.Store(t, keeps)
	return keeps
}

// keepers caches that by type. It grows with the types of the program.
var keepers sync.Map

func keepsBytesOf(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	if t.Implements(bytesScanner) || reflect.PointerTo(t).Implements(bytesScanner) {
		return true
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return keepsBytesOf(t.Elem(), seen)
	case reflect.Struct:
		for f := range t.Fields() {
			if keepsBytesOf(f.Type, seen) {
				return true
			}
		}
	}
	return false
}

var bytesScanner = reflect.TypeFor[pgtype.BytesScanner]()
