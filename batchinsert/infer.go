package batchinsert

import (
	"context"
	"fmt"
	"strings"

	"github.com/headrace/headrace/internal/load"
	"github.com/headrace/headrace/internal/target"
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
		b.WriteString("\n    " + target.Quote(c.Name) + " " + c.Type)
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
	input, o, err := arguments(in, opts)
	if err != nil {
		return Inferred{}, err
	}
	l, err := load.New(table, input, o)
	if err != nil {
		return Inferred{}, fmt.Errorf("infer a table from %s: %w", l.Name(), err)
	}
	defer l.Close()
	columns, rows, err := l.Infer(ctx)
	if err != nil {
		return Inferred{}, fmt.Errorf("infer a table from %s: %w", l.Name(), err)
	}
	l.Done()
	out := Inferred{Table: l.TableName(), Rows: rows}
	for _, c := range columns {
		out.Columns = append(out.Columns, InferredColumn(c))
	}
	return out, nil
}
