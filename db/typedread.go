package db

import (
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/headrace/headrace/internal/cacheapi"
)

// formIDs gives each Go type a number. It grows with the types of the program,
// not with its data.
var formIDs struct {
	byType sync.Map // of reflect.Type to uint64
	last   atomic.Uint64
}

// firstForm returns the number of formAll of T; the other forms follow it.
func firstForm[T any]() uint64 {
	t := reflect.TypeFor[T]()
	if id, ok := formIDs.byType.Load(t); ok {
		return id.(uint64)
	}
	id, _ := formIDs.byType.LoadOrStore(t, formIDs.last.Add(cacheapi.Forms))
	return id.(uint64)
}

// reads lends out Reads with room for their keys.
var reads = sync.Pool{New: func() any { return &cacheapi.Read{Key: make([]byte, 0, 256)} }}
