package db

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A LoadError holds the errors of the keys without a value. [Loader.LoadMany]
// returns it, and the function of NewLoaderFunc may return it together with the
// values of other keys. errors.Is and errors.As examine each error.
type LoadError[K comparable] map[K]error

const keysInMessage = 3

// Error lists some of the keys, each with its error.
func (e LoadError[K]) Error() string {
	lines := make([]string, 0, len(e))
	for key, err := range e {
		lines = append(lines, fmt.Sprintf("key %v: %v", key, err))
	}
	slices.Sort(lines)
	if more := len(lines) - keysInMessage; more > 0 {
		lines = append(lines[:keysInMessage], fmt.Sprintf("and %d more", more))
	}
	return "db: load: " + strings.Join(lines, "; ")
}

// Unwrap returns the errors in no particular order.
func (e LoadError[K]) Unwrap() []error {
	all := make([]error, 0, len(e))
	for _, err := range e {
		all = append(all, err)
	}
	return all
}

// orNil returns e, or nil if e is empty.
func (e LoadError[K]) orNil() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// errLoadExited is the error for a load that called [runtime.Goexit], as
// testing's FailNow does.
var errLoadExited = errors.New("db: load: the loading function ended its goroutine")
