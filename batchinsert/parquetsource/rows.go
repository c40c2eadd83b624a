package parquetsource

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"
)

// rows reads columns of a file.
type rows struct {
	file   *parquet.File
	fields []field
}

// batchValues is about how many values are converted at a time.
const batchValues = 4096

// all yields every row, from the beginning each time.
func (r *rows) all(yield func([]any, error) bool) {
	batch := make([]any, max(1, batchValues/len(r.fields))*len(r.fields))
	for i, group := range r.file.RowGroups() {
		g := r.open(group)
		more, err := g.each(batch, yield)
		g.close()
		if err != nil {
			_ = yield(nil, fmt.Errorf("row group %d: %w", i, err))
			return
		}
		if !more {
			return
		}
	}
}

// A rowGroup is one being read.
type rowGroup struct {
	columns []column
	rows    int64 // left
}

func (r *rows) open(group parquet.RowGroup) *rowGroup {
	g := &rowGroup{columns: make([]column, len(r.fields)), rows: group.NumRows()}
	chunks := group.ColumnChunks()
	for i, f := range r.fields {
		g.columns[i] = column{field: f, chunk: chunks[f.leaf]}
	}
	return g
}

// each yields the rows, made in batch. more is false where yield wants no more.
func (g *rowGroup) each(batch []any, yield func([]any, error) bool) (more bool, err error) {
	width := len(g.columns)
	for g.rows > 0 {
		n := int(min(g.rows, int64(len(batch)/width)))
		if err := g.fill(batch, n); err != nil {
			return false, err
		}
		g.rows -= int64(n)
		for row := range slices.Chunk(batch[:n*width], width) {
			if !yield(row, nil) {
				return false, nil
			}
		}
	}
	return true, g.end()
}

// fill reads n rows.
func (g *rowGroup) fill(batch []any, n int) error {
	for i := range g.columns {
		c := &g.columns[i]
		if err := c.read(batch[i:], len(g.columns), n); err != nil {
			return fmt.Errorf("column %q: %w", c.name, err)
		}
	}
	return nil
}

// end looks for values behind the last row's.
func (g *rowGroup) end() error {
	for i := range g.columns {
		if c := &g.columns[i]; c.rest > 0 {
			return fmt.Errorf("column %q: it is damaged: it has more values than there are rows", c.name)
		}
	}
	return nil
}

func (g *rowGroup) close() {
	for i := range g.columns {
		g.columns[i].close()
	}
}

// A column is one of a row group that is being read.
type column struct {
	field
	chunk  parquet.ColumnChunk
	pages  parquet.Pages // nil before the first
	page   parquet.Page
	values parquet.ValueReader // of page
	rest   int64               // values in it
	buf    [128]parquet.Value
}

// read puts the next n values into out, one each step.
func (c *column) read(out []any, step, n int) (err error) {
	defer recovered(&err)
	for done := 0; done < n; {
		if c.rest == 0 {
			if err := c.nextPage(); err != nil {
				return err
			}
			continue
		}
		want := min(n-done, len(c.buf), int(c.rest))
		got, err := c.values.ReadValues(c.buf[:want])
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			return err
		case got == 0:
			return errors.New("it is damaged: a page has fewer values than it says")
		}
		for _, v := range c.buf[:got] {
			if v.IsNull() {
				out[done*step] = nil
			} else {
				out[done*step] = c.convert(v)
			}
			done++
		}
		c.rest -= int64(got)
	}
	return nil
}

func (c *column) nextPage() error {
	if c.pages == nil {
		c.pages = c.chunk.Pages()
	}
	parquet.Release(c.page)
	c.page = nil
	page, err := c.pages.ReadPage()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("it is damaged: it has fewer values than there are rows: %w", io.ErrUnexpectedEOF)
	}
	if err != nil {
		return err
	}
	c.page, c.values, c.rest = page, page.Values(), page.NumValues()
	return nil
}

// close gives the memory back. What it fails at does not matter any more.
func (c *column) close() {
	var err error
	defer recovered(&err)
	if c.page != nil {
		parquet.Release(c.page)
	}
	if c.pages != nil {
		_ = c.pages.Close()
	}
}
