package db_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/db"
)

// onEach runs a test on each type that CopyRaw accepts.
func onEach(t *testing.T, pg *db.DB, test func(kind string, w db.Copier)) {
	t.Helper()
	test("handle", pg)
	test("pool", pg.Pool())
	conn, err := pg.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	test("pool's connection", conn)
	test("connection", conn.Conn())
	conn.Release()
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	test("transaction", tx)
	must(t)(nil, tx.Rollback(t.Context()))
}

const copyItems = "COPY items (id, name) FROM STDIN"

func TestCopyRawReturnsErrorsOfItsSource(t *testing.T) {
	t.Parallel()
	pg := openOne(t)
	errSource := errors.New("the disk is gone")
	onEach(t, pg, func(kind string, w db.Copier) {
		source := io.MultiReader(strings.NewReader("100\tnew\n"), iotest.ErrReader(errSource))
		tag, err := db.CopyRaw(t.Context(), w, copyItems, source)
		if !errors.Is(err, errSource) || tag.RowsAffected() != 0 {
			t.Errorf("%s: %v, error %v: want the source's", kind, tag, err)
		}
		if pgErr, ok := errors.AsType[*pgconn.PgError](err); !ok || pgErr.Code != "57014" {
			t.Errorf("%s: no PgError 57014 in %v", kind, err)
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %q has several lines", kind, err)
		}
	})
	// An error that is not the source's stays the server's own.
	_, err := db.CopyRaw(t.Context(), pg, copyItems, strings.NewReader("1\tthere\n"))
	if pgErr, ok := err.(*pgconn.PgError); !ok || pgErr.Code != "23505" {
		t.Errorf("error %v, want 23505", err)
	}
	if n := count(t, pg, "SELECT count(*)::int FROM items"); n != 10 {
		t.Errorf("%d rows, want the 10 of before", n)
	}
}

// pgconn reads on a goroutine of its own, where a panic would end the program.
func TestCopyRawPanicsInTheCallersGoroutine(t *testing.T) {
	t.Parallel()
	pg := openOne(t)
	errCause := errors.New("a bug")
	copyFrom := func(w db.Copier, r io.Reader) (panicked any) {
		defer func() { panicked = recover() }()
		_, err := db.CopyRaw(t.Context(), w, copyItems, r)
		t.Errorf("returned with error %v", err)
		return nil
	}
	for _, w := range []db.Copier{pg, pg.Pool()} {
		panicked := copyFrom(w, readerFunc(func([]byte) (int, error) { panic(errCause) }))
		err, ok := panicked.(error)
		if !ok || !errors.Is(err, errCause) || !strings.Contains(err.Error(), "copyraw_test.go") {
			t.Errorf("panic with %v: want the cause, and where it was", panicked)
		}
		if panicked = copyFrom(w, nil); panicked == nil {
			t.Error("no panic without a reader")
		}
		holds(t, pg, 0, "after a panic")
	}
	if n := count(t, pg, "SELECT count(*)::int FROM items"); n != 10 {
		t.Errorf("%d rows, want the 10 of before", n)
	}
}

type readerFunc func(p []byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A statement that takes no data would ignore it and succeed.
func TestCopyRawRejectsStatementsWithoutData(t *testing.T) {
	t.Parallel()
	pg := openOne(t)
	for _, sql := range []string{
		"", "SELECT 1", "DELETE FROM items", "COPY items TO STDOUT", "COPY (SELECT 1) TO STDOUT", "COPY items FROM '/no/such/file'",
		"COPY items FROM PROGRAM 'true'", "COPY items", "COPY items FROM STDIN; SELECT 1", "SET work_mem = '1MB'; " + copyItems,
	} {
		touched := false
		_, err := db.CopyRaw(t.Context(), pg, sql, readerFunc(func([]byte) (int, error) { touched = true; return 0, io.EOF }))
		if err == nil || touched || !strings.Contains(err.Error(), "COPY ... FROM STDIN") {
			t.Errorf("%q: error %v, data was read: %v", sql, err, touched)
		}
	}
	for i, sql := range []string{
		copyItems, "copy items(id, name) from stdin;", "/* a */ COPY items (id, name) -- b\nFROM stdin WITH (FORMAT text)",
		`COPY "items" ("id", name) FROM STDIN WHERE id > 0`, "COPY items (id, name) FROM STDOUT", // so says the server's grammar
		`COPY U&"!0069tems" UESCAPE '!' (id, name) FROM STDIN`,
	} {
		tag, err := db.CopyRaw(t.Context(), pg, sql, strings.NewReader(fmt.Sprintf("%d\tnew\n", 100+i)))
		if err != nil || tag.RowsAffected() != 1 {
			t.Errorf("%s: %v, error %v", sql, tag, err)
		}
	}
	if _, err := db.CopyRaw(t.Context(), pg, "COPY items FROM 'unended", strings.NewReader("")); err == nil || !strings.Contains(err.Error(), "42601") {
		t.Errorf("error %v of a text that cannot be read: want the server's", err)
	}
	if n := count(t, pg, "SELECT count(*)::int FROM items"); n != 16 {
		t.Errorf("%d rows, want 16", n)
	}
}
