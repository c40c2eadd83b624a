package consistency

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// What is read besides the values of the ways.
const (
	contended = "plain" // is written often, and read slowly

	dropped = "dropped" // another program writes it, and the answers are dropped by hand
	aged    = "aged"    // another program writes it and tells nobody
)

// Names of statements, which decide on their policies.
const (
	unnamed   = ""
	agedName  = "Aged"
	unbounded = "Unbounded"
	unkept    = "Unkept"
)

const maxAge = 200 * time.Millisecond

var policies = querycache.ByName{unnamed: {TTL: time.Minute}, agedName: {TTL: maxAge}, unbounded: {TTL: -1}, unkept: {}}

// A value is what one way, another program or the time writes, as statements of one name read it.
type value struct {
	name   string
	quick  *db.Stmt[answer]
	slow   *db.Stmt[answer] // takes its snapshot, and milliseconds; nil but for the contended one
	plain  string           // quick for readers that are not typed
	source string

	rule    Rule // by which it is judged
	refused bool // it is never kept

	least atomic.Int64 // what a read that begins now must see, of what the process wrote
	by    atomic.Int32 // the handle that wrote it
	past  *history     // of what others wrote; nil where the process did
	age   time.Duration

	hits atomic.Int64
}

type answer struct {
	ID     int
	V      int64
	Tags   []string
	Tenant string
}

// newValue returns what source gives as v, read under a name.
func newValue(name, source, statement string) *value {
	sql := "SELECT $1::int AS id, v, '{ok}'::text[] AS tags, current_setting('app.tenant') AS tenant FROM " + source
	if statement != unnamed {
		sql = "-- name: " + statement + " :one\n" + sql
	}
	v := &value{name: name, quick: db.MustCompile[answer](sql), plain: sql, source: source}
	if name == contended {
		v.slow = db.MustCompile[answer](sql + slowly)
	}
	return v
}

// String returns its name, and that of the statement.
func (v *value) String() string {
	return strings.TrimSuffix(v.name+" as "+v.quick.Name(), " as ")
}

// written returns what a read that begins now must see.
func (v *value) written(begun time.Time) int64 {
	if v.past != nil {
		return v.past.at(begun.Add(-v.age))
	}
	return v.least.Load()
}

// wrote notes what a handle has written.
func (v *value) wrote(to int64, by *handle) {
	if by != nil {
		v.by.Store(int32(by.number))
	}
	v.least.Store(to)
}

// A history is what a value was, and since when.
type history struct {
	mu   sync.Mutex
	past []raise // guarded by mu
}

type raise struct {
	at time.Time
	to int64
}

// note notes that the value is now at least to.
func (h *history) note(to int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.past = append(h.past, raise{time.Now(), to})
	if n := len(h.past); n > 2000 {
		h.past = slices.Delete(h.past, 0, n-1000)
	}
}

// at returns what the value was at least.
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
