package wire_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/rowscan/replay"
	"github.com/headrace/headrace/internal/rowscan/replay/wire"
)

const statement = "SELECT id, name FROM cities WHERE id > $1"

// backend answers statement with two rows, and its text twin as the simple
// protocol would have it.
func backend(t *testing.T) *wire.Backend {
	t.Helper()
	r := replay.NewRecorder([]pgconn.FieldDescription{
		{Name: "id", DataTypeOID: pgtype.Int4OID, Format: pgtype.BinaryFormatCode},
		{Name: "name", DataTypeOID: pgtype.TextOID, Format: pgtype.TextFormatCode},
	}, 0)
	for _, values := range [][][]byte{{{0, 0, 0, 7}, []byte("Rome")}, {{0, 0, 0, 8}, nil}} {
		if err := r.Add(values); err != nil {
			t.Fatal(err)
		}
	}
	b := new(wire.Backend)
	b.Answer(statement, r.Finish(pgconn.NewCommandTag("SELECT 2")), pgtype.Int4OID)
	return b
}

type city struct {
	ID   int
	Name *string
}

func read(t *testing.T, query func(ctx context.Context, sql string, args ...any) (pgx.Rows, error)) {
	t.Helper()
	rows, err := query(context.Background(), statement, 5)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowToStructByName[city])
	if err != nil || len(got) != 2 || got[0].ID != 7 || *got[0].Name != "Rome" || got[1].Name != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if tag := rows.CommandTag().String(); tag != "SELECT 2" {
		t.Errorf("got tag %q, want SELECT 2", tag)
	}
}

func TestConnection(t *testing.T) {
	conn, err := pgx.ConnectConfig(t.Context(), backend(t).Config())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for range 3 {
		read(t, conn.Query)
	}
	if _, err := conn.Exec(t.Context(), "BEGIN"); err != nil {
		t.Errorf("a command: %v", err)
	}
	var pgErr *pgconn.PgError
	if _, err := conn.Exec(t.Context(), "SELECT unknown", 1); !errors.As(err, &pgErr) || !strings.Contains(pgErr.Message, "SELECT unknown") {
		t.Errorf("a statement without a recording: got %v", err)
	}
	read(t, conn.Query)
}

func TestPool(t *testing.T) {
	config, err := pgxpool.ParseConfig("")
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig = backend(t).Config()
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	read(t, func(_ context.Context, sql string, args ...any) (pgx.Rows, error) {
		return pool.Query(ctx, sql, args...)
	})
}

// TestOtherFormat asks for a format that was not recorded.
func TestOtherFormat(t *testing.T) {
	conn, err := pgx.ConnectConfig(t.Context(), backend(t).Config())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(t.Context(), statement, pgx.QueryResultFormats{pgtype.TextFormatCode}, 5)
	if err == nil {
		rows.Close()
		err = rows.Err()
	}
	if err == nil || !strings.Contains(err.Error(), "column id was recorded in format 1, not 0") {
		t.Errorf("got %v", err)
	}
}
