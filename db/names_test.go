package db

import (
	"runtime"
	"testing"
	"time"
)

func TestNamesOfTexts(t *testing.T) {
	t.Parallel()
	var n nameTable
	compiled := newText("-- name: Cities :many\nSELECT id\nFROM cities")
	n.add(compiled)
	n.add(newText("SELECT name FROM cities")) // has none
	for sql, want := range map[string]string{
		compiled.SQL():             "Cities",
		"SELECT id\nFROM cities":   "", // means the same, and is not what is sent
		"SELECT name FROM cities":  "",
		"-- name: Own :one\nTABLE": "Own",
	} {
		if got := n.of(newText(sql)); got != want {
			t.Errorf("%q is called %q, want %q", sql, got, want)
		}
	}
	runtime.KeepAlive(compiled)
}

// Statements compiled again and again do not fill the memory.
func TestNamesAreForgotten(t *testing.T) {
	t.Parallel()
	var n nameTable
	for range 10 {
		n.add(newText("-- name: Gone :one\nSELECT 1"))
		n.add(newText("-- name: Gone :one\nSELECT 2"))
	}
	left := func() (count int) {
		n.bySQL.Range(func(any, any) bool { count++; return true })
		return count
	}
	for deadline := time.Now().Add(10 * time.Second); left() > 0 && time.Now().Before(deadline); {
		runtime.GC() // cleanups run some time after it
		time.Sleep(time.Millisecond)
	}
	if count := left(); count > 0 {
		t.Errorf("%d nameTable are left", count)
	}
}
