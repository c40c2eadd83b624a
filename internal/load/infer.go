package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/records"
)

// A Column is a proposed column. See batchinsert.InferredColumn.
type Column struct {
	Name, Type string
	NotNull    bool
	Nulls      int64
}

// Infer reads the whole input, and returns the columns of a table that it fits,
// and the number of its rows.
func (l *Load) Infer(ctx context.Context) (columns []Column, rows int64, err error) {
	names := l.input.format.Names()
	if err := checkNames(names); err != nil {
		return nil, 0, l.lineError(1, "", err)
	}
	inspector := records.NewInspector(l.input.format)
	if l.input.values != nil {
		inspector.Values(l.input.values)
	}
	if err := l.inspect(ctx, inspector); err != nil {
		return nil, 0, err
	}
	rows = l.sent
	for i, name := range names {
		s := &inspector.Profiles[i]
		nulls := rows - s.Values
		columns = append(columns, Column{Name: name, Type: s.Type(), Nulls: nulls, NotNull: nulls == 0 && rows > 0})
	}
	return columns, rows, nil
}

// inspect passes the whole input to inspector.
func (l *Load) inspect(ctx context.Context, inspector *records.Inspector) error {
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
			err = l.input.explainUndecodable(fault, chunk.Data[span.Start:span.End])
			return l.lineError(span.Line, fault.Column, err)
		}
		buf = chunk.Data
		l.add(tally{sent: int64(chunk.Records)})
	}
}

// Limits of the server.
//
// Source: PostgreSQL manual, "PostgreSQL Limits" and "System Columns".
const (
	longestName = 63
	mostColumns = 1600
)

var systemColumns = []string{"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}

// checkNames returns an error for names that columns of a table cannot have.
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
