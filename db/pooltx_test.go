package db

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// New methods of embedded pgx interfaces bypass the release of the connection.
// This test counts them.
func TestPgxInterfacesHaveNoNewMethods(t *testing.T) {
	for typ, known := range map[reflect.Type]int{
		reflect.TypeFor[pgx.Tx]():           11, // Commit and Rollback release the connection
		reflect.TypeFor[pgx.BatchResults](): 5,  // Close does
		reflect.TypeFor[pgx.Rows]():         10, // Close does, and Next, Scan and Values at the end
	} {
		if n := typ.NumMethod(); n != known {
			t.Errorf("%v has %d methods, want %d: check the new ones", typ, n, known)
		}
	}
}

// refused is a batch result in which every read fails.
type refused struct {
	pgx.BatchResults
	err    error
	closes int
}

func (r *refused) Query() (pgx.Rows, error) { return nil, r.err }
func (r *refused) Close() error             { r.closes++; return r.err }

// SendBatch implements [Batcher].
func (r *refused) SendBatch(context.Context, *pgx.Batch) pgx.BatchResults { return r }

// pgx's results use the caches of their connection each time they are closed,
// and the connection may have another holder by the second time.
func TestResultsAreClosedOnce(t *testing.T) {
	errRefused := &pgconn.PgError{Code: "22012"}
	inner := &refused{err: errRefused}
	results := &pooledResults{BatchResults: inner, conn: new(pgxpool.Conn)}
	for range 2 {
		if err := results.Close(); !errors.Is(err, errRefused) {
			t.Errorf("Close returns %v", err)
		}
	}
	if inner.closes != 1 {
		t.Errorf("results of a handle were closed %d times", inner.closes)
	}
	inner = &refused{err: errRefused}
	if err := Gather(t.Context(), inner, GatherOne[int](SQL("SELECT 1"))); !errors.Is(err, errRefused) {
		t.Errorf("Gather returns %v", err)
	}
	if inner.closes != 1 {
		t.Errorf("results of Gather were closed %d times", inner.closes)
	}
}
