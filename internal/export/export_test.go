package export

import (
	"errors"
	"io"
	"testing"
)

func TestCopyStatement(t *testing.T) {
	for _, c := range []struct {
		query string
		opts  Options
		want  string
	}{
		{"TABLE t -- all", Options{}, "COPY (\nTABLE t -- all\n) TO STDOUT (FORMAT csv, HEADER, DELIMITER E',', QUOTE E'\"', ESCAPE E'\"', NULL E'')"},
		{
			"TABLE t;\n", Options{Comma: '\t', Quote: '\'', Escape: '\\', Null: `\N`},
			"COPY (\nTABLE t\n) TO STDOUT (FORMAT csv, HEADER, DELIMITER E'\t', QUOTE E'\\'', ESCAPE E'\\\\', NULL E'\\\\N')",
		},
		{"TABLE t ; ;", Options{Format: Binary}, "COPY (\nTABLE t\n) TO STDOUT (FORMAT binary)"},
		{"TABLE t", Options{Format: NDJSON}, "COPY (SELECT pg_catalog.row_to_json(r.*) FROM (\nTABLE t\n) AS r) TO STDOUT (FORMAT binary)"},
	} {
		e, err := newExport(c.query, c.opts)
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
	g := newGate(w, CSV)
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
