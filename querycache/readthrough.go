package querycache

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/catalog"
)

// A ReadThrough is a handle that answers reads from a cache and asks its
// source for what is not there. It stands where a *db.DB or a pgx pool stood,
// also under the code that sqlc generates. What the functions of package db
// read through it comes without decoding, and is the caller's own unless
// [Policy.Shared] says otherwise; rows read by Query and QueryRow are decoded
// from the bytes that the server sent.
//
// It may be used by many goroutines at once. Everything that is not a read
// goes to the source. There is no such handle for transactions: nobody else may
// see what they have not committed.
type ReadThrough struct {
	typedReader // itself, for package db

	cache  *Cache
	source *source
	pg     *db.DB
	choose Chooser
	space  uint64
	types  typesOf

	observed bool // the source sees what its program changes

	mu   sync.Mutex
	read map[string]bool // names of statements that a ByName has a policy for; guarded by mu
}

// A typedReader answers the typed reads of package db, which finds its methods
// promoted from a ReadThrough, or from a type of the program's that embeds one.
type typedReader = cacheapi.TypedReader

// reader is a ReadThrough as a typedReader.
type reader ReadThrough

// ReadThrough returns a handle that keeps answers of pg as choose says. Its
// answers are its own: another handle of the same cache shares the budget but
// not the entries, since it may have promised something else.
//
// It is refused where pg's pool has hooks that see the context of a caller
// (PrepareConn, BeforeAcquire) and Options.Scope is not set, and where a policy
// has no bound (TTL -1) and pg adopted its pool, so that no change would ever
// be heard of. A Chooser of the program's own that gives such a policy keeps
// nothing of that statement.
func (c *Cache) ReadThrough(pg *db.DB, choose Chooser) (*ReadThrough, error) {
	switch p, isPolicy := choose.(Policy); {
	case pg == nil:
		return nil, errors.New("querycache: ReadThrough needs a handle, got nil")
	case choose == nil:
		return nil, errors.New("querycache: ReadThrough needs a Chooser, got nil")
	case c.off.Load()&offClosed != 0:
		return nil, ErrClosed
	case isPolicy:
		if err := p.validate(); err != nil {
			return nil, fmt.Errorf("querycache: %w", err)
		}
	}
	if byName, ok := choose.(ByName); ok {
		for name, p := range byName {
			if err := p.validate(); err != nil {
				return nil, fmt.Errorf("querycache: statement %q: %w", name, err)
			}
		}
	}
	handle := cacheapi.HandleOf(pg)
	if unbounded(choose) && !handle.Observed {
		return nil, fmt.Errorf("querycache: Policy.TTL is -1 (no bound), and nothing would ever drop an answer: %w", db.ErrUnobserved)
	}
	if c.opts.Scope == nil && handle.ContextHooks {
		return nil, errors.New("querycache: the pool has PrepareConn or BeforeAcquire, which may make answers depend on the caller's context: " +
			"a hit holds no connection, so Options.Scope has to say what they depend on")
	}
	return newReadThrough(c, c.source(pg), choose), nil
}

func newReadThrough(c *Cache, from *source, choose Chooser) *ReadThrough {
	h := &ReadThrough{cache: c, source: from, pg: from.pg, choose: choose, space: c.space(), observed: from.handle.Observed}
	h.typedReader = (*reader)(h)
	return h
}

// UnusedPolicies returns the names under which the handle's [ByName] has a policy, and
// by which no statement was read so far: what is left of them once a program has
// made all of its reads is misspelt. It is nil for other Choosers.
func (h *ReadThrough) UnusedPolicies() []string {
	byName, _ := h.choose.(ByName)
	h.mu.Lock()
	defer h.mu.Unlock()
	return byName.without(h.read)
}

