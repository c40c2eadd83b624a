package paging

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/headrace/headrace/internal/keyset"
	"github.com/headrace/headrace/internal/sqltext"
)

// An Order is one key of the order of pages.
type Order struct {
	Column  string
	Desc    bool
	Nulls   keyset.Nulls
	Holding Nullability
}

// Nullability is what the caller knows about a column's NULLs.
type Nullability uint8

// The values of Nullability.
const (
	NullsUnknown Nullability = iota
	NullsNever
	NullsMaybe
)

// A Statement is a statement that can be paged through in one order. It is safe
// for concurrent use.
type Statement struct {
	Text *sqltext.Statement
	Keys []keyset.Key

	// Compare is set once the query has to compare rows, since their bytes do
	// not show whether they are equal.
	Compare atomic.Bool

	parts keyset.Statement
	spec  []byte // the order, as appendSpec writes it

	mu    sync.RWMutex
	texts map[keyset.Form]string // guarded by mu: cached queries
}

// maxTexts bounds the cached queries of one order: limits may come from users.
const maxTexts = 64

// New splits a statement into its parts. It returns an error if its rows cannot
// be paged through.
func New(text *sqltext.Statement, order []Order) (*Statement, error) {
	parts, err := pageable(text)
	if err != nil {
		return nil, err
	}
	keys := make([]keyset.Key, len(order))
	for i, o := range order {
		keys[i] = keyset.Key{Column: o.Column, Desc: o.Desc, Nulls: o.Nulls, Nullable: o.Holding != NullsNever}
	}
	if n := len(keys); n > 0 && order[n-1].Holding == NullsUnknown {
		keys[n-1].Nullable = false
	}
	if err := keyset.Check(keys); err != nil {
		return nil, err
	}
	if err := checkStable(text, keys); err != nil {
		return nil, err
	}
	return &Statement{
		Text: text, Keys: keys, parts: parts, spec: appendSpec(nil, order),
		texts: make(map[keyset.Form]string),
	}, nil
}

// pageable splits a statement into the part before the query that wraps it and
// the part inside.
func pageable(text *sqltext.Statement) (keyset.Statement, error) {
	sql := text.Normalized
	query, err := sqltext.Outline(sql)
	switch {
	case err != nil:
		return keyset.Statement{}, err
	case query.Modifying:
		return keyset.Statement{}, errors.New("WITH changes data: it would do so for each page")
	case query.Into:
		return keyset.Statement{}, errors.New("SELECT INTO returns no rows")
	case query.Locking:
		return keyset.Statement{}, errors.New("FOR UPDATE or FOR SHARE would lock rows beyond the page: lock the page's rows by their keys")
	case !query.OrderBy.Empty() && !query.Limit && !query.Offset && !query.DistinctOn:
		return keyset.Statement{}, errors.New("the outermost ORDER BY would sort all rows for each page: leave it out, the Pager orders")
	}
	return keyset.Statement{With: query.With.Of(sql), Body: query.Body.Of(sql), Params: text.MaxParam}, nil
}

// SQL returns the query for a page of the given form.
func (p *Statement) SQL(form keyset.Form) string {
	p.mu.RLock()
	sql, ok := p.texts[form]
	p.mu.RUnlock()
	if ok {
		return sql
	}
	sql = keyset.SQL(p.parts, p.Keys, form)
	if name := p.Text.Name; name != "" {
		sql = "-- name: " + name + " :many\n" + sql // statistics and logs use the name of the statement
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.texts) >= maxTexts {
		clear(p.texts)
	}
	p.texts[form] = sql
	return sql
}

// Orders caches the orders in which one compiled statement is paged through.
// The zero value is ready to use.
type Orders struct {
	mu     sync.RWMutex
	bySpec map[string]*Statement // guarded by mu
}

// maxOrders bounds the cached orders of one statement: they may come from
// users.
const maxOrders = 64

// Params returns the number of the statement's own parameters.
func (p *Statement) Params() int { return p.parts.Params }

// CountSQL returns a query that counts the statement's rows.
func (p *Statement) CountSQL() string {
	return p.parts.With + "\nSELECT count(*) FROM (" + p.parts.Body + "\n) AS headrace_rows"
}

// AppendOrder appends an encoding that identifies the order among those of one
// statement.
func (p *Statement) AppendOrder(key []byte) []byte { return append(key, p.spec...) }

// OrderSize returns the number of bytes that AppendOrder appends.
func (p *Statement) OrderSize() int { return len(p.spec) }

// In returns text in an order, cached or new.
func (ps *Orders) In(text *sqltext.Statement, order []Order) (*Statement, error) {
	var room [128]byte
	spec := appendSpec(room[:0], order)
	ps.mu.RLock()
	known := ps.bySpec[string(spec)]
	ps.mu.RUnlock()
	if known != nil {
		return known, nil
	}
	made, err := New(text, order)
	if err != nil {
		return nil, err
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.bySpec == nil || len(ps.bySpec) >= maxOrders {
		ps.bySpec = make(map[string]*Statement)
	}
	ps.bySpec[string(spec)] = made
	return made, nil
}

// appendSpec appends an encoding of keys that differs for different keys. A
// zero byte ends a column's name; keyset.Check rejects one within a name.
func appendSpec(b []byte, keys []Order) []byte {
	for _, o := range keys {
		desc := byte(0)
		if o.Desc {
			desc = 1
		}
		b = append(append(b, o.Column...), 0, desc|byte(o.Nulls)<<1|byte(o.Holding)<<4)
	}
	return b
}
