//go:build unix

package querycache_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgbouncer"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

// A wire counts what is sent to the server: each Write is a message, or several
// that one answer is waited for.
type wire struct {
	pool, own      atomic.Int64 // writes on the pool's connections, and on the library's
	opened, beside atomic.Int64 // connections of the pool, and others of the library
	slow           atomic.Int64 // how long each write on the library's takes
}

type wireConn struct {
	net.Conn
	wire *wire
	own  atomic.Bool
	told atomic.Bool // the startup message was sent
}

func (c *wireConn) Write(b []byte) (int, error) {
	if !c.told.Swap(true) {
		c.own.Store(bytes.Contains(b, []byte("(headrace)")))
		if c.own.Load() {
			c.wire.beside.Add(1)
		} else {
			c.wire.opened.Add(1)
		}
	}
	if c.own.Load() {
		c.wire.own.Add(1)
		time.Sleep(time.Duration(c.wire.slow.Load()))
	} else {
		c.wire.pool.Add(1)
	}
	return c.Conn.Write(b)
}

// tally is what was sent in one step.
type tally struct{ pool, own, opened, beside int64 }

func (w *wire) take() tally {
	return tally{w.pool.Swap(0), w.own.Swap(0), w.opened.Swap(0), w.beside.Swap(0)}
}

func (t tally) String() string {
	return fmt.Sprintf("%d on the pool, %d beside it; %d and %d connections", t.pool, t.own, t.opened, t.beside)
}

func wiredConfig(t *testing.T, connString string) (*pgxpool.Config, *wire) {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(connString)
	if err != nil {
		t.Fatal(err)
	}
	w := new(wire)
	cfg.ConnConfig.RuntimeParams["application_name"] = "program"
	cfg.MaxConns, cfg.MinConns = 1, 0
	dial := cfg.ConnConfig.DialFunc
	cfg.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &wireConn{Conn: conn, wire: w}, nil
	}
	return cfg, w
}

