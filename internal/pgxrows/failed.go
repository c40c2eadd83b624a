package pgxrows

import (
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// Failed is the rows, or the row, of a statement that did not run.
type Failed struct {
	Cause error
}

var _ pgx.Rows = Failed{}

// Close does nothing; see [pgx.Rows].
func (Failed) Close() {}

// Err returns the cause; see [pgx.Rows].
func (f Failed) Err() error { return f.Cause }

// CommandTag returns an empty tag; see [pgx.Rows].
func (Failed) CommandTag() pgconn.CommandTag { return pgconn.CommandTag{} }

// FieldDescriptions returns none; see [pgx.Rows].
func (Failed) FieldDescriptions() []pgconn.FieldDescription { return nil }

// Next reports false; see [pgx.Rows].
func (Failed) Next() bool { return false }

// Scan returns the cause; see [pgx.Rows].
func (f Failed) Scan(...any) error { return f.Cause }

// Values returns the cause; see [pgx.Rows].
func (f Failed) Values() ([]any, error) { return nil, f.Cause }

// RawValues returns none; see [pgx.Rows].
func (Failed) RawValues() [][]byte { return nil }

// Conn returns nil; see [pgx.Rows].
func (Failed) Conn() *pgx.Conn { return nil }

// TypeMap returns nil; see [pgx.Rows].
func (Failed) TypeMap() *pgtype.Map { return nil }
