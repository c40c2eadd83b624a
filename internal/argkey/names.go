package argkey

import (
	"reflect"
	"strconv"
	"sync"
)

// names holds the names of types for keys. Types that are declared in functions
// may have the name of another type of their package.
var names struct {
	byType sync.Map // of reflect.Type to string

	mu    sync.Mutex
	known map[string]int // the number of types with a package path and name; guarded by mu
}

// distinctName returns the name of a type, with a number if another type of the
// package has it already.
func distinctName(t reflect.Type, name string) string {
	if distinct, ok := names.byType.Load(t); ok {
		return distinct.(string)
	}
	names.mu.Lock()
	defer names.mu.Unlock()
	if distinct, ok := names.byType.Load(t); ok {
		return distinct.(string)
	}
	if names.known == nil {
		names.known = make(map[string]int)
	}
	path := t.PkgPath() + "." + name
	n := names.known[path]
	names.known[path]++
	if n > 0 {
		name += "#" + strconv.Itoa(n)
	}
	names.byType.Store(t, name)
	return name
}
