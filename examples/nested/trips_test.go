package main

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/pgtest"
)

// The count equals the known number of round trips of each exchange.
func TestTrips(t *testing.T) {
	t.Parallel()
	cfg, err := pgx.ParseConfig(pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	counted := new(trips)
	cfg.DialFunc = counted.through(cfg.DialFunc)
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	statement := func() error {
		_, err := conn.Exec(t.Context(), "SELECT g FROM generate_series(1, 100000) g WHERE g > $1", 0)
		return err
	}
	for _, c := range []struct {
		what string
		do   func() error
		want int64
	}{
		{"ping", func() error { return conn.Ping(t.Context()) }, 1},
		{"a new statement is prepared, then run", statement, 2},
		{"a known statement with a long answer", statement, 1},
		{"a batch", func() error {
			var batch pgx.Batch
			for range 10 {
				batch.Queue("SELECT g FROM generate_series(1, 100000) g WHERE g > $1", 99990)
			}
			return conn.SendBatch(t.Context(), &batch).Close()
		}, 1},
	} {
		before := counted.n.Load()
		if err := c.do(); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		if got := counted.n.Load() - before; got != c.want {
			t.Errorf("%s: %d round trips, want %d", c.what, got, c.want)
		}
	}
}