// noteName notes that a statement of the given name was read.
func (h *ReadThrough) noteName(name string) {
	byName, _ := h.choose.(ByName)
	if _, ok := byName[name]; !ok {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.read == nil {
		h.read = make(map[string]bool)
	}
	h.read[strings.Clone(name)] = true
}

// unbounded reports whether choose is known to give a policy without a bound.
func unbounded(choose Chooser) bool {
	switch choose := choose.(type) {
	case Policy:
		return choose.TTL < 0
	case ByName:
		for _, p := range choose {
			if p.TTL < 0 {
				return true
			}
		}
	}
	return false
}

// Source implements [cacheapi.TypedReader].
func (r *reader) Source() cacheapi.Querier { return r.pg }

// Cached implements [cacheapi.TypedReader].
func (r *reader) Cached(ctx context.Context, read *cacheapi.Read) (value any, shared, ok bool) {
	h := (*ReadThrough)(r)
	e := h.hit(ctx, read)
	if e == nil {
		return nil, false, false
	}
	return h.cache.open(e), e.Of().policy.Shared, true
}

// hit returns the entry that answers r, and counts the hit.
func (h *ReadThrough) hit(ctx context.Context, r *cacheapi.Read) *entry {
	c := h.cache
	if !r.Keyed || c.off.Load() != 0 {
		return nil
	}
	key := r.Key
	if c.opts.Scope != nil {
		var room [128]byte
		var ok bool
		if key, ok = h.scoped(ctx, room[:0], r); !ok {
			return nil
		}
	}
	id := identityOf(r.Text, r.Form, h.space)
	e := c.hit(c.store.Hash(&id, key), &id, key)
	if e == nil || bypassed(ctx) {
		return nil
	}
	e.Of().counts.add(Hit, address(r))
	if c.opts.OnLookup != nil {
		c.opts.OnLookup(ctx, Lookup{Name: e.Of().label, Reason: Hit})
	}
	return e
}

// Load implements [cacheapi.TypedReader].
func (r *reader) Load(ctx context.Context, read *cacheapi.Read, load cacheapi.LoadFunc) (value any, shared bool, err error) {
	h := (*ReadThrough)(r)
	rec := h.record(read.Text, read.Form)
	key, why := h.admit(ctx, rec, read)
	if why != none {
		h.cache.count(ctx, rec, why, time.Time{}, address(read))
		value, _, err = load(ctx, h.pg)
		return value, true, err
	}
	a, err := h.load(ctx, rec, key, address(read), func(ctx context.Context) (any, int64, error) { return load(ctx, h.pg) })
	return a.value, a.own || rec.policy.Shared, err
}

// load asks the cache, and counts.
func (h *ReadThrough) load(ctx context.Context, rec *record, key []byte, hint uintptr, load loadFunc) (answer, error) {
	c := h.cache
	var begun time.Time
	if c.opts.OnLookup != nil {
		begun = time.Now()
	}
	a, err := c.load(ctx, rec, c.store.Hash(&rec.ID, key), key, load)
	c.count(ctx, rec, a.why, begun, hint)
	return a, err
}

// admit returns the key of a read, or why the cache has nothing to do with it.
func (h *ReadThrough) admit(ctx context.Context, rec *record, r *cacheapi.Read) ([]byte, Reason) {
	if why := h.cache.refusal(ctx); why != none {
		return nil, why
	}
	switch {
	case rec.refused != none:
		return nil, rec.refused
	case !r.Keyed:
		return nil, RefusedArguments
	case r.Shares && !rec.policy.Shared:
		return nil, RefusedType
	}
	key := r.Key
	if h.cache.opts.Scope != nil {
		var ok bool
		if key, ok = h.scoped(ctx, nil, r); !ok {
			return nil, RefusedScope
		}
	}
	n := rec.dependencies.Load()
	if n == nil || n.refusal != none {
		n = rec.examine(ctx) // refused for what the server said: it may say something else by now
	}
	if n.timed && rec.policy.TTL < 0 && namesTime(r.Key) {
		return nil, RefusedArguments // the answer is another one tomorrow
	}
	return key, n.refusal
}

// namesTime reports whether the arguments that a key stands for may have a word
// such as now or today among them. In the key a text follows its length, which
// may look like a letter. Quotes and backslashes may stand inside a word of an
// array or a record.
func namesTime(key []byte) bool {
	key = bytes.ReplaceAll(bytes.ReplaceAll(key, []byte(`\`), nil), []byte(`"`), nil)
	for _, word := range bytes.FieldsFunc(key, func(c rune) bool { return c|0x20 < 'a' || c|0x20 > 'z' }) {
		if catalog.NamesTime(string(word)) || catalog.NamesTime(string(word[1:])) {
			return true
		}
	}
	return false
}

// scoped appends the caller's scope and the key of r to dst. It reports false if
// there is no scope.
func (h *ReadThrough) scoped(ctx context.Context, dst []byte, r *cacheapi.Read) ([]byte, bool) {
	scope, ok := h.cache.opts.Scope(ctx)
	if !ok {
		return nil, false
	}
	return append(appendScope(dst, scope), r.Key...), true
}

func appendScope(dst []byte, scope string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(scope))), scope...)
}

// Exec runs sql on the source.
func (h *ReadThrough) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return h.pg.Exec(ctx, sql, args...)
}

// SendBatch sends all statements of b to the source.
func (h *ReadThrough) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return h.pg.SendBatch(ctx, b)
}

// CopyFrom copies rows to the source.
func (h *ReadThrough) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	return h.pg.CopyFrom(ctx, table, columns, src)
}

// Invalidate drops the answer to sql with the given arguments, in every form in which
// it is kept, in every scope and under every name that statements of this text
// have, and all pages of sql, whatever their arguments
// and place ([db.Stmt.Page]; those of [db.PaginateOffset] are answers to a text
// of their own). Loads that are under way are not kept. Arguments are those of
// the read: named ones are put in their places, and an answer that was asked for
// with a [pgx.QueryExecMode] or result formats is another than one without.
func (h *ReadThrough) Invalidate(ctx context.Context, sql string, args ...any) {
	sql, args, ok, err := rewrite(ctx, sql, args)
	if err != nil || !ok {
		return // what has no key is never kept
	}
	text := h.source.handle.Tracker.Text(sql)
	read := lendRead(text, args)
	defer returnRead(read)
	n := h.cache.changes.Add(1)
	for _, rec := range h.cache.records.all() {
		switch {
		case rec.Space != h.space || rec.sent != text.ID:
		case cacheapi.IsPage(rec.Form):
			rec.invalidate(n)
		case !read.Keyed:
		case h.cache.opts.Scope != nil:
			rec.invalidateKey(n, string(read.Key))
		default:
			h.cache.invalidate(&rec.ID, read.Key)
		}
	}
}
