package batchinsert

import (
	"context"
	"fmt"
	"strings"

	"github.com/headrace/headrace/internal/load"
	"github.com/headrace/headrace/internal/target"
)

// An Inferred is a table proposed for an input.
type Inferred struct {
	Table   string // quoted
	Columns []InferredColumn
	Rows    int64 // of the input
}

// An InferredColumn is a column of an [Inferred].
type InferredColumn struct {
	Name    string // not quoted
	Type    string
	NotNull bool  // the input has no NULL
	Nulls   int64 // in the input
}

// CreateTable returns the statement that creates the table. The same input
// yields the same statement.
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

// Infer reads a whole input, without a server, and proposes a table with the
// given name (in SQL notation, as for [NewTable]) into which [Load] with the
// same options can load it. It is a proposal: review it before running it.
//
// Each column gets the narrowest type that preserves all of its values as
// written: boolean, integer, bigint, numeric, double precision (if a number has
// an exponent), date, timestamp, timestamptz, uuid, jsonb (objects and arrays),
// else text. Numbers with leading zeros or a plus sign are text, as are columns
// without any value. Strings of NDJSON and of [Records] become dates, timestamps
// or UUIDs, but never numbers. Values of Records get the type that corresponds
// to their Go type, such as bytea or inet.
//
// Infer fails with a [*LineError] at the first record that no table can hold. It
// uses the options for reading an input, and Progress. It checks ctx between
// chunks.
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
