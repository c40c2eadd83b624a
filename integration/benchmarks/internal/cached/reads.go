package cached

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/benchmarks/internal/shop"
	"github.com/headrace/headrace/querycache"
)

const columns = "id, customer_id, status, city, quantity, priority, price, paid, created_at, updated_at, note, reference"

var orderByID = db.MustCompile[shop.Order12]("SELECT " + columns + " FROM orders WHERE id = $1")

// handle is a way to read.
type handle struct {
	q     db.Querier
	close func()
}

// opener makes a handle for so many entries.
type opener func(ctx context.Context, connString string, entries int) (handle, error)

// openServer has no cache.
func openServer(ctx context.Context, connString string, _ int) (handle, error) {
	pg, err := openDB(ctx, connString)
	if err != nil {
		return handle{}, err
	}
	return handle{pg, pg.Close}, nil
}

// openShared is headrace returning the stored values.
func openShared(ctx context.Context, connString string, entries int) (handle, error) {
	return openHeadrace(ctx, connString, entries, querycache.Policy{TTL: ttl, Shared: true})
}

// openCopying is headrace with its default: callers get copies.
func openCopying(ctx context.Context, connString string, entries int) (handle, error) {
	return openHeadrace(ctx, connString, entries, querycache.Policy{TTL: ttl})
}

func openHeadrace(ctx context.Context, connString string, entries int, policy querycache.Policy) (handle, error) {
	const most = 4 << 10 // bytes per entry, more than needed: nothing must be evicted
	pg, err := openDB(ctx, connString)
	if err != nil {
		return handle{}, err
	}
	cache, err := querycache.New(&querycache.Options{MaxBytes: max(int64(entries)*most, 64<<20)})
	if err != nil {
		pg.Close()
		return handle{}, err
	}
	closeAll := func() { cache.Close(); pg.Close() }
	if _, err = cache.Follow(pg); err == nil {
		var reads *querycache.ReadThrough
		if reads, err = cache.ReadThrough(pg, policy); err == nil {
			return handle{reads, closeAll}, nil
		}
	}
	closeAll()
	return handle{}, err
}

func (p peer) openHandle(ctx context.Context, connString string, entries int) (handle, error) {
	pg, err := openDB(ctx, connString)
	if err != nil {
		return handle{}, err
	}
	s, err := p.open(entries)
	if err != nil {
		pg.Close()
		return handle{}, err
	}
	return handle{&over{pg, s}, func() { s.close(); pg.Close() }}, nil
}

func openDB(ctx context.Context, connString string) (*db.DB, error) {
	config, err := pgxpool.ParseConfig(connString)
	if err != nil {
		return nil, err
	}
	config.MaxConns = fillers
	config.ConnConfig.TLSConfig = nil // on loopback: it would make the server look slower
	config.ConnConfig.Fallbacks = nil
	return db.OpenConfig(ctx, config, nil)
}

// byKey reads one row by its key, in a random order of so many keys. Caches
// hold all of them.
func byKey(name, connString string, keys int, open opener) measure.Subject {
	return measure.Subject{Name: name, Open: func(ctx context.Context) (measure.Op, func(), error) {
		h, err := open(ctx, connString, keys*2)
		if err != nil {
			return nil, nil, err
		}
		order := rand.New(rand.NewPCG(1, 2)).Perm(keys)
		if _, plain := h.q.(*db.DB); !plain {
			if err := fill(ctx, h.q, order); err != nil {
				h.close()
				return nil, nil, err
			}
		}
		next := 0
		return func(ctx context.Context) (measure.Seen, error) {
			id := int64(order[next]) + 1
			if next++; next == len(order) {
				next = 0
			}
			row, err := orderByID.One(ctx, h.q, id)
			if err == nil && row.ID != id {
				err = fmt.Errorf("asked for order %d, got %d", id, row.ID)
			}
			return measure.Seen{Rows: 1}, err
		}, h.close, nil
	}}
}

// fillers is the number of goroutines that fill a cache, each with a
// connection.
const fillers = 4

func fill(ctx context.Context, q db.Querier, order []int) error {
	var wg sync.WaitGroup
	failed := make([]error, fillers)
	for worker := range fillers {
		wg.Go(func() {
			for i := worker; i < len(order) && failed[worker] == nil; i += fillers {
				_, failed[worker] = orderByID.One(ctx, q, int64(order[i])+1)
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}
