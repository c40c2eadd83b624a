package batchinsert

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// nobody is a Reader that must not be asked.
type nobody struct{ t *testing.T }

func (n nobody) Begin(context.Context) (pgx.Tx, error) {
	n.t.Error("a transaction was begun")
	return nil, errors.New("not here")
}

func TestExportRefusesAtOnce(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		ctx   context.Context
		query string
		opts  ExportOptions
		want  string
	}{
		{query: "SELECT 1\x00", want: "NUL"},
		{query: "SELECT 1", opts: ExportOptions{Format: 3}, want: "ExportOptions.Format is 3"},
		{query: "SELECT 1", opts: ExportOptions{Format: AsNDJSON, Comma: ';'}, want: "for CSV alone"},
		{query: "SELECT 1", opts: ExportOptions{Format: AsBinary, Null: "-"}, want: "for CSV alone"},
		{query: "SELECT 1", opts: ExportOptions{Comma: ';', Quote: ';'}, want: "Comma and Quote are the same"},
		{query: "SELECT 1", opts: ExportOptions{Comma: '"'}, want: "Comma and Quote are the same"},
		{query: "SELECT 1", opts: ExportOptions{Escape: '\n'}, want: "line break"},
		{query: "SELECT 1", opts: ExportOptions{Null: "\x00"}, want: "NUL"},
		{query: "SELECT 1", ctx: ended, want: "context canceled"},
	} {
		if c.ctx == nil {
			c.ctx = t.Context()
		}
		n, err := Export(c.ctx, nobody{t}, c.query, io.Discard, &c.opts)
		if n != 0 || err == nil || !strings.HasPrefix(err.Error(), "export: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q, %+v: %d, %v", c.query, c.opts, n, err)
		}
	}
}

func TestCopyStatement(t *testing.T) {
	for _, c := range []struct {
		query string
		opts  ExportOptions
		want  string
	}{
		{"TABLE t -- all", ExportOptions{}, "COPY (\nTABLE t -- all\n) TO STDOUT (FORMAT csv, HEADER, DELIMITER E',', QUOTE E'\"', ESCAPE E'\"', NULL E'')"},
		{
			"TABLE t;\n", ExportOptions{Comma: '\t', Quote: '\'', Escape: '\\', Null: `\N`},
			"COPY (\nTABLE t\n) TO STDOUT (FORMAT csv, HEADER, DELIMITER E'\t', QUOTE E'\\'', ESCAPE E'\\\\', NULL E'\\\\N')",
		},
		{"TABLE t ; ;", ExportOptions{Format: AsBinary}, "COPY (\nTABLE t\n) TO STDOUT (FORMAT binary)"},
		{"TABLE t", ExportOptions{Format: AsNDJSON}, "COPY (SELECT pg_catalog.row_to_json(r.*) FROM (\nTABLE t\n) AS r) TO STDOUT (FORMAT binary)"},
	} {
		e, err := newExport(c.query, &c.opts)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.copyStatement(); got != c.want {
			t.Errorf("%s: %s, want %s", c.query, got, c.want)
		}
	}
}

// A writer that takes nothing and says nothing is not called for ever.
func TestGateShutsAtAShortWrite(t *testing.T) {
	w := &lazyWriter{}
	g := newGate(w, AsCSV)
	var failed error
	g.fail, g.isShut = func(err error) { failed = err }, func() bool { return failed != nil }
	for range 3 {
		if n, err := g.Write(make([]byte, 100_000)); n != 100_000 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if err := g.finish(errors.New("canceled")); !errors.Is(err, io.ErrShortWrite) || !errors.Is(failed, io.ErrShortWrite) {
		t.Errorf("%v; %v", err, failed)
	}
	if w.calls != 1 {
		t.Errorf("%d calls", w.calls)
	}
}

type lazyWriter struct{ calls int }

func (w *lazyWriter) Write([]byte) (int, error) { w.calls++; return 0, nil }
