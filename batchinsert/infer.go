package batchinsert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/records"
)

// An Inferred is a table that an input would fit into.
type Inferred struct {
	Table   string // quoted
	Columns []InferredColumn
	Rows    int64 // of the input
}

// An InferredColumn is a column of an [Inferred].
type InferredColumn struct {
	Name    string // not quoted
	Type    string
	NotNull bool  // no NULL was seen
	Nulls   int64 // how many were
}

// CreateTable returns the statement that makes the table. The same input gives
// the same statement.
func (i Inferred) CreateTable() string {
	var b strings.Builder
	b.WriteString("CREATE TABLE " + i.Table + " (")
	for n, c := range i.Columns {
		if n > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n    " + quote(c.Name) + " " + c.Type)
		if c.NotNull {
			b.WriteString(" NOT NULL")
		}
	}
	b.WriteString("\n)")
	return b.String()
}

// Infer reads a whole input, without a server, and proposes a table of this name
// (in SQL notation, as for [NewTable]) that [Load] with the same options can
// write it to. It is a proposal: look at it before it is run.
//
// Each column gets the narrowest type that takes all of its values as they are
// written: boolean, integer, bigint, numeric, double precision (where a number
// has an exponent), date, timestamp, timestamptz, uuid, jsonb (objects and
// arrays), else text. Numbers with leading zeros or a plus stay text, as do
// columns of which the input has no value. Strings of NDJSON and of [Records]
// become dates, timestamps or UUIDs, but never numbers. Values of Records have
// the type that goes with their Go type, bytea, inet and others included.
//
// The first record that no table takes ends it with a [*LineError]. Of the
// options it regards those that say how an input is read, and Progress. It looks
// at ctx between chunks.
func Infer(ctx context.Context, in Input, table string, opts *LoadOptions) (Inferred, error) {
	l, err := newLoad(table, in, opts)
	if err != nil {
		return Inferred{}, fmt.Errorf("infer a table from %s: %w", l.opts.Name, err)
	}
	defer l.input.close()
	out, err := l.infer(ctx)
	if err != nil {
		return Inferred{}, fmt.Errorf("infer a table from %s: %w", l.opts.Name, err)
	}
	l.done()
	return out, nil
}

func (l *load) infer(ctx context.Context) (Inferred, error) {
	names := l.input.format.Names()
	if err := checkNames(names); err != nil {
		return Inferred{}, &LineError{Name: l.opts.Name, Line: 1, Err: err}
	}
	inspector := records.NewInspector(l.input.format)
	if l.input.values != nil {
		inspector.Values(l.input.values)
	}
	if err := l.inspect(ctx, inspector); err != nil {
		return Inferred{}, err
	}
	out := Inferred{Table: l.table, Rows: l.sent}
	for i, name := range names {
		s := &inspector.Sights[i]
		nulls := out.Rows - s.Values
		out.Columns = append(out.Columns, InferredColumn{
			Name: name, Type: s.Type(), Nulls: nulls, NotNull: nulls == 0 && out.Rows > 0,
		})
	}
	return out, nil
}

// inspect goes through the input.
func (l *load) inspect(ctx context.Context, inspector *records.Inspector) error {
	cutter := records.NewCutter(l.input.file, l.input.format, l.opts.ChunkBytes, 0)
	var buf []byte
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		chunk, err := l.cut(cutter, buf)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return l.fileError(placeOf(err, cutter))
		}
		if err := inspector.Chunk(chunk); err != nil {
			fault, isRecord := errors.AsType[*records.Error](err)
			if !isRecord {
				return err
			}
			span := chunk.Spans(l.input.format)[fault.Index]
			err = l.input.undecoded(fault, chunk.Data[span.Start:span.End])
			return &LineError{Name: l.opts.Name, Line: span.Line, Column: fault.Column, Err: err}
		}
		buf = chunk.Data
		l.add(tally{sent: int64(chunk.Records)})
	}
}

// The server's bounds: see "PostgreSQL Limits" and "System Columns" in its
// manual.
const (
	longestName = 63
	mostColumns = 1600
)

var systemColumns = []string{"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}

// checkNames refuses names that a table's columns cannot have.
func checkNames(names []string) error {
	if len(names) > mostColumns {
		return fmt.Errorf("%d columns are more than a table can have, which is %d", len(names), mostColumns)
	}
	for i, name := range names {
		switch {
		case slices.Contains(names[:i], name):
			return fmt.Errorf("column %q is there twice", name)
		case name == "" || strings.Contains(name, "\x00"):
			return fmt.Errorf("column %d has the name %q, which no column can have", i+1, name)
		case len(name) > longestName:
			return fmt.Errorf("column name %q is longer than %d bytes", name, longestName)
		case slices.Contains(systemColumns, name):
			return fmt.Errorf("column name %q is that of one of the server's own columns", name)
		}
	}
	return nil
}
