// Package pages_test checks keyset pages against a real server: each row once,
// at any depth, in any order.
package pages_test

import (
	"context"
	"strings"
	"testing"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// open returns a handle to its own database, in which the given statements have
// been run.
func open(t *testing.T, setup ...string) *db.DB {
	t.Helper()
	return pgtest.Open(t, pgtest.New(t), nil, setup...)
}

// fetch reads the page at a cursor.
type fetch[T any] func(ctx context.Context, at db.Cursor) (db.Page[T], error)

// endless is a number of rows beyond any test.
const endless = 10_000

// forward reads all pages from the first to the last.
func forward[T any](t *testing.T, page fetch[T]) []T {
	t.Helper()
	var all []T
	var at db.Cursor
	for len(all) < endless {
		p, err := page(t.Context(), at)
		if err != nil {
			t.Fatalf("after %d rows: %v", len(all), err)
		}
		if (at == "") != (p.Prev == "") {
			t.Fatalf("after %d rows: a way back: %t", len(all), p.Prev != "")
		}
		all = append(all, p.Items...)
		if at = p.Next; at == "" {
			return all
		}
	}
	t.Fatalf("no end after %d rows", len(all))
	return nil
}

// backward reads all pages from the last to the first.
func backward[T any](t *testing.T, page fetch[T]) []T {
	t.Helper()
	var all []T
	at := db.LastPage
	for len(all) < endless {
		p, err := page(t.Context(), at)
		if err != nil {
			t.Fatalf("with %d rows to the end: %v", len(all), err)
		}
		if (at == db.LastPage) != (p.Next == "") {
			t.Fatalf("with %d rows to the end: a way on: %t", len(all), p.Next != "")
		}
		all = append(append(make([]T, 0, len(p.Items)+len(all)), p.Items...), all...)
		if at = p.Prev; at == "" {
			return all
		}
	}
	t.Fatalf("no end after %d rows", len(all))
	return nil
}

// split splits a script into statements, which must not contain semicolons.
func split(script string) []string {
	return strings.Split(script, ";")
}
