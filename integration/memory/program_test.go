package memory_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/internal/soak"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

const (
	maxConns = 6
	items    = 20_000
)

type item struct {
	ID   int
	Note string
}

var (
	itemByID  = db.MustCompile[item]("SELECT id, note FROM items WHERE id = $1")
	itemsByID = db.MustCompile[item]("SELECT id, note FROM items WHERE id = ANY($1)")
	allItems  = db.MustCompile[item]("SELECT id, note FROM items")
	itemTable = batchinsert.MustTable[item]("items")
	journal   = batchinsert.MustTable[item]("journal")
)

// texts is the number of different statements that the program generates:
// without bound in a soak, after all tables of texts are full; in a short run
// only those at the beginning.
var texts = soak.Count(filled, math.MaxInt)

// filled is the number of texts that the program generates before the rounds.
// The largest table of texts holds 8,192.
var filled = soak.Count(100, 10_000)

// program is a handle with a cache, and tasks that use them.
type program struct {
	pg     *db.DB
	reads  *querycache.ReadThrough
	loader *db.Loader[int, item]
	writer *batchinsert.BufferedWriter[item]
	tasks  []task
	text   atomic.Int64 // number of the last generated text
}

type task struct {
	name string
	do   func(ctx context.Context) error
}

func newProgram(t *testing.T) *program {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	cfg.MaxConns = maxConns
	pg, err := db.OpenConfig(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	for _, sql := range []string{
		"CREATE TABLE items (id int PRIMARY KEY, note text NOT NULL CHECK (note <> 'bad'))",
		fmt.Sprintf("INSERT INTO items SELECT i, repeat('note ', 20) FROM generate_series(0, %d) i", items-1),
		"CREATE TABLE journal (id int, note text)",
	} {
		if _, err := pg.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	cache, err := querycache.New(&querycache.Options{MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cache.Close)
	if _, err := cache.Follow(pg); err != nil {
		t.Fatal(err)
	}
	reads, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	p := &program{pg: pg, reads: reads}
	p.loader = db.NewLoader(pg, itemsByID, func(i item) int { return i.ID }, nil)
	p.writer = journal.NewWriter(pg, nil)
	t.Cleanup(func() {
		if err := p.writer.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	p.tasks = []task{
		{"typed read", p.read},
		{"rows", p.rows},
		{"text made up", p.madeUp},
		{"page", p.page},
		{"loader", p.load},
		{"upsert", p.upsert},
		{"writer", p.write},
		{"transaction", p.transaction},
		{"temporary table", p.temporary},
		{"error of the server", p.fail},
		{"caller that gives up", p.giveUp},
	}
	for range filled {
		if err := p.madeUp(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p *program) read(ctx context.Context) error {
	for range 100 {
		if _, err := itemByID.One(ctx, p.reads, rand.IntN(items)); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) rows(ctx context.Context) error {
	var note string
	return p.reads.QueryRow(ctx, "SELECT note FROM items WHERE id = $1", rand.IntN(items)).Scan(&note)
}

// madeUp generates a text with a name and a value in it, as programs should
// not.
func (p *program) madeUp(ctx context.Context) error {
	n := p.text.Add(1) % int64(texts)
	_, err := db.All[string](ctx, p.reads, db.SQL(fmt.Sprintf("SELECT note AS note_%d FROM items WHERE id = %d", n, n%items)))
	return err
}

func (p *program) page(ctx context.Context) error {
	byID := db.Pager{Keys: []db.Order{db.Asc("id").NotNull()}}
	_, err := allItems.Page(ctx, p.reads, byID, "", 20)
	return err
}

func (p *program) load(ctx context.Context) error {
	_, err := p.loader.LoadMany(ctx, []int{rand.IntN(items), rand.IntN(items), rand.IntN(items)})
	return err
}

func (p *program) upsert(ctx context.Context) error {
	rows := make([]item, 100)
	first := rand.IntN(items - len(rows))
	for i := range rows {
		rows[i] = item{first + i, fmt.Sprint("upserted ", rand.IntN(10))}
	}
	_, err := itemTable.Upsert(ctx, p.pg, batchinsert.Rows(rows), batchinsert.OnConflict{Keys: []string{"id"}})
	return err
}

func (p *program) write(ctx context.Context) error {
	for i := range 100 {
		if err := p.writer.Add(ctx, item{i, "written"}); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) transaction(ctx context.Context) error {
	return p.pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "UPDATE items SET note = 'updated' WHERE id = $1", rand.IntN(items)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "DELETE FROM journal")
		return err
	})
}

// temporary creates a temporary table, which has a new oid each time.
func (p *program) temporary(ctx context.Context) error {
	return p.pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "CREATE TEMPORARY TABLE scratch (id int) ON COMMIT DROP"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO scratch VALUES (1)")
		return err
	})
}

func (p *program) fail(ctx context.Context) error {
	_, err := p.pg.Exec(ctx, "UPDATE items SET note = 'bad' WHERE id = 1")
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); !ok || pgErr.Code != "23514" {
		return fmt.Errorf("want the error of the constraint, got %w", err)
	}
	return nil
}

// giveUp cancels a statement, which closes its connection.
func (p *program) giveUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(rand.IntN(2000))*time.Microsecond)
	defer cancel()
	if _, err := p.pg.Exec(ctx, "SELECT pg_sleep(0.2)"); err == nil {
		return errors.New("want the deadline's error, got none")
	}
	return nil
}
