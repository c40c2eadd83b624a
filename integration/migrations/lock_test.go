package migrations_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/migrations"
)

// gooseLock is the lock that Up takes, goose's own.
const gooseLock = 4097083626

func TestEightProcessesApplyOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	applyOnce(t, url, url)
}

// applyOnce has eight processes migrate by one URL and checks the result by the
// other.
func applyOnce(t *testing.T, through, direct string) {
	t.Helper()
	const processes = 8
	var wg sync.WaitGroup
	counts := make([]int, processes)
	for i := range processes {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), migrateURL+"="+through)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Errorf("process %d: %v: %s", i, err, stderr.String())
				return
			}
			counts[i], err = strconv.Atoi(strings.TrimSpace(string(out)))
			if err != nil {
				t.Errorf("process %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	if total != len(slowFiles) {
		t.Errorf("processes applied %v, %d in total, want %d", counts, total, len(slowFiles))
	}
	checkAppliedOnce(t, direct)
}

func checkAppliedOnce(t *testing.T, url string) {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var rows, versions, locks int
	err = pool.QueryRow(t.Context(), `
		SELECT (SELECT count(*) FROM runs),
		       (SELECT count(*) FROM goose_db_version WHERE version_id > 0),
		       (SELECT count(*) FROM pg_locks
		        WHERE locktype = 'advisory'
		          AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`,
	).Scan(&rows, &versions, &locks)
	if err != nil {
		t.Fatal(err)
	}
	if rows != 2 || versions != len(slowFiles) {
		t.Errorf("%d rows and %d versions, want 2 and %d", rows, versions, len(slowFiles))
	}
	if locks != 0 {
		t.Errorf("%d advisory locks were left behind", locks)
	}
}

func TestWaitEndsWithContext(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	holder, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Release()
	if _, err := holder.Exec(t.Context(), `SELECT pg_advisory_lock($1)`, gooseLock); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // connecting comes before the wait
	defer cancel()
	_, err = migrations.Up(ctx, pool, cities)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v, want context.DeadlineExceeded", err)
	}
	if !strings.Contains(err.Error(), "wait for migration lock") {
		t.Errorf("error %q does not say what was waited for", err)
	}
	if exists(t, pool, "cities") {
		t.Error("migrated without the lock")
	}

	if _, err := holder.Exec(t.Context(), `SELECT pg_advisory_unlock($1)`, gooseLock); err != nil {
		t.Fatal(err)
	}
	if _, err := migrations.Up(t.Context(), pool, cities); err != nil {
		t.Errorf("after the lock was free: %v", err)
	}
}

// If a context ends during a migration, the migration is rolled back and leaves
// no lock.
func TestContextEndsDuringMigration(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // ends the context once the first migration is there
		for ctx.Err() == nil {
			var there bool
			err := pool.QueryRow(ctx, "SELECT to_regclass('runs') IS NOT NULL").Scan(&there)
			if err != nil || there {
				cancel()
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	applied, err := migrations.Up(ctx, pool, slowFiles)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want context.Canceled", err)
	}
	if len(applied) < 1 || len(applied) >= len(slowFiles) {
		t.Fatalf("applied %v before the context ended", applied)
	}
	// The lock falls when the server notices that its client has gone.
	rest, cancelRest := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancelRest()
	if _, err := migrations.Up(rest, pool, slowFiles); err != nil {
		t.Fatal(err)
	}
	checkAppliedOnce(t, url)
}
