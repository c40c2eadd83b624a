package batchinsert_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
)

// A part is a row of the tests around the numbers of rows at which a call uses
// another way of writing.
type part struct {
	ID   int64
	Name *string
	Size int64 // an integer in the table
}

const createParts = `CREATE TABLE parts (size integer NOT NULL CHECK (size <> 13), id bigint PRIMARY KEY, name varchar(20) NOT NULL)`

var parts = batchinsert.MustTable[part]("parts")

func manyParts(n int) []part {
	rows := make([]part, n)
	for i := range rows {
		rows[i] = part{ID: int64(i + 1), Name: ptr(fmt.Sprint("part ", i)), Size: int64(i) + 100}
	}
	return rows
}

// A writing is one way to write parts.
type writing struct {
	name      string
	table     *batchinsert.Table[part]
	chunkRows int
	seq       bool // rows are those of an iterator
	write     func(ctx context.Context, w batchinsert.Writer, t *batchinsert.Table[part], rows batchinsert.Source[part]) (batchinsert.Counts, error)
	// filled: the table holds, of each three rows, none, one like the given,
	// and one that differs.
	filled bool
	want   func(n int64) batchinsert.Counts // of n rows without a fault
}

func (w writing) String() string {
	source := "slice"
	if w.seq {
		source = "iterator"
	}
	return fmt.Sprintf("%s of a %s in chunks of %d", w.name, source, w.chunkRows)
}

// run writes rows. A cause is the iterator's, behind them.
func (w writing) run(ctx context.Context, to batchinsert.Writer, rows []part, cause error) (batchinsert.Counts, error) {
	source := batchinsert.Rows(rows)
	if w.seq {
		source = batchinsert.Seq2(func(yield func(part, error) bool) {
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
			if cause != nil {
				yield(part{}, cause)
			}
		})
	}
	return w.write(ctx, to, w.table, source)
}

// prepare fills the table for n rows.
func (w writing) prepare(t *testing.T, pg *db.DB, n int) {
	t.Helper()
	exec(t, pg, "TRUNCATE parts")
	if w.filled {
		exec(t, pg, `INSERT INTO parts SELECT i + 99 + i % 3 / 2, i, 'part ' || i - 1 FROM generate_series(1, $1::int) AS i WHERE i % 3 > 0`, n)
	}
}

// inTable is what parts holds, in the order of the heap where rows were not
// there before.
func (w writing) inTable(t *testing.T, pg *db.DB) string {
	t.Helper()
	order := "ctid"
	if w.filled {
		order = "id"
	}
	return get[string](t, pg, "SELECT count(*) || coalesce(md5(string_agg(concat(id, name, size), ' ' ORDER BY "+order+")), '') FROM parts")
}

// writings are all ways, by chunks of so many rows.
func writings(chunkRows int) []writing {
	type (
		table  = *batchinsert.Table[part]
		source = batchinsert.Source[part]
		counts = batchinsert.Counts
	)
	inserted := func(n int64) counts { return counts{Inserted: n} }
	insert := func(ctx context.Context, w batchinsert.Writer, t table, rows source) (counts, error) {
		n, err := t.Insert(ctx, w, rows)
		return inserted(n), err
	}
	copied := func(ctx context.Context, w batchinsert.Writer, t table, rows source) (counts, error) {
		n, err := t.Copy(ctx, w, rows)
		return inserted(n), err
	}
	returning := func(ctx context.Context, w batchinsert.Writer, t table, rows source) (counts, error) {
		ids, err := batchinsert.InsertReturning[int64](ctx, w, t, rows, "id")
		for i, id := range ids {
			if i > 0 && id != ids[i-1]+1 {
				return counts{}, fmt.Errorf("row %d of the answer has id %d", i+1, id)
			}
		}
		return inserted(int64(len(ids))), err
	}
	upsert := func(ctx context.Context, w batchinsert.Writer, t table, rows source) (counts, error) {
		return t.Upsert(ctx, w, rows, byID)
	}
	update := func(ctx context.Context, w batchinsert.Writer, t table, rows source) (counts, error) {
		return t.UpdateMany(ctx, w, rows, "id")
	}
	deleted := func(ctx context.Context, w batchinsert.Writer, t table, rows source) (counts, error) {
		n, err := t.DeleteMany(ctx, w, rows, "id")
		return counts{Updated: n}, err
	}
	var all []writing
	for _, seq := range []bool{false, true} {
		all = append(all,
			writing{name: "insert", write: insert, want: inserted},
			writing{name: "copy", write: copied, want: inserted},
			writing{name: "returning", write: returning, want: inserted},
			writing{name: "upsert into nothing", write: upsert, want: inserted},
			writing{name: "upsert", write: upsert, filled: true, want: func(n int64) counts {
				return counts{Inserted: n / 3, Unchanged: (n + 2) / 3, Updated: (n + 1) / 3}
			}},
			writing{name: "update", write: update, filled: true, want: func(n int64) counts {
				return counts{Missing: n / 3, Unchanged: (n + 2) / 3, Updated: (n + 1) / 3}
			}},
			writing{name: "delete", write: deleted, filled: true, want: func(n int64) counts { return counts{Updated: n - n/3} }},
		)
		for i := range all {
			if all[i].table == nil {
				all[i].table, all[i].chunkRows, all[i].seq = parts.With(batchinsert.Options{ChunkRows: chunkRows}), chunkRows, seq
			}
		}
	}
	return all
}

// sizes are numbers of rows around those where a call takes another way. Those
// of faulty are on either side of each.
var sizes = []struct {
	chunkRows    int
	rows, faulty []int
}{
	{0, []int{0, 1, 2, 999, 1000, 1001, 1999, 2000, 2001, 4999, 5000, 5001}, []int{1, 2, 999, 1001, 4999, 5000}},
	{3, []int{2, 3, 4, 5, 6, 7}, []int{3, 4, 7}},
	{5001, []int{4999, 5000, 5001, 5002}, []int{5001, 5002}},
}

// each runs a test for every way of writing and every size.
func each(t *testing.T, faulty bool, test func(w writing, n int)) {
	t.Helper()
	for _, s := range sizes {
		rows := s.rows
		if faulty {
			rows = s.faulty
		}
		for _, n := range rows {
			if testing.Short() && n > 1001 {
				continue
			}
			for _, w := range writings(s.chunkRows) {
				test(w, n)
			}
		}
	}
}
