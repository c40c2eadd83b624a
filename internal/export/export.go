package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Options are the options of an export. See batchinsert.ExportOptions.
type Options struct {
	Format               int // CSV, NDJSON or Binary
	Comma, Quote, Escape byte
	Null                 string
}

// The values of Format.
const (
	CSV = iota
	NDJSON
	Binary
)

func (o *Options) validate() error {
	ofCSV, set := o.Comma != 0 || o.Quote != 0 || o.Escape != 0 || o.Null != "", o.withDefaults()
	switch {
	case o.Format > Binary:
		return fmt.Errorf("ExportOptions.Format: %d is not one of its constants", o.Format)
	case ofCSV && o.Format != CSV:
		return errors.New("ExportOptions: Comma, Quote, Escape and Null are for CSV alone")
	case set.Comma == set.Quote:
		return errors.New("ExportOptions: Comma and Quote are the same")
	case strings.ContainsAny(string([]byte{o.Comma, o.Quote, o.Escape}), "\r\n"):
		return errors.New("ExportOptions: Comma, Quote or Escape is a line break")
	case strings.Contains(o.Null, "\x00"):
		return errors.New("ExportOptions.Null contains NUL")
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.Comma == 0 {
		o.Comma = ','
	}
	if o.Quote == 0 {
		o.Quote = '"'
	}
	if o.Escape == 0 {
		o.Escape = o.Quote
	}
	return o
}

// A Reader begins the transaction of an export. See batchinsert.Reader.
type Reader interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// Run writes the rows of a query to w and returns their number.
func Run(ctx context.Context, r Reader, query string, w io.Writer, opts Options) (n int64, err error) {
	e, err := newExport(query, opts)
	if err != nil {
		return 0, err
	}
	err = readOnly(ctx, r, func(tx pgx.Tx) (err error) {
		n, err = e.run(ctx, tx, w)
		return err
	})
	return n, err
}

// An export is one call of Run.
type export struct {
	opts  Options
	query string
}

func newExport(query string, opts Options) (*export, error) {
	e := &export{opts: opts, query: withoutSemicolon(query)}
	if err := e.opts.validate(); err != nil {
		return nil, err
	}
	e.opts = e.opts.withDefaults()
	return e, checkText(query)
}

// run writes the rows to w, in a transaction that is rolled back afterwards.
func (e *export) run(ctx context.Context, tx pgx.Tx, w io.Writer) (int64, error) {
	stop, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	out := newGate(w, e.opts.Format)
	out.fail, out.isShut = fail, func() bool { return stop.Err() != nil }
	var n int64
	err := cancelable(stop, tx.Conn().PgConn(), func(ctx context.Context) (err error) {
		if err = e.prepare(ctx, tx.Conn().PgConn()); err == nil {
			n, err = e.copyOut(ctx, tx.Conn(), out)
		}
		return err
	})
	if err == nil {
		err = context.Cause(stop) // rows may have been dropped
	}
	return n, out.finish(err)
}
