package db

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// What package querycache has to know of a handle.

// Observed reports whether the handle sees the statements on its pool's
// connections; where it does not, OnChange returns ErrUnobserved.
func (d *DB) Observed() bool { return d.observed }

// Connections returns how many connections the pool has made so far, as far as
// the handle sees them.
func (d *DB) Connections() uint64 { return d.connections.Load() }

// Database asks the server which database this is: id is the same for every
// handle to it, however it was addressed, and for its standbys; started is when
// the server was. A server that does not tell is taken to be the one at its
// address.
func (d *DB) Database(ctx context.Context) (id string, started time.Time, err error) {
	const query = `
SELECT (SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()),
	(SELECT oid FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database()),
	pg_catalog.pg_postmaster_start_time()`
	err = d.examiner.do(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		var system string
		var oid uint32
		err := conn.QueryRow(ctx, query, pgx.QueryExecModeExec).Scan(&system, &oid, &started)
		if isServerError(err) {
			cfg := conn.Config()
			id = fmt.Sprintf("%s:%d/%s", cfg.Host, cfg.Port, cfg.Database)
			return nil
		}
		id = fmt.Sprintf("%s/%d", system, oid)
		return err
	})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("db: ask which database this is: %w", err)
	}
	return id, started, nil
}

// Closed reports whether the handle was closed.
func (d *DB) Closed() bool { return d.closed.Load() }

// noMaxRows in place of a context's bound means that it has none.
const noMaxRows = -1

// WithoutMaxRows takes back WithMaxRows: Options.MaxRows counts again. It is
// for loads on behalf of several callers.
func WithoutMaxRows(ctx context.Context) context.Context {
	if !HasMaxRows(ctx) {
		return ctx
	}
	return context.WithValue(ctx, maxRowsKey{}, noMaxRows)
}

// HasMaxRows reports whether ctx has a bound by WithMaxRows.
func HasMaxRows(ctx context.Context) bool {
	n, ok := ctx.Value(maxRowsKey{}).(int)
	return ok && n != noMaxRows
}

// IsPage reports whether a Read.Form is that of a page.
func IsPage(form uint64) bool { return form%uint64(forms) == uint64(formPage) }

// Identity identifies the statement among those that an answer may be kept for:
// the normalized text with the name. Two statements that are sent as one text
// have one ID, and two identities where their names differ.
func (t *Text) Identity() [16]byte { return t.identity }

// Fingerprint is one for all texts that differ only in constants, parameters and
// the lengths of lists.
func (t *Text) Fingerprint() uint64 { return t.st.Fingerprint }

// Count returns the number of statements that the text holds.
func (t *Text) Count() int { return t.st.Count }

// Size returns the bytes of the text as given and normalized.
func (t *Text) Size() int { return len(t.st.Text) + len(t.st.Normalized) }
