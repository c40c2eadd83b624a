package target

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A uniqueIndex is a unique index of the table, a candidate for ON CONFLICT.
type uniqueIndex struct {
	description string   // "orders_pkey (account, number)"
	columns     []string // columns among its keys
	expressions int      // number of expressions among its keys
	immediate   bool     // not of a DEFERRABLE constraint
	partial     bool
	nullsSame   bool // NULLS NOT DISTINCT
}

const uniqueIndexQuery = `
SELECT pg_catalog.quote_ident(c.relname) || ' ' || regexp_replace(pg_catalog.pg_get_indexdef(c.oid), '^.*? USING \w+ ', ''),
       ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, n)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
             WHERE k.n <= i.indnkeyatts ORDER BY k.n),
       (SELECT count(*) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, n) WHERE k.attnum = 0 AND k.n <= i.indnkeyatts),
       i.indimmediate, i.indpred IS NOT NULL, i.indnullsnotdistinct
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid
ORDER BY NOT i.indisprimary, c.relname`

// readUnique reads the table's unique indexes.
func (s *Schema) readUnique(ctx context.Context, q querier) ([]uniqueIndex, error) {
	rows, err := q.Query(ctx, uniqueIndexQuery, s.OID)
	if err != nil {
		return nil, fmt.Errorf("ask for the unique indexes: %w", err)
	}
	indexes, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (i uniqueIndex, err error) {
		return i, row.Scan(&i.description, &i.columns, &i.expressions, &i.immediate, &i.partial, &i.nullsSame)
	})
	if err != nil {
		return nil, fmt.Errorf("ask for the unique indexes: %w", err)
	}
	s.unique.Store(&indexes)
	return indexes, nil
}

// knownUnique is readUnique, from memory after the first call.
func (s *Schema) knownUnique(ctx context.Context, q querier) ([]uniqueIndex, error) {
	if known := s.unique.Load(); known != nil {
		return *known, nil
	}
	return s.readUnique(ctx, q)
}

// fits reports whether ON CONFLICT with these keys may use the index.
// Expressions and predicates are compared by the server only.
func (i *uniqueIndex) fits(keys []string, where string) bool {
	if len(keys) != len(i.columns)+i.expressions || i.partial && where == "" {
		return false
	}
	return !slices.ContainsFunc(keys, func(key string) bool { return !isExpression(key) && !slices.Contains(i.columns, key) })
}

// fitsExactly is fits, with as many expressions as the index has.
func (i *uniqueIndex) fitsExactly(keys []string, where string) bool {
	columns := slices.DeleteFunc(slices.Clone(keys), isExpression)
	return i.fits(keys, where) && len(columns) == len(i.columns)
}

// isExpression reports whether a key is an SQL expression rather than a column.
func isExpression(key string) bool { return strings.HasPrefix(key, "(") }

// An ArbiterError reports that no unique index fits OnConflict.
type ArbiterError struct {
	keys    []string
	where   string
	indexes []uniqueIndex
	cause   error // the server's, or nil
}

func (e *ArbiterError) Error() string {
	keys := "OnConflict.Keys (" + strings.Join(e.keys, ", ") + ")"
	if e.where != "" {
		keys += " WHERE " + e.where
	}
	have := "the table has none"
	if len(e.indexes) > 0 {
		descriptions := make([]string, len(e.indexes))
		for i, index := range e.indexes {
			descriptions[i] = index.description
			if !index.immediate {
				descriptions[i] += " DEFERRABLE, which ON CONFLICT does not support"
			}
		}
		have = "the table has " + strings.Join(descriptions, "; ")
	}
	message := "no unique index fits " + keys + ": " + have
	if e.cause != nil {
		message += ": " + e.cause.Error()
	}
	return message
}

func (e *ArbiterError) Unwrap() error { return e.cause }

// checkArbiter returns an error if no unique index fits, as far as that is known
// without the server.
func (c *Conflict) checkArbiter(m *Match) error {
	if m.Schema.Kind == 'v' { // uses the indexes of its table
		return nil
	}
	// A deferrable one fails the statement even if another one fits.
	fits := func(i uniqueIndex) bool { return i.fits(c.Keys, c.Where) }
	deferrable := func(i uniqueIndex) bool { return !i.immediate && i.fitsExactly(c.Keys, c.Where) }
	if !slices.ContainsFunc(c.indexes, fits) || slices.ContainsFunc(c.indexes, deferrable) {
		return c.noArbiter(nil)
	}
	return nil
}

func (c *Conflict) noArbiter(cause error) error {
	return &ArbiterError{keys: c.Keys, where: c.Where, indexes: c.indexes, cause: cause}
}

// Explain adds the existing indexes to the server's error about the keys.
func (c *Conflict) Explain(err error) error {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && (pgErr.Code == "42P10" || pgErr.Code == "55000") { // no index fits; the index is deferrable
		return c.noArbiter(err)
	}
	return err
}

// target returns the conflict target in SQL.
func (c *Conflict) target() string {
	target := "(" + strings.Join(c.keys, ", ") + ")"
	if c.Where != "" {
		target += " WHERE " + c.Where
	}
	return target
}
