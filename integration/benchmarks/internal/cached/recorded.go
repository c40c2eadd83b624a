package cached

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/benchmarks/internal/sqlcgen"
)

// recorded returns one row of a server for every query. It is its own pgx.Row,
// so that sqlc's code on it is measured by its scan alone.
type recorded struct {
	types  *pgtype.Map
	fields []pgconn.FieldDescription
	values [][]byte
}

// Scan implements pgx.Row.
func (r *recorded) Scan(dest ...any) error { return pgx.ScanRow(r.types, r.fields, r.values, dest...) }

// QueryRow implements sqlcgen.DBTX.
func (r *recorded) QueryRow(context.Context, string, ...any) pgx.Row { return r }

// Query implements sqlcgen.DBTX. Nothing here calls it.
func (r *recorded) Query(_ context.Context, sql string, _ ...any) (pgx.Rows, error) {
	return nil, fmt.Errorf("no rows are recorded for %q", sql)
}

// Exec implements sqlcgen.DBTX. Nothing here calls it.
func (r *recorded) Exec(_ context.Context, sql string, _ ...any) (pgconn.CommandTag, error) {
	return pgconn.CommandTag{}, fmt.Errorf("nothing is recorded for %q", sql)
}

// recorder records what goes through it.
type recorder struct {
	*pgx.Conn
	got *recorded
}

// QueryRow implements sqlcgen.DBTX.
func (r recorder) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := r.Query(ctx, sql, args...)
	return recordedRow{r, rows, err}
}

type recordedRow struct {
	recorder
	rows pgx.Rows
	err  error
}

// Scan implements pgx.Row.
func (r recordedRow) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		return fmt.Errorf("no row to record: %w", r.rows.Err())
	}
	r.got.types, r.got.fields = r.TypeMap(), slices.Clone(r.rows.FieldDescriptions())
	for _, value := range r.rows.RawValues() {
		r.got.values = append(r.got.values, bytes.Clone(value))
	}
	return r.rows.Scan(dest...)
}

// sqlcScan is sqlc's scan of a row that is in memory.
func sqlcScan(connString string) measure.Subject {
	return measure.Subject{Name: "sqlc-scan", Open: func(ctx context.Context) (measure.Op, func(), error) {
		conn, err := pgx.Connect(ctx, connString)
		if err != nil {
			return nil, nil, err
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		row := new(recorded)
		if _, err := sqlcgen.New(recorder{conn, row}).OrderByID(ctx, sqlcID); err != nil {
			return nil, nil, err
		}
		return readSqlc(sqlcgen.New(row)), func() {}, nil
	}}
}
