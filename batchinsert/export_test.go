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
		{query: "SELECT 1", opts: ExportOptions{Format: 3}, want: "ExportOptions.Format: 3 is not one"},
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
