package batchinsert_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/faultproxy"
	"github.com/headrace/headrace/integration/internal/soak"
	"github.com/headrace/headrace/integration/pgserver"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/migrations"
)

// A child is a process that does what is to be interrupted: this test binary,
// started once more with an order in its environment.
type child struct {
	Do         string // load or write
	ConnString string
	File       string
	ID         string
	ChunkBytes int
	Rows       int
}

func (c *child) options() *batchinsert.LoadOptions {
	return &batchinsert.LoadOptions{ID: c.ID, Jobs: 2, ChunkBytes: c.ChunkBytes, OnBad: batchinsert.Quarantine}
}

const childOrder = "HEADRACE_TEST_CHILD"

// obeyIfAsked is the whole of a child's process.
func obeyIfAsked() {
	order := os.Getenv(childOrder)
	if order == "" {
		return
	}
	var c child
	err := json.Unmarshal([]byte(order), &c)
	if err == nil {
		switch c.Do {
		case "load":
			err = c.load()
		case "write":
			err = c.write()
		}
	}
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func (c *child) load() error {
	pg, err := db.Open(context.Background(), c.ConnString, nil)
	if err != nil {
		return err
	}
	defer pg.Close()
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = batchinsert.Load(context.Background(), pg, "items", batchinsert.CSV(file), c.options())
	return err
}

// write adds rows from many goroutines, and prints each that is acknowledged.
func (c *child) write() error {
	pg, err := db.Open(context.Background(), c.ConnString, nil)
	if err != nil {
		return err
	}
	defer pg.Close()
	writer := batchinsert.MustTable[ackedRow]("acked").NewWriter(pg, &batchinsert.WriterOptions[ackedRow]{Rows: 50, Every: 5 * time.Millisecond})
	var mu sync.Mutex
	var workers sync.WaitGroup
	for worker := range 16 {
		workers.Go(func() {
			for id := worker; id < c.Rows; id += 16 {
				if err := writer.Write(context.Background(), ackedRow{ID: int64(id)}); err != nil {
					return // what became of the row is not known, or it was not written
				}
				mu.Lock()
				fmt.Println(id)
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	return writer.Close(context.Background())
}

type ackedRow struct{ ID int64 }

// start starts the child's process.
func (c *child) start(t *testing.T) (process *osexec.Cmd, out io.Reader) {
	t.Helper()
	order, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	process = osexec.Command(os.Args[0])
	process.Env = append(os.Environ(), childOrder+"="+string(order))
	process.Stderr = os.Stderr
	if out, err = process.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	return process, out
}

// How much the tests that kill do.
var (
	killRounds = soak.Count(6, 1_000)
	killRows   = soak.Count(20_000, 500_000)
)

// rounds is how often something is killed: each way once, at least, and twice
// unless tests are to be short.
func rounds() int {
	if testing.Short() {
		return 3
	}
	return killRounds
}

// A killer interrupts children in the three ways there are, each at a moment
// that its seed chooses.
type killer struct {
	*rand.Rand
	server *pgserver.Server
	proxy  *faultproxy.Proxy
	pool   *pgxpool.Pool // past the proxy
}

func newKiller(t *testing.T, setup ...string) *killer {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	k := &killer{Rand: rand.New(rand.NewPCG(seed, 0)), server: pgtest.Private(t, &pgserver.Options{Durable: true})}
	config, err := pgxpool.ParseConfig(k.server.ConnString())
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.RuntimeParams["application_name"] = "killer"
	if k.pool, err = pgxpool.NewWithConfig(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.pool.Close)
	for _, sql := range setup {
		if _, err := k.pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// through returns the connection string of a proxy to the server, where it is
// the connection that will be cut.
func (k *killer) through(t *testing.T, round int) string {
	t.Helper()
	if round%3 != 2 {
		return k.server.ConnString()
	}
	config := k.pool.Config().ConnConfig
	proxy, err := faultproxy.Start(fmt.Sprintf("%s:%d", config.Host, config.Port))
	if err != nil {
		t.Fatal(err)
	}
	k.proxy = proxy
	connString, err := proxy.ConnString(k.server.ConnString())
	if err != nil {
		t.Fatal(err)
	}
	return connString
}

// strike interrupts the child, and waits for its end.
func (k *killer) strike(t *testing.T, round int, process *osexec.Cmd) {
	t.Helper()
	switch round % 3 {
	case 0:
		if err := process.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
	case 1:
		if err := k.server.Kill(t.Context()); err != nil {
			t.Error(err)
		}
	case 2:
		k.proxy.Refuse(true)
		k.proxy.CutAll()
	}
	_ = process.Wait() // however it ended: that is what is being tested
	switch round % 3 {
	case 1:
		if err := k.server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		k.pool.Reset()
	case 2:
		if err := k.proxy.Close(); err != nil {
			t.Error(err)
		}
	}
}

// await asks the server until the answer is yes, or the child has ended.
func (k *killer) await(t *testing.T, question string, args ...any) {
	t.Helper()
	for range 60_000 {
		var yes bool
		if err := k.pool.QueryRow(t.Context(), question, args...).Scan(&yes); err != nil {
			t.Fatal(err)
		}
		if yes {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("never: %s", question)
}

// awaitServer waits until the server has ended the sessions of the child. It may
// be at what the dead process had asked for, a commit even, or have yet to read
// that: such a session is idle.
func (k *killer) awaitServer(t *testing.T) {
	t.Helper()
	k.await(t, "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'killer'")
}

// A load in another process is killed again and again, by SIGKILL, by the death
// of the server and by a cut connection, and resumed: each row is in the table
// once, the bad ones are in quarantine once, and what was committed is not sent
// again.
func TestKilledLoadsAreResumed(t *testing.T) {
	t.Parallel()
	k := newKiller(t, strings.Replace(createItems, "id bigint PRIMARY KEY", "id bigint", 1))
	if err := migrations.Install(t.Context(), k.pool); err != nil {
		t.Fatal(err)
	}
	file := itemsFile(killRows)
	for _, id := range []int{77, killRows / 2, killRows - 1} {
		file = strings.Replace(file, fmt.Sprintf("\n%d,", id), fmt.Sprintf("\nbad %d,", id), 1)
	}
	path := filepath.Join(t.TempDir(), "items.csv")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	want := k.wanted(t)
	resumed := 0
	for round := range rounds() {
		if k.killLoad(t, round, path, len(file)/60, want) {
			resumed++
		}
	}
	t.Logf("%d of %d rounds went on after committed chunks", resumed, rounds())
	if resumed < rounds()/2 {
		t.Errorf("only %d of %d rounds had committed chunks", resumed, rounds())
	}
}

const loadedSum = "SELECT concat_ws(' ', count(*), count(DISTINCT id), sum(hashtextextended(concat_ws('|', id, name, price), 0))) FROM items"

// wanted is loadedSum as the server makes it of the good rows.
func (k *killer) wanted(t *testing.T) (sum string) {
	t.Helper()
	exec := func(sql string) {
		if _, err := k.pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.CopyRaw(t.Context(), k.pool, "COPY items (id, name, price) FROM STDIN (FORMAT csv, HEADER)", strings.NewReader(itemsFile(killRows))); err != nil {
		t.Fatal(err)
	}
	exec(fmt.Sprintf("DELETE FROM items WHERE id IN (77, %d, %d)", killRows/2, killRows-1))
	if err := k.pool.QueryRow(t.Context(), loadedSum).Scan(&sum); err != nil {
		t.Fatal(err)
	}
	return sum
}

// killLoad is one round. It returns whether chunks were committed before the
// kill.
func (k *killer) killLoad(t *testing.T, round int, path string, chunkBytes int, want string) (resumed bool) {
	t.Helper()
	ctx := t.Context()
	if _, err := k.pool.Exec(ctx, "TRUNCATE items, headrace.quarantine"); err != nil {
		t.Fatal(err)
	}
	c := child{Do: "load", ConnString: k.through(t, round), File: path, ID: fmt.Sprint("round ", round), ChunkBytes: chunkBytes}
	process, _ := c.start(t)
	at := k.IntN(55)
	k.await(t, "SELECT count(*) >= $2 FROM headrace.load_chunks WHERE load_id = $1 AND loaded_at IS NOT NULL", c.ID, at)
	time.Sleep(time.Duration(k.IntN(10_000)) * time.Microsecond) // the moment, not a wait
	k.strike(t, round, process)

	k.awaitServer(t)
	var committed, chunks int64
	if err := k.pool.QueryRow(ctx, "SELECT coalesce(sum(rows), 0), count(loaded_at) FROM headrace.load_chunks WHERE load_id = $1", c.ID).Scan(&committed, &chunks); err != nil {
		t.Fatal(err)
	}
	second, err := k.loadAgain(ctx, path, c.options())
	if err != nil {
		t.Fatalf("round %d: %v", round, err)
	}
	if second.Skipped != committed || len(second.Chunks) > 0 && second.Chunks[len(second.Chunks)-1].Index < 49 {
		t.Errorf("round %d: %d rows in %d chunks were committed; %d skipped", round, committed, chunks, second.Skipped)
	}
	var sum string
	var bad int
	if err := k.pool.QueryRow(ctx, "SELECT ("+loadedSum+"), (SELECT count(DISTINCT line) FROM headrace.quarantine HAVING count(*) = 3)").Scan(&sum, &bad); err != nil {
		t.Fatalf("round %d: %v", round, err)
	}
	if sum != want || bad != 3 {
		t.Errorf("round %d: killed after %d chunks: %s and %d bad lines, want %s and 3", round, chunks, sum, bad, want)
	}
	return committed > 0 && second.Rows > 0
}

func (k *killer) loadAgain(ctx context.Context, path string, opts *batchinsert.LoadOptions) (batchinsert.Report, error) {
	pg, err := db.Open(ctx, k.server.ConnString(), nil)
	if err != nil {
		return batchinsert.Report{}, err
	}
	defer pg.Close()
	file, err := os.Open(path)
	if err != nil {
		return batchinsert.Report{}, err
	}
	defer file.Close()
	return batchinsert.Load(ctx, pg, "items", batchinsert.CSV(file), opts)
}

// What a BufferedWriter has acknowledged is in the table, once, whatever became
// of its process, its server or its connection.
func TestAcknowledgedRowsSurvive(t *testing.T) {
	t.Parallel()
	k := newKiller(t, "CREATE TABLE acked (id bigint)")
	for round := range rounds() {
		if _, err := k.pool.Exec(t.Context(), "TRUNCATE acked"); err != nil {
			t.Fatal(err)
		}
		c := child{Do: "write", ConnString: k.through(t, round), Rows: killRows}
		process, out := c.start(t)
		struck := make(chan struct{})
		at := k.IntN(killRows / 10)
		acked := 0
		lines := bufio.NewScanner(out)
		ids := map[string]bool{}
		for lines.Scan() {
			if id := lines.Text(); !strings.HasPrefix(id, "error:") {
				ids[id] = true
			}
			if acked++; acked == at+1 {
				go func() {
					defer close(struck)
					k.strike(t, round, process)
				}()
			}
		}
		if acked <= at {
			t.Fatalf("round %d: the writer ended by itself after %d rows", round, acked)
		}
		<-struck
		k.awaitServer(t) // or its rows would be among those of the next round
		k.checkAcknowledged(t, round, ids)
	}
}

func (k *killer) checkAcknowledged(t *testing.T, round int, ids map[string]bool) {
	t.Helper()
	rows, err := k.pool.Query(t.Context(), "SELECT id::text, count(*) FROM acked GROUP BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	missing := len(ids)
	for rows.Next() {
		var id string
		var n int
		if err := rows.Scan(&id, &n); err != nil {
			t.Fatal(err)
		}
		if n != 1 {
			t.Errorf("round %d: row %s is there %d times", round, id, n)
		}
		if ids[id] {
			missing--
		}
	}
	if missing > 0 || rows.Err() != nil {
		t.Errorf("round %d: %d of %d acknowledged rows are missing (%v)", round, missing, len(ids), rows.Err())
	}
}
