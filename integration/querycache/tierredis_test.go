package querycache_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/rueidis"

	"github.com/headrace/headrace/integration/redisserver"
	"github.com/headrace/headrace/querycache/rediscache"
)

// A redisMeter counts what a Redis gets from other clients.
type redisMeter struct {
	testing.TB
	client rueidis.Client
	asked  int
}

func newRedisMeter(t testing.TB, address string) *redisMeter {
	t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{address}, ForceSingleClient: true, DisableCache: true, PipelineMultiplex: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &redisMeter{TB: t, client: client}
}

// counts are totals since the start of a Redis.
type counts struct {
	roundTrips int // reads from connections, without those of pings and of the meter
	sets       int
}

func (m *redisMeter) counts() (c counts) {
	m.Helper()
	text, err := m.client.Do(m.Context(), m.client.B().Info().Section("all").Build()).ToString()
	if err != nil {
		m.Fatal(err)
	}
	m.asked++
	pings := 0
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		calls, _, _ := strings.Cut(strings.TrimPrefix(value, "calls="), ",")
		n, _ := strconv.Atoi(calls) // 0 for other lines
		switch name {
		case "total_reads_processed":
			c.roundTrips = n - m.asked
		case "cmdstat_ping":
			pings = n
		case "cmdstat_set":
			c.sets = n
		}
	}
	c.roundTrips -= pings
	return c
}

// A commit costs one round trip to Redis, however many statements it has; what
// changes nothing costs none.
func TestCommitsCostOneRoundTrip(t *testing.T) {
	t.Parallel()
	server := redisserver.New(t, nil)
	tier, err := rediscache.New(t.Context(), rediscache.Options{Client: rueidis.ClientOption{InitAddress: []string{server.Addr()}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tier.Close)
	b := newBench(t, tierOptions(tier), minute)
	b.follow(b.pg)
	b.name(1)
	b.stored(1)

	const update = "UPDATE cities SET name = $1 WHERE id = $2"
	undo := errors.New("undo")
	five := func(end error) func(ctx context.Context, n int) error {
		return func(ctx context.Context, n int) error {
			return pgx.BeginFunc(ctx, b.pg, func(tx pgx.Tx) error {
				for id := range 5 {
					if _, err := tx.Exec(ctx, update, fmt.Sprint("name ", n), id+1); err != nil {
						return err
					}
				}
				return end
			})
		}
	}
	meter := newRedisMeter(t, server.Addr())
	for _, test := range []struct {
		what    string
		write   func(ctx context.Context, n int) error
		commits int // of each write
	}{
		{"a statement", func(ctx context.Context, n int) error {
			_, err := b.pg.Exec(ctx, update, fmt.Sprint("name ", n), 1)
			return err
		}, 1},
		{"a transaction of five statements", five(nil), 1},
		{"a transaction of five statements, rolled back", five(undo), 0},
		{"a transaction that reads", func(ctx context.Context, _ int) error {
			return pgx.BeginFunc(ctx, b.pg, func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, "SELECT name FROM cities WHERE id = 1")
				return err
			})
		}, 0},
		{"a read from memory", func(ctx context.Context, _ int) error {
			_, err := cityByID.One(ctx, b.reads, 1)
			return err
		}, 0},
	} {
		const writes, names = 10, 3 // the rows of a table, its own rows, and any table
		write := func(n int) {
			if err := test.write(t.Context(), n); err != nil && !errors.Is(err, undo) {
				t.Fatalf("%s: %v", test.what, err)
			}
			b.resolve()
		}
		write(-1) // the statements are examined
		if test.what == "a read from memory" {
			b.stored(2)
		}
		before := meter.counts()
		for n := range writes {
			write(n)
		}
		after := meter.counts()
		roundTrips, sets := after.roundTrips-before.roundTrips, after.sets-before.sets
		if roundTrips > writes*test.commits || sets != writes*test.commits*names {
			t.Errorf("%s: %d times made %d round trips with %d versions, want %d with %d",
				test.what, writes, roundTrips, sets, writes*test.commits, writes*test.commits*names)
		}
	}
}
