package writes

import (
	"strconv"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

// Works returns the writes of so many rows.
func Works(t Target, rows int) []measure.Work {
	works := []measure.Work{
		withSqlc(t, job[Narrow]{name: "copy/narrow", kind: narrow, rows: narrow.rows(rows)}, sqlcNarrow),
		withSqlc(t, job[Wide]{name: "copy/wide", kind: wide, rows: wide.rows(rows / 4)}, sqlcWide),
		withSqlc(t, job[Nulls]{name: "copy/nulls", kind: nulls, rows: nulls.rows(rows)}, sqlcNulls),
		copies(t, job[Narrow]{
			name: "copy/indexed", kind: narrow, rows: narrow.rows(rows),
			indexes: []string{"PRIMARY KEY (id)", "INDEX (customer_id)", "INDEX (price)"},
		}),
		files(t, job[Narrow]{name: "csv/narrow", kind: narrow, rows: narrow.rows(rows)}),
		inserts(t, job[Narrow]{name: "insert/1000", kind: narrow, rows: narrow.rows(1000), keep: true}),
		perOperation(inserts(t, job[Model]{name: "insert/100x7", kind: models, rows: models.rows(100), keep: true})),
		upserts(t, rows),
		badRows(t, rows),
	}
	if w, ok := busy(t, copies(t, job[Narrow]{name: "copy/busy", kind: narrow, rows: narrow.rows(rows)})); ok {
		works = append(works, w)
	}
	return works
}

func copies[T any](t Target, j job[T]) measure.Work {
	w := j.work(headraceCopy(t, j), streamCopy(t, j), pgxCopyFrom(t, j))
	w.Baseline, w.Rounds = "stream", 7
	if t.files {
		w.Subjects = append(w.Subjects, floorCopy(t, j))
	}
	return w
}

// withSqlc is copies with sqlc, whose code is of one work since it names the
// table.
func withSqlc[T any](t Target, j job[T], sqlc func(Target, job[T]) measure.Subject) measure.Work {
	w := copies(t, j)
	w.Subjects = append(w.Subjects, sqlc(t, j))
	return w
}

func files(t Target, j job[Narrow]) measure.Work {
	file := csv(j.rows)
	w := j.work(headraceCSV(t, j, file), pgxCopyCSV(t, j, file))
	for _, program := range []func(Target, job[Narrow], []byte) (measure.Subject, bool){psqlCopy, parallelCopy} {
		if s, ok := program(t, j, file); ok {
			w.Subjects = append(w.Subjects, s)
		}
	}
	return w
}

// perOperation makes the figures of a work those of an operation.
func perOperation(w measure.Work) measure.Work {
	w.Writes = false
	return w
}

func inserts[T any](t Target, j job[T]) measure.Work {
	return j.work(headraceInsert(t, j), pgxBatch(t, j, ""), pgxValues(t, j), pgxCopyFrom(t, j), gormInsert(t, j), bunInsert(t, j))
}

// upserts finds two thirds of its rows in the table, half of them changed and
// half unchanged.
func upserts(t Target, rows int) measure.Work {
	j := job[Narrow]{
		name: "upsert/1M", kind: narrow, rows: narrow.rows(rows),
		indexes: []string{"PRIMARY KEY (id)"},
	}
	j.before = `
		INSERT INTO %[1]s
		SELECT i + 1, i %% 50000, i %% 90 + CASE WHEN i %% 2 = 0 THEN 1 ELSE 0 END, (i * 7919 %% 100000) / 100.0
		FROM generate_series(0::bigint, ` + strconv.Itoa(rows*2/3-1) + `) AS i;
		ANALYZE %[1]s;`
	const update = ` ON CONFLICT (id) DO UPDATE
		SET customer_id = excluded.customer_id, quantity = excluded.quantity, price = excluded.price`
	return j.work(headraceUpsert(t, j), pgxBatch(t, j, update))
}
