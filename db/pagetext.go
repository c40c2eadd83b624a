package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/argkey"
	"github.com/headrace/headrace/internal/keyset"
	"github.com/headrace/headrace/internal/sqltext"
)

// A paging is a statement that can be paged through in one order.
type paging struct {
	text *sqltext.Statement
	stmt keyset.Statement
	keys []keyset.Key
	spec []byte // the order, as appendSpec writes it

	compare atomic.Bool // the server is asked for equal rows: see pageRows.unsure

	mu    sync.RWMutex
	texts map[keyset.Shape]string // guarded by mu: the queries built so far
}

// maxPageTexts bounds the queries kept for one order: limits may come from users.
const maxPageTexts = 64

// newPaging takes a statement apart, or says why its rows cannot be paged through.
func newPaging(text *sqltext.Statement, p Pager) (*paging, error) {
	stmt, err := pageable(text)
	if err != nil {
		return nil, err
	}
	keys := make([]keyset.Key, len(p.Keys))
	for i, o := range p.Keys {
		keys[i] = keyset.Key{Column: o.key.column, Desc: o.key.desc, Nulls: o.key.nulls, Nullable: o.key.holding != nullsNever}
	}
	if n := len(keys); n > 0 && p.Keys[n-1].key.holding == nullsUnknown {
		keys[n-1].Nullable = false
	}
	if err := keyset.Check(keys); err != nil {
		return nil, err
	}
	if err := checkLasting(text, keys); err != nil {
		return nil, err
	}
	return &paging{
		text: text, stmt: stmt, keys: keys, spec: appendSpec(nil, p.Keys),
		texts: make(map[keyset.Shape]string),
	}, nil
}

// pageable takes a statement apart into what goes in front of the query that
// is put around it and what goes inside.
func pageable(text *sqltext.Statement) (keyset.Statement, error) {
	sql := text.Normalized
	shape, err := sqltext.Outline(sql)
	switch {
	case err != nil:
		return keyset.Statement{}, err
	case shape.Modifying:
		return keyset.Statement{}, errors.New("WITH changes data: it would do so for each page")
	case shape.Into:
		return keyset.Statement{}, errors.New("SELECT INTO returns no rows")
	case shape.Locking:
		return keyset.Statement{}, errors.New("FOR UPDATE or FOR SHARE would lock rows beyond the page: lock the page's rows by their keys")
	case !shape.OrderBy.Empty() && !shape.Limit && !shape.Offset && !shape.DistinctOn:
		return keyset.Statement{}, errors.New("the outermost ORDER BY would sort all rows for each page: leave it out, the Pager orders")
	}
	return keyset.Statement{With: shape.With.Of(sql), Body: shape.Body.Of(sql), Params: text.MaxParam}, nil
}

// sql returns the query for a page of the given shape.
func (p *paging) sql(shape keyset.Shape) string {
	p.mu.RLock()
	sql, ok := p.texts[shape]
	p.mu.RUnlock()
	if ok {
		return sql
	}
	sql = keyset.SQL(p.stmt, p.keys, shape)
	if name := p.text.Name; name != "" {
		sql = "-- name: " + name + " :many\n" + sql // statistics and logs call it as they call the statement
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.texts) >= maxPageTexts {
		clear(p.texts)
	}
	p.texts[shape] = sql
	return sql
}

// pagings are the orders in which one compiled statement is paged through.
// The zero value is ready.
type pagings struct {
	mu     sync.RWMutex
	bySpec map[string]*paging // guarded by mu
}

// maxPagings bounds the orders kept for one statement: they may come from users.
const maxPagings = 64

// in returns text's paging in the order of p.
func (ps *pagings) in(text *sqltext.Statement, p Pager) (*paging, error) {
	var room [128]byte
	spec := appendSpec(room[:0], p.Keys)
	ps.mu.RLock()
	known := ps.bySpec[string(spec)]
	ps.mu.RUnlock()
	if known != nil {
		return known, nil
	}
	made, err := newPaging(text, p)
	if err != nil {
		return nil, err
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.bySpec == nil || len(ps.bySpec) >= maxPagings {
		ps.bySpec = make(map[string]*paging)
	}
	ps.bySpec[string(spec)] = made
	return made, nil
}

// appendSpec appends an encoding of keys that differs where they do. A zero
// byte ends a column's name; one within a name is refused by keyset.Check.
func appendSpec(b []byte, keys []Order) []byte {
	for _, o := range keys {
		desc := byte(0)
		if o.key.desc {
			desc = 1
		}
		b = append(append(b, o.key.column...), 0, desc|byte(o.key.nulls)<<1|byte(o.key.holding)<<4)
	}
	return b
}

// applyRewriter applies the pgx.QueryRewriter among the leading arguments, which
// would else be given the page's query in place of the statement. The other
// special arguments are kept in front. It is false where there is none.
func applyRewriter(ctx context.Context, text *sqltext.Statement, args []any) (*sqltext.Statement, []any, bool, error) {
	n, at := specialArgs(args)
	if at < 0 {
		return nil, nil, false, nil
	}
	copies := argkey.Clone(args) // so that other calls keep their arguments on the stack
	sql, rest, err := copies[at].(pgx.QueryRewriter).RewriteQuery(ctx, nil, text.Text, copies[n:])
	if err != nil {
		return nil, nil, false, fmt.Errorf("rewrite the statement: %w", err)
	}
	kept := make([]any, 0, n+len(rest))
	for i, arg := range copies[:n] {
		if i != at {
			kept = append(kept, arg)
		}
	}
	return sqltext.Analyze(sql), append(kept, rest...), true, nil
}

// specialArgs counts the leading arguments that are pgx's and not the
// statement's, and finds the one that counts as rewriter, or -1.
func specialArgs(args []any) (n, rewriter int) {
	rewriter = -1
	for i, arg := range args {
		switch arg.(type) {
		case pgx.QueryResultFormats, pgx.QueryResultFormatsByOID, pgx.QueryExecMode:
		case pgx.QueryRewriter:
			rewriter = i
		default:
			return i, rewriter
		}
	}
	return len(args), rewriter
}

// argsForOneMoreColumn returns arguments for a query that has a column behind
// the statement's: it gets a format where the caller gave each column its own.
func argsForOneMoreColumn(args []any) []any {
	n, _ := specialArgs(args)
	for i, arg := range args[:n] {
		if formats, ok := arg.(pgx.QueryResultFormats); ok && len(formats) > 1 {
			args = slices.Clone(args)
			args[i] = append(slices.Clip(formats), pgx.BinaryFormatCode)
		}
	}
	return args
}

// argsForOtherColumns returns arguments for a query whose columns are not the
// statement's, without the formats that the caller gave these.
func argsForOtherColumns(args []any) []any {
	n, _ := specialArgs(args)
	special := slices.DeleteFunc(slices.Clone(args[:n]), func(arg any) bool {
		_, ok := arg.(pgx.QueryResultFormats)
		return ok
	})
	return append(special, args[n:]...)
}
