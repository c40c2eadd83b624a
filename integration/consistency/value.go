package consistency

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// Special values.
const (
	contended = "plain" // is written often and read slowly

	dropped = "dropped" // is written by another program, which invalidates its entries
	aged    = "aged"    // is written by another program, without invalidation
)

// Names of statements, which select their policies.
const (
	unnamed   = ""
	agedName  = "Aged"
	unbounded = "Unbounded"
	unkept    = "Unkept"
)

const maxAge = 200 * time.Millisecond

var policies = querycache.ByName{unnamed: {TTL: time.Minute}, agedName: {TTL: maxAge}, unbounded: {TTL: -1}, unkept: {}}

// A value is written by one way, another program or the time, and read by
// statements of one name.
type value struct {
	name   string
	quick  *db.Stmt[result]
	slow   *db.Stmt[result] // takes milliseconds after its snapshot; only for the contended value
	plain  string           // quick as text
	source string

	rule    Rule // that results are checked against
	refused bool // results are never stored

	least  atomic.Int64 // the least value that a read must return, written by the process
	by     atomic.Int32 // the handle that wrote it
	known  atomic.Int64 // the last value whose raises were in all tiers
	raised atomic.Int64 // the least value that other processes must read while it is calm
	past   *history     // the values that others wrote; nil for values of the process
	age    time.Duration

	hits atomic.Int64

	// Of a value of a fleet.
	owner int // the member that writes it; -1 for another program
	write func(ctx context.Context, w *writer, to int64) error
}

type result struct {
	ID     int
	V      int64
	Tags   []string
	Tenant string
}

// newValue returns the value v of source, read under a statement name.
func newValue(name, source, statement string) *value {
	sql := "SELECT $1::int AS id, v, '{ok}'::text[] AS tags, current_setting('app.tenant') AS tenant FROM " + source
	if statement != unnamed {
		sql = "-- name: " + statement + " :one\n" + sql
	}
	v := &value{name: name, quick: db.MustCompile[result](sql), plain: sql, source: source}
	if name == contended {
		v.slow = db.MustCompile[result](sql + slowly)
	}
	return v
}

// String returns the names of the value and of its statement.
func (v *value) String() string {
	return strings.TrimSuffix(v.name+" as "+v.quick.Name(), " as ")
}

// written returns the least value that a read beginning now must return.
func (v *value) written(begun time.Time) int64 {
	if v.past != nil {
		return v.past.at(begun.Add(-v.age))
	}
	return v.least.Load()
}

// wrote records a write of a handle.
func (v *value) wrote(to int64, by *handle) {
	if by != nil {
		v.by.Store(int32(by.number))
	}
	v.least.Store(to)
}

// A history holds past values with their times.
type history struct {
	mu   sync.Mutex
	past []raise // guarded by mu
}

type raise struct {
	at time.Time
	to int64
}

// note records that the value is now at least to.
func (h *history) note(to int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.past = append(h.past, raise{time.Now(), to})
	if n := len(h.past); n > 2000 {
		h.past = slices.Delete(h.past, 0, n-1000)
	}
}

// at returns the least value at a time.
func (h *history) at(when time.Time) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range slices.Backward(h.past) {
		if p.at.Before(when) {
			return p.to
		}
	}
	return 0
}
