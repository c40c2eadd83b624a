package gather_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

type parent struct{ ID, Size int }

type child struct{ ParentID, ID int }

// queries counts statements.
type queries struct {
	db.Querier
	mu sync.Mutex
	n  int
}

func (q *queries) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	q.mu.Lock()
	q.n++
	q.mu.Unlock()
	return q.Querier.Query(ctx, sql, args...)
}

var (
	parents    = db.MustCompile[parent]("SELECT id, size FROM parents")
	parentByID = db.MustCompile[parent]("SELECT id, size FROM parents WHERE id = ANY($1)")
	childrenOf = db.MustCompile[child]("SELECT parent_id, id FROM children WHERE parent_id = ANY($1) ORDER BY id DESC")
)

func family(t *testing.T) *db.DB {
	pg := open(t)
	pgtest.Exec(t, pg, `CREATE TABLE parents (id int, size int);
		INSERT INTO parents SELECT i, i % 4 FROM generate_series(1, 1000) i;
		CREATE TABLE children (parent_id int, id int);
		INSERT INTO children SELECT i, i * 10 + j FROM generate_series(1, 1000) i, generate_series(1, i % 4) j`)
	return pg
}

// A thousand parents with their children are loaded by two statements.
func TestLoaderNested(t *testing.T) {
	t.Parallel()
	q := &queries{Querier: family(t)}
	all, err := parents.All(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	children := db.NewListLoader(q, childrenOf, func(c child) int { return c.ParentID },
		&db.LoaderOptions{Window: time.Second}) // sent when all keys are there, however busy the machine is
	ctx := db.WithLoaderCache(t.Context())
	var wg sync.WaitGroup
	for _, p := range all {
		wg.Go(func() {
			list, err := children.Load(ctx, p.ID)
			if err != nil || len(list) != p.Size {
				t.Errorf("parent %d: %d children, %v, want %d", p.ID, len(list), err, p.Size)
				return
			}
			for i, c := range list {
				if c.ParentID != p.ID || c.ID != p.ID*10+p.Size-i {
					t.Errorf("parent %d: child %d is %v", p.ID, i, c)
				}
			}
		})
	}
	wg.Wait()
	if q.n != 2 {
		t.Errorf("%d statements, want 2", q.n)
	}
}

// Callers share a list, but not its spare capacity.
func TestLoaderListsHaveNoSpareCapacity(t *testing.T) {
	t.Parallel()
	children := db.NewListLoader(family(t), childrenOf, func(c child) int { return c.ParentID }, nil)
	list, err := children.Load(t.Context(), 3)
	if err != nil || len(list) != 3 || cap(list) != len(list) {
		t.Errorf("%d children, room for %d, error %v", len(list), cap(list), err)
	}
}

func TestLoaderRows(t *testing.T) {
	t.Parallel()
	pg := family(t)
	byID := db.NewLoader(pg, parentByID, func(p parent) int { return p.ID }, nil)
	if p, err := byID.Load(t.Context(), 7); err != nil || p != (parent{7, 3}) {
		t.Errorf("got %v, %v", p, err)
	}
	if _, err := byID.Load(t.Context(), 7000); !errors.Is(err, pgx.ErrNoRows) {
		t.Errorf("a key without row: %v", err)
	}
	pgtest.Exec(t, pg, "INSERT INTO parents VALUES (7, 3)")
	if _, err := byID.Load(t.Context(), 7); !errors.Is(err, pgx.ErrTooManyRows) {
		t.Errorf("a key with two rows: %v", err)
	}
	values, err := byID.LoadMany(t.Context(), []int{6, 7, 8})
	byKey, _ := errors.AsType[db.LoadError[int]](err)
	if len(byKey) != 1 || !errors.Is(byKey[7], pgx.ErrTooManyRows) || values[0].ID != 6 || values[2].ID != 8 {
		t.Errorf("keys next to one with two rows: %v, %v", values, err)
	}
	pgtest.Exec(t, pg, "DROP TABLE parents")
	if _, err := byID.LoadMany(t.Context(), []int{1, 2}); err == nil {
		t.Error("no error of a table that is gone")
	}
}
