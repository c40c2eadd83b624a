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
	"github.com/headrace/headrace/internal/profile"
)

// A ReadThrough is a handle that serves reads from a cache and loads missing
// results from its source. It replaces a *db.DB or a pgx pool, also under code
// that sqlc generates. Hits through the typed reads of package db need no
// decoding; their values belong to the caller unless [Policy.Shared] is set.
// Rows read by Query and QueryRow are decoded from the bytes that the server
// sent.
//
// A ReadThrough is safe for concurrent use. It passes everything except reads
// to the source. There is no ReadThrough for transactions, because uncommitted
// rows must not reach other callers.
type ReadThrough struct {
	typedReader // the ReadThrough itself, for package db

	cache  *Cache
	source *source
	pg     *db.DB
	choose Chooser
	space  uint64
	types  typesOf

	observed bool // the source observes the changes of its own handle

	mu   sync.Mutex
	read map[string]bool // names in the ByName of statements read so far; guarded by mu
}

// A typedReader serves the typed reads of package db. Package db finds its
// methods promoted in a ReadThrough, or in a type that embeds one.
type typedReader = cacheapi.TypedReader

// reader is a ReadThrough as a typedReader.
type reader ReadThrough

// ReadThrough returns a handle that serves reads of pg with the policies of
// choose. Handles of the same cache share its budget but not their entries,
// because their policies may differ.
//
// ReadThrough returns an error if pg's pool has hooks that see the context of a
// caller (PrepareConn, BeforeAcquire) and Options.Scope is not set. It also
// returns an error if a policy has no bound (TTL -1) and pg adopted its pool:
// no change would be observed. If another Chooser returns such a policy, the
// results of that statement are not stored.
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
		return nil, fmt.Errorf("querycache: Policy.TTL is -1 (no bound), but no change would invalidate the entries: %w", db.ErrUnobserved)
	}
	if c.opts.Scope == nil && handle.ContextHooks {
		return nil, errors.New("querycache: Options.Scope is not set, but the pool has PrepareConn or BeforeAcquire: " +
			"results may depend on the caller's context, and hits do not run these hooks")
	}
	return newReadThrough(c, c.source(pg), choose), nil
}

func newReadThrough(c *Cache, from *source, choose Chooser) *ReadThrough {
	h := &ReadThrough{cache: c, source: from, pg: from.pg, choose: choose, space: c.space(), observed: from.handle.Observed}
	h.typedReader = (*reader)(h)
	return h
}

// UnusedPolicies returns the names in the handle's [ByName] that no statement
// read so far has. Names that remain after a program has run all of its reads
// are misspelt. It returns nil for other Choosers.
func (h *ReadThrough) UnusedPolicies() []string {
	byName, _ := h.choose.(ByName)
	h.mu.Lock()
	defer h.mu.Unlock()
	return byName.without(h.read)
}

// noteName records that a statement with the given name was read.
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

// unbounded reports whether choose is known to return a policy without a bound.
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

// hit returns the fresh entry for r and counts the hit, or returns nil.
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
	profile.From(ctx).Lookup(true, h.source.handle.Tracker.Recorder())
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
	a, err := h.load(ctx, rec, key, address(read), func(ctx context.Context, f *flight) (any, int64, error) { return load(ctx, h.querier(f)) })
	return a.value, a.own || rec.policy.Shared, err
}

// querier returns what a load reads from: the tiers before the source, if there
// are any. f is as in loadFunc.
func (h *ReadThrough) querier(f *flight) cacheapi.Querier {
	if f == nil || len(h.cache.tiers) == 0 {
		return h.pg
	}
	return tierQuerier{h, f}
}

// load loads a result through the cache and counts the lookup.
func (h *ReadThrough) load(ctx context.Context, rec *record, key []byte, hint uintptr, load loadFunc) (result, error) {
	c := h.cache
	var begun time.Time
	if c.opts.OnLookup != nil {
		begun = time.Now()
	}
	if profile.From(ctx).Repeated() {
		ctx = profile.WithCaller(ctx) // the load has a goroutine of its own
	}
	a, err := c.load(ctx, rec, c.store.Hash(&rec.ID, key), key, load)
	c.count(ctx, rec, a.why, begun, hint)
	return a, err
}

// admit returns the key of a read, or why the read bypasses the cache.
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
		n = rec.examine(ctx) // a refusal may have ended since
	}
	if n.timed && rec.policy.TTL < 0 && namesTime(r.Key) {
		return nil, RefusedArguments // the result changes with time
	}
	return key, n.refusal
}

// namesTime reports whether the arguments in a key may include a word such as
// now or today. In the key a text follows its length, which may look like a
// letter. A word of an array or a record may contain quotes and backslashes.
func namesTime(key []byte) bool {
	key = bytes.ReplaceAll(bytes.ReplaceAll(key, []byte(`\`), nil), []byte(`"`), nil)
	for _, word := range bytes.FieldsFunc(key, func(c rune) bool { return c|0x20 < 'a' || c|0x20 > 'z' }) {
		if catalog.NamesTime(string(word)) || catalog.NamesTime(string(word[1:])) {
			return true
		}
	}
	return false
}

// scoped appends the caller's scope and the key of r to dst. It reports false
// if there is no scope.
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

// Exec executes sql on the source.
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

// Invalidate invalidates the entries for sql with the given arguments: in every
// form and every scope, and for every named statement with this text. It also
// invalidates all pages of sql ([db.Stmt.Page]), whatever their arguments;
// pages of [db.PaginateOffset] have a text of their own. Results of loads under
// way are not stored.
//
// In further tiers it invalidates the entries for sql with all arguments, also
// for the named statements with this text that this process has read.
//
// Pass the arguments as the read does. Named arguments are supported. An entry
// that was read with a [pgx.QueryExecMode] or result formats differs from one
// without them.
func (h *ReadThrough) Invalidate(ctx context.Context, sql string, args ...any) {
	sql, args, ok, err := rewrite(ctx, sql, args)
	if err != nil || !ok {
		return // reads without a key are never stored
	}
	text := h.source.handle.Tracker.Text(sql)
	read := cacheapi.NewRead(text, formWire, args)
	defer read.Release()
	h.raiseStatement(text)
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