// wiredBench returns a bench over a pool of that many connections whose writes
// are counted. Nothing is followed yet.
func wiredBench(t *testing.T, conns int32, opts *db.Options) (*bench, *wire) {
	t.Helper()
	cfg, w := wiredConfig(t, pgtest.New(t))
	cfg.MaxConns = conns
	pg, err := db.OpenConfig(t.Context(), cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	b := &bench{T: t, pg: pg}
	for _, sql := range schema {
		b.exec(pg, sql)
	}
	if b.cache, err = querycache.New(nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.cache.Close)
	if b.reads, err = b.cache.ReadThrough(pg, querycache.Policy{TTL: -1}); err != nil {
		t.Fatal(err)
	}
	return b, w
}

// The library sends only the additional statements that OPERATIONS.md lists.
func TestTraffic(t *testing.T) {
	connString := pgtest.New(t)
	cfg, w := wiredConfig(t, connString)
	bareCfg, bareWire := wiredConfig(t, pgtest.New(t))
	bare, err := pgxpool.NewWithConfig(t.Context(), bareCfg)
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	pg, err := db.OpenConfig(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Close()
	b := &bench{T: t, pg: pg}
	for _, sql := range schema {
		b.exec(pg, sql)
		b.exec(bare, sql)
	}
	run := func(q interface {
		db.Execer
		db.Querier
	}, statements ...string,
	) {
		t.Helper()
		for _, sql := range statements {
			if strings.HasPrefix(sql, "SELECT") {
				rows, err := q.Query(t.Context(), sql)
				if err == nil {
					rows.Close()
					err = rows.Err()
				}
				if err != nil {
					t.Fatal(err)
				}
				continue
			}
			b.exec(q, sql)
		}
		b.resolve()
	}
	const read, write = "SELECT name FROM cities WHERE id = 1", "UPDATE cities SET name = name WHERE id = 1"
	var lines []string
	// step runs statements and checks what they cost beyond what they cost with
	// a bare pool.
	step := func(what string, want tally, statements ...string) {
		t.Helper()
		bareWire.take()
		run(bare, statements...)
		base := bareWire.take()
		w.take()
		run(pg, statements...)
		got := w.take()
		got.pool, got.opened = got.pool-base.pool, got.opened-base.opened
		lines = append(lines, fmt.Sprintf("%-50s %v", what, got))
		if got.pool > want.pool || got.own > want.own || got.opened > want.opened || got.beside > want.beside {
			t.Errorf("%s: %v; want at most %v", what, got, want)
		}
	}
	run(bare, "SELECT 1")
	step("nobody follows, first run", tally{}, read, write, "CREATE TABLE unrelated (id int)")
	step("nobody follows, second run", tally{}, read, write, "DROP TABLE unrelated")

	if b.cache, err = querycache.New(nil); err != nil {
		t.Fatal(err)
	}
	defer b.cache.Close()
	if b.reads, err = b.cache.ReadThrough(pg, minute); err != nil {
		t.Fatal(err)
	}
	step("cached handle, the connection's next statement", tally{pool: 1}, read)
	step("cached handle, second run", tally{}, read, write)
	w.take()
	b.name(1)
	got := w.take()
	lines = append(lines, fmt.Sprintf("%-50s %v", "cached handle, first cached read (2 its own)", got))
	if got.pool > 2 || got.own > 25 || got.beside > 1 {
		t.Errorf("first cached read: %v", got)
	}
	for range 3 {
		b.name(1)
	}
	if got := w.take(); got != (tally{}) {
		t.Errorf("cached reads that hit: %v", got)
	}

	b.follow(pg)
	quiet(w)
	lines = append(lines, fmt.Sprintf("%-50s %v", "Follow, compiled statements", w.take()))
	step("followed, first run of a write", tally{own: 16}, "UPDATE rivers SET name = name WHERE id = 1")
	step("followed, second run of a write", tally{}, "UPDATE rivers SET name = name WHERE id = 1")
	step("followed, a known shape with other constants", tally{}, "UPDATE rivers SET name = name WHERE id = 2")
	run(pg, write, "SELECT 1 AS one")
	step("followed, unrelated CREATE TABLE", tally{own: 30}, "CREATE TABLE unrelated (id int)")
	step("followed, after the CREATE TABLE", tally{}, "UPDATE rivers SET name = name WHERE id = 1", write)
	step("followed, DO, and what comes next", tally{own: 30}, "DO $$ BEGIN PERFORM 1; END $$", write)
	pg.Pool().Reset()
	bare.Reset()
	quiet(w)
	step("followed, a new connection", tally{pool: 1}, "SELECT 1 AS one")
	t.Log("beyond what a bare pool sends:\n" + strings.Join(lines, "\n"))
}

// quiet waits until nothing is sent any more.
func quiet(w *wire) {
	for same, before := 0, int64(-1); same < 5; time.Sleep(200 * time.Millisecond) {
		now := w.own.Load()
		if same++; now != before {
			same, before = 0, now
		}
	}
}

// Follow examines all compiled statements in one query, without blocking
// callers.
func TestCompiledStatementsAreExaminedTogether(t *testing.T) {
	b, w := wiredBench(t, 8, nil)
	pg := b.pg
	var compiled []*db.Stmt[string]
	for i := range 300 {
		sql := fmt.Sprintf("SELECT name FROM cities WHERE id = $1 AND %d = %d", i, i)
		if i%3 == 0 {
			sql = fmt.Sprintf("UPDATE rivers SET name = $1 WHERE id = %d", i)
		}
		compiled = append(compiled, db.MustCompile[string](sql))
	}
	w.take()
	w.slow.Store(int64(50 * time.Millisecond))
	b.follow(pg)
	if sent := w.own.Load(); sent > 1 {
		t.Errorf("Follow returned when %d messages had been sent: it waited", sent)
	}
	quiet(w)
	got := w.take()
	t.Log(got)
	if got.pool != 0 || got.own > 40 {
		t.Errorf("%v; want at most 40 round trips, all of them beside the pool", got)
	}
	for _, st := range compiled {
		if _, err := st.Exec(t.Context(), pg, "1"); err != nil && !strings.Contains(err.Error(), "encode") {
			t.Fatal(err)
		}
	}
	if got := w.take(); got.own != 0 {
		t.Errorf("when they ran: %v; want nothing beside the pool", got)
	}
}

// A commit waits only briefly for the effects of its statements. Until they are
// known, no dependent entry is returned.
func TestCommitsDoNotWait(t *testing.T) {
	b, w := wiredBench(t, 4, nil)
	pg := b.pg
	const examining = 50 * time.Millisecond // what each round trip of an examination takes
	took := map[bool][]time.Duration{}
	for i := range 60 {
		if i == 30 {
			b.follow(pg)
			b.name(1)
			w.slow.Store(int64(examining))
		}
		sql := fmt.Sprintf("UPDATE cities SET name = $1 WHERE id = 1 AND %s IS NOT NULL", strings.Repeat("(", i)+"name"+strings.Repeat(" || '')", i))
		if i%2 == 0 {
			sql = fmt.Sprintf("UPDATE cities SET name = $1 FROM (SELECT 1 AS a%d) q WHERE id = 1 AND a%d = 1", i, i)
		}
		name := fmt.Sprint("name ", i)
		begun := time.Now()
		if _, err := pg.Exec(t.Context(), sql, pgx.QueryExecModeExec, name); err != nil {
			t.Fatal(err)
		}
		took[i >= 30] = append(took[i >= 30], time.Since(begun))
		if i < 30 {
			continue
		}
		if b.doubts.Load() == 0 {
			t.Error("a commit returned and nothing is in doubt: it waited for what it changed")
		}
		for range 2 {
			if got := b.name(1); got != name {
				t.Fatalf("read %q after %q was written", got, name)
			}
		}
	}
	b.resolve()
	for _, list := range took {
		slices.Sort(list)
	}
	more := took[true][15] - took[false][15]
	t.Logf("a commit took %v longer in the median, %v at most, than where nobody follows", more, took[true][29]-took[false][29])
	if more > examining/2 {
		t.Errorf("commits wait %v for what they changed", more)
	}
}

// Commits during an examination share one doubt, and each reports its changes.
func TestCommitsShareADoubt(t *testing.T) {
	const shapes, workers = 400, 8
	b, w := wiredBench(t, workers, nil)
	pg := b.pg
	want := make(map[string]int)
	var tables strings.Builder
	for i := range shapes {
		fmt.Fprintf(&tables, "CREATE TABLE t%d AS SELECT 1 AS id;", i)
		want[fmt.Sprintf("t%d", i)] = 1
	}
	b.exec(pg, tables.String(), pgx.QueryExecModeSimpleProtocol)
	b.follow(pg)
	var mu sync.Mutex
	doubts, told := 0, make(map[string]int)
	stop, err := pg.OnChange(func(_ context.Context, changes []db.Change) {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range changes {
			switch {
			case c.All && c.State == db.InDoubt:
				doubts++
			case c.All && c.State != db.Unchanged:
				t.Errorf("%+v, want what was changed", c)
			case !c.All:
				told[c.Table.Name]++
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	w.slow.Store(int64(50 * time.Millisecond))
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			for i := worker; i < shapes; i += workers {
				if _, err := pg.Exec(t.Context(), fmt.Sprintf("UPDATE t%d SET id = id", i)); err != nil {
					t.Error(err)
				}
				mu.Lock()
				seen := told[fmt.Sprintf("t%d", i)]
				mu.Unlock()
				if seen == 0 && b.doubts.Load() == 0 {
					t.Errorf("t%d was written, but no change was reported", i)
				}
			}
		})
	}
	group.Wait()
	b.resolve()
	mu.Lock()
	defer mu.Unlock()
	if !maps.Equal(told, want) {
		t.Errorf("changes %v", told)
	}
	t.Logf("%d doubts for %d commits", doubts, shapes)
	if doubts > workers {
		t.Errorf("%d doubts for %d commits, want no more than %d", doubts, shapes, workers)
	}
}

// A schema change does not affect statements that do not depend on it.
func TestUnrelatedSchemaChangesKeepEntries(t *testing.T) {
	const shapes, workers = 100, 8
	b, w := wiredBench(t, workers, nil)
	pg := b.pg
	b.follow(pg)
	for i := range shapes {
		b.exec(pg, fmt.Sprintf("CREATE TABLE t%d (id int, n int)", i))
	}
	all := func() time.Duration {
		begun := time.Now()
		var group sync.WaitGroup
		for worker := range workers {
			group.Go(func() {
				for i := worker; i < shapes; i += workers {
					if _, err := b.pg.Exec(t.Context(), fmt.Sprintf("UPDATE t%d SET n = 1 WHERE id = 1", i)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		return time.Since(begun)
	}
	all()
	b.resolve()
	all()
	quiet(w)
	var warm, after []time.Duration
	for i := range 7 {
		warm = append(warm, all())
		w.take()
		b.exec(pg, fmt.Sprintf("CREATE TABLE unrelated%d (id int)", i))
		if got := w.take(); i > 0 && got.own > 5 { // to examine it, once, and to look at the schema
			t.Errorf("CREATE TABLE: %v", got)
		}
		after = append(after, all())
		if got := w.take(); got.own > 0 {
			t.Errorf("writes of known shapes after CREATE TABLE: %v, want nothing beside the pool", got)
		}
	}
	slices.Sort(warm)
	slices.Sort(after)
	t.Logf("%d shapes: %v warm, %v after an unrelated CREATE TABLE", shapes, warm[3], after[3])
}

// With Options.ExamineOnPool, idle connections of the pool are used.
func TestExamineOnPool(t *testing.T) {
	b, w := wiredBench(t, 2, &db.Options{ExamineOnPool: true})
	pg := b.pg
	b.follow(pg)
	for i := range 20 {
		name := fmt.Sprint("name ", i)
		b.exec(pg, "UPDATE cities SET name = $1 WHERE id = 1", name)
		for range 2 {
			if got := b.name(1); got != name {
				t.Fatalf("read %q after %q was written", got, name)
			}
		}
	}
	if b.cache.Stats().Lookups[querycache.Hit] == 0 {
		t.Errorf("no hit: %v, %+v", b.cache.Stats().Lookups, b.reads.Explain(t.Context(), cityByID.SQL()))
	}
	held := pg.Pool().AcquireAllIdle(t.Context())
	for len(held) < 2 {
		conn, err := pg.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	b.exec(held[0], "UPDATE cities SET name = 'with all connections held' WHERE 1 = 1")
	for _, conn := range held {
		conn.Release()
	}
	if got := b.name(1); got != "with all connections held" {
		t.Errorf("read %q", got)
	}
	if got := w.take(); got.beside != 0 || got.opened > 2 {
		t.Errorf("%v; want at most 2 connections, all of them the pool's", got)
	}
}

// Behind a pooler that refuses transactions, every write is reported as a
// change to all tables, without an error.
func TestFollowBehindAPoolerOfStatements(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil, minute)
	cfg := b.pg.Pool().Config()
	bouncer := pgbouncer.New(t, cfg.ConnString(), &pgbouncer.Options{Mode: pgbouncer.Statement})
	pg := pgtest.Open(t, bouncer.ConnString(cfg.ConnConfig.Database)+"&default_query_exec_mode=simple_protocol", nil)
	var err error
	if b.reads, err = b.cache.ReadThrough(pg, minute); err != nil {
		t.Fatal(err)
	}
	b.follow(pg)
	begun := time.Now()
	for i := range 30 {
		name := fmt.Sprint("name ", i)
		b.exec(pg, "UPDATE cities SET name = $1 WHERE id = 1", name)
		if got := b.name(1); got != name {
			t.Fatalf("read %q after %q was written", got, name)
		}
	}
	t.Logf("30 writes and reads took %v", time.Since(begun))
}
