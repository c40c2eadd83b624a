package db_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
)

// An anyQuerier runs statements of every kind.
type anyQuerier interface {
	db.Querier
	db.Execer
	db.Batcher
}

// waysToRead are all ways to send a statement to the server. No migration in
// between may be visible in any of them.
var waysToRead = []struct {
	name string
	read func(ctx context.Context, q anyQuerier) (rows int, err error)
}{
	{"All", func(ctx context.Context, q anyQuerier) (int, error) {
		rows, err := allPlans.All(ctx, q)
		return len(rows), err
	}},
	{"AppendTo", func(ctx context.Context, q anyQuerier) (int, error) {
		rows, err := allPlans.AppendTo(ctx, q, make([]map[string]any, 3, 8))
		return len(rows) - 3, err
	}},
	{"One", func(ctx context.Context, q anyQuerier) (int, error) {
		_, err := onePlan.One(ctx, q, 1)
		return 10, err
	}},
	{"Each", func(ctx context.Context, q anyQuerier) (n int, err error) {
		for _, err = range allPlans.Each(ctx, q) {
			n++
		}
		return n, err
	}},
	{"built", func(ctx context.Context, q anyQuerier) (int, error) {
		rows, err := db.All[map[string]any](ctx, q, db.Select("*").From("plans").Where("id > ?", 0))
		return len(rows), err
	}},
	{"Page", func(ctx context.Context, q anyQuerier) (int, error) {
		page, err := allPlans.Page(ctx, q, db.Pager{Keys: []db.Order{db.Asc("id")}}, "", 20)
		return len(page.Items), err
	}},
	{"Exec", func(ctx context.Context, q anyQuerier) (int, error) {
		tag, err := returning.Exec(ctx, q, 0)
		return int(tag.RowsAffected()), err
	}},
	{"built Exec", func(ctx context.Context, q anyQuerier) (int, error) {
		tag, err := db.Exec(ctx, q, db.SQL("UPDATE plans SET id = id + $1 RETURNING *", 0))
		return int(tag.RowsAffected()), err
	}},
	{"Gather", func(ctx context.Context, q anyQuerier) (int, error) {
		all, one := allPlans.GatherAll(), onePlan.GatherOne(2)
		err := db.Gather(ctx, q, one, all, one)
		rows, _ := all.Value()
		return len(rows), err
	}},
	{"Loader", func(ctx context.Context, q anyQuerier) (int, error) {
		key := func(row map[string]any) int { return int(row["id"].(int32)) }
		rows, err := db.NewLoader(q, plansByID, key, nil).LoadMany(ctx, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
		return len(rows), err
	}},
}

var (
	allPlans  = db.MustCompile[map[string]any]("SELECT * FROM plans")
	onePlan   = db.MustCompile[map[string]any]("SELECT * FROM plans WHERE id = $1")
	plansByID = db.MustCompile[map[string]any]("SELECT * FROM plans WHERE id = ANY($1)")
	returning = db.MustCompile[map[string]any]("UPDATE plans SET id = id + $1 RETURNING *")
)

// plans returns a handle whose connections have prepared all statements, and
// another for migrations.
func plans(t *testing.T) (pg, setup *db.DB) {
	setup = open(t, nil, "CREATE TABLE plans (id int PRIMARY KEY, v int); INSERT INTO plans SELECT i, i FROM generate_series(1, 10) i")
	pg, err := db.Open(t.Context(), setup.Pool().Config().ConnString(), &db.Options{Prepare: []db.Compiled{onePlan}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	return pg, setup
}

// queriersOf returns everything that statements outside of transactions can run
// on.
func queriersOf(t *testing.T, pg *db.DB) []anyQuerier {
	conn, err := pg.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Release)
	other, err := pg.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Release)
	foreign, err := pgxpool.New(t.Context(), pg.Pool().Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(foreign.Close)
	return []anyQuerier{pg, pg.Pool(), conn, other.Conn(), foreign}
}

func TestMigrationsAreInvisible(t *testing.T) {
	t.Parallel()
	pg, setup := plans(t)
	for i, q := range queriersOf(t, pg) {
		for j, way := range waysToRead {
			for range 2 { // the second one is on a plan that a migration made stale
				must(t)(setup.Exec(t.Context(), fmt.Sprintf("ALTER TABLE plans ADD COLUMN c%d_%d int", i, j), pgx.QueryExecModeSimpleProtocol))
				if n, err := way.read(t.Context(), q); err != nil || n != 10 {
					t.Errorf("%s on a %T: %d rows, error %v", way.name, q, n, err)
				}
				must(t)(setup.Exec(t.Context(), fmt.Sprintf("ALTER TABLE plans DROP COLUMN c%d_%d", i, j), pgx.QueryExecModeSimpleProtocol))
			}
		}
	}
}

// With consecutive migrations a statement may be stale again after it was
// prepared again.
func TestMigrationsUnderLoad(t *testing.T) {
	t.Parallel()
	pg, setup := plans(t)
	ctx, stop := context.WithCancel(t.Context())
	var workers sync.WaitGroup
	for _, q := range queriersOf(t, pg) {
		workers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				way := waysToRead[i%len(waysToRead)]
				if n, err := way.read(t.Context(), q); err != nil || n != 10 {
					t.Errorf("%s on a %T: %d rows, error %v", way.name, q, n, err)
					return
				}
			}
		})
	}
	for i := range 150 {
		must(t)(setup.Exec(t.Context(), "ALTER TABLE plans ALTER COLUMN v TYPE "+[]string{"text USING v::text", "int USING v::int"}[i%2]))
	}
	stop()
	workers.Wait()
}
