package db_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

// Statistics, retries and releases of the handle cost time, not memory: no
// method allocates more than that of the pool under it.
//
// Not parallel: allocations of other tests would count.
func TestHandleAllocatesNoMoreThanThePool(t *testing.T) {
	pg := open(t, nil, "CREATE TABLE c (id int)")
	for name, call := range map[string]func(t *testing.T, h handle){
		"QueryRow": func(t *testing.T, h handle) {
			var n int
			if err := h.QueryRow(t.Context(), "SELECT $1::int", 7).Scan(&n); err != nil || n != 7 {
				t.Errorf("%d, error %v", n, err)
			}
		},
		"Query": func(t *testing.T, h handle) {
			rows, err := h.Query(t.Context(), "SELECT $1::int", 7)
			for err == nil && rows.Next() {
				var n int
				err = rows.Scan(&n)
			}
			must(t)(nil, err)
		},
		"Exec": func(t *testing.T, h handle) { must(t)(h.Exec(t.Context(), "SELECT $1::int", 7)) },
		"Ping": func(t *testing.T, h handle) { must(t)(nil, h.Ping(t.Context())) },
		"BeginTx": func(t *testing.T, h handle) {
			tx, err := h.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.Serializable})
			must(t)(nil, err)
			must(t)(nil, tx.Commit(t.Context()))
		},
		"SendBatch": func(t *testing.T, h handle) {
			var batch pgx.Batch
			batch.Queue("SELECT $1::int", 7)
			must(t)(nil, h.SendBatch(t.Context(), &batch).Close())
		},
		"CopyFrom": func(t *testing.T, h handle) {
			must(t)(h.CopyFrom(t.Context(), pgx.Identifier{"c"}, []string{"id"}, pgx.CopyFromRows(nil)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			measure := func(h handle) float64 {
				return testing.AllocsPerRun(200, func() { call(t, h) })
			}
			var ours, theirs float64
			for range 3 { // what runs in the background allocates too
				if ours, theirs = measure(pg), measure(pg.Pool()); ours <= theirs {
					return
				}
			}
			t.Errorf("%v allocations, want at most the pool's own %v", ours, theirs)
		})
	}
}
