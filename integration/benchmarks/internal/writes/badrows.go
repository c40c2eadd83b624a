package writes

import (
	"bytes"
	"context"
	"fmt"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/migrations"
)

// badEvery is the distance of bad lines.
const badEvery = 10_000

// badRows loads files with bad lines, which go into quarantine, and files
// without. Lines are bad by their type, NOT NULL, a CHECK and a unique index in
// turn; those of headrace-fk by a foreign key, for which the server reports no
// line.
func badRows(t Target, rows int) measure.Work {
	j := job[Narrow]{
		name: "load/bad-rows", kind: narrow, rows: narrow.rows(rows),
		indexes: []string{"PRIMARY KEY (id)", "CHECK (quantity < 1000)"},
	}
	w := j.work(
		quarantine(t, j, "headrace-clean", csv(j.rows), 0),
		quarantine(t, j, "headrace", badCSV(j.rows, badLine), rows/badEvery),
	)
	keyed := j
	keyed.indexes, keyed.prepare = append(keyed.indexes[:2:2], "FOREIGN KEY (customer_id) REFERENCES customers"), customers
	w.Subjects = append(w.Subjects,
		quarantine(t, keyed, "headrace-fk-clean", csv(j.rows), 0),
		quarantine(t, keyed, "headrace-fk", badCSV(j.rows, unknownCustomer), rows/badEvery))
	return w
}

// customers is the table that the foreign key references.
const customers = `
	CREATE TABLE IF NOT EXISTS customers (id bigint PRIMARY KEY);
	INSERT INTO customers SELECT generate_series(0, 49999) ON CONFLICT DO NOTHING;`

func badCSV(rows []Narrow, bad func(i int, r Narrow) string) []byte {
	b := []byte("id,customer_id,quantity,price\n")
	for i, r := range rows {
		if i%badEvery == badEvery/2 {
			b = append(b, bad(i/badEvery, r)...)
			continue
		}
		b = fmt.Appendf(b, "%d,%d,%d,%v\n", r.ID, r.CustomerID, r.Quantity, r.Price)
	}
	return b
}

func badLine(n int, r Narrow) string {
	switch n % 4 {
	case 0:
		return fmt.Sprintf("%d,many,%d,%v\n", r.ID, r.Quantity, r.Price)
	case 1:
		return fmt.Sprintf("%d,,%d,%v\n", r.ID, r.Quantity, r.Price)
	case 2:
		return fmt.Sprintf("%d,%d,5000,%v\n", r.ID, r.CustomerID, r.Price)
	}
	return fmt.Sprintf("1,%d,%d,%v\n", r.CustomerID, r.Quantity, r.Price)
}

func unknownCustomer(_ int, r Narrow) string {
	return fmt.Sprintf("%d,-1,%d,%v\n", r.ID, r.Quantity, r.Price)
}

func quarantine(t Target, j job[Narrow], name string, file []byte, bad int) measure.Subject {
	open := func(ctx context.Context, t Target) (*db.DB, func(), error) {
		pg, closePg, err := openDB(ctx, t)
		if err != nil {
			return nil, nil, err
		}
		if err := migrations.Install(ctx, pg.Pool()); err != nil {
			closePg()
			return nil, nil, err
		}
		return pg, closePg, nil
	}
	return subject(t, j, name, open, func(ctx context.Context, pg *db.DB, table string) (measure.Seen, error) {
		report, err := batchinsert.Load(ctx, pg, table, batchinsert.CSV(bytes.NewReader(file)), &batchinsert.LoadOptions{OnBad: batchinsert.Quarantine})
		if err == nil && report.Bad != int64(bad) {
			err = fmt.Errorf("%d bad lines, want %d", report.Bad, bad)
		}
		return wrote(report.Rows + report.Bad), err
	})
}
