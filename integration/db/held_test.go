package db_test

import (
	"strings"
	"testing"
	"time"
)

// Held describes connections that are not returned, whoever acquired them.
func TestHeld(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 3, itemSchema...)
	defer pg.SampleAcquisitions()()
	if held := pg.Held(0); len(held) != 0 {
		t.Errorf("held at rest: %+v", held)
	}
	idle := pg.AcquireAllIdle(t.Context())
	if held := pg.Held(0); len(held) != len(idle) || len(idle) == 0 {
		t.Errorf("all %d idle connections are acquired, held %+v", len(idle), held)
	}
	for _, conn := range idle {
		conn.Release()
	}
	leaked, err := pg.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := pg.Query(t.Context(), "-- name: Open :many\nSELECT id, name FROM items")
	if err != nil {
		t.Fatal(err)
	}
	held := pg.Held(0)
	if len(held) != 3 {
		t.Fatalf("held %+v, want 3", held)
	}
	if h := held[0]; h.InTx || h.Running {
		t.Errorf("the idle connection: %+v", h)
	}
	if h := held[1]; !h.InTx || h.Running {
		t.Errorf("the open transaction: %+v", h)
	}
	if h := held[2]; h.InTx || !h.Running || h.Statement != "Open" {
		t.Errorf("the open rows: %+v", h)
	}
	for _, h := range held {
		if len(h.Stack) == 0 || !strings.HasSuffix(h.Stack[0].File, "held_test.go") {
			t.Errorf("%+v does not name this file", h.Stack)
		}
	}
	if held := pg.Held(time.Hour); len(held) != 0 {
		t.Errorf("held for an hour: %+v", held)
	}
	leaked.Release()
	rows.Close()
	_ = tx.Rollback(t.Context())
	if held := pg.Held(0); len(held) != 0 {
		t.Errorf("held after all were returned: %+v", held)
	}
}
