package db_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
)

// A slowLine is the log line of a statement.
type slowLine struct {
	Level, Msg      string
	Statement, Name string
	Took, Wait      time.Duration
	Rows            int64
}

// A slowLog collects the lines that a handle writes.
type slowLog struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

// Write implements io.Writer.
func (l *slowLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *slowLog) options(from time.Duration) *db.Options {
	return &db.Options{SlowQuery: from, Logger: slog.New(slog.NewJSONHandler(l, nil))}
}

// take returns the lines so far, and clears them.
func (l *slowLog) take(t *testing.T) (lines []slowLine) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		var one slowLine
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%v in line %q", err, line)
		}
		lines = append(lines, one)
	}
	l.text.Reset()
	return lines
}

func TestSlowStatementsAreLogged(t *testing.T) {
	t.Parallel()
	const from, sleep = 50 * time.Millisecond, 60 * time.Millisecond
	var log slowLog
	pg := open(t, log.options(from), itemSchema...)
	log.take(t) // the setup, where the machine is slow
	const named = "-- name: Sleepy :many\nSELECT id, name FROM items, pg_sleep($1) WHERE id <= 3 AND name <> 'secret'"
	if _, err := db.All[item](t.Context(), pg, db.SQL(named, sleep.Seconds())); err != nil {
		t.Fatal(err)
	}
	lines := log.take(t)
	if len(lines) != 1 {
		t.Fatalf("%d lines, want one: %+v", len(lines), lines)
	}
	line := lines[0]
	if line.Level != "WARN" || line.Msg != "slow statement" || line.Name != "Sleepy" || line.Took < sleep || line.Rows != 3 {
		t.Errorf("%+v", line)
	}
	if !strings.Contains(line.Statement, "pg_sleep") || strings.Contains(line.Statement, "secret") || strings.Contains(line.Statement, "3") {
		t.Errorf("statement %q: want its fingerprint, without constants", line.Statement)
	}

	// Each way in which a statement is slow, and a quick one.
	var batch pgx.Batch
	batch.Queue("SELECT pg_sleep($1)", sleep.Seconds())
	must(t)(nil, pg.SendBatch(t.Context(), &batch).Close())
	must(t)(nil, pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "UPDATE items SET tags = NULL FROM pg_sleep($1) WHERE id > $2", sleep.Seconds(), 8)
		return err
	}))
	_, err := pg.Exec(t.Context(), "DO $$ BEGIN PERFORM pg_sleep(0.06); RAISE 'failed'; END $$")
	if err == nil {
		t.Error("no error")
	}
	lines = log.take(t)
	for _, want := range []string{"pg_sleep", "update", "do"} {
		if !slices.ContainsFunc(lines, func(l slowLine) bool { return strings.Contains(strings.ToLower(l.Statement), want) && l.Took >= sleep }) {
			t.Errorf("no line for %s: %+v", want, lines)
		}
	}
}

// Without the option nothing is logged. The wait for a connection is reported
// separately, and makes no statement slow.
func TestQuickStatementsAreNotLogged(t *testing.T) {
	t.Parallel()
	var quiet, log slowLog
	pg := open(t, quiet.options(0))
	must(t)(pg.Exec(t.Context(), "SELECT pg_sleep(0.05)"))
	if lines := quiet.take(t); len(lines) > 0 {
		t.Errorf("without SlowQuery: %+v", lines)
	}

	const from, wait = 50 * time.Millisecond, 500 * time.Millisecond
	pg = open(t, log.options(from))
	pg.Pool().Reset()
	var held []*pgxpool.Conn
	for range pg.Pool().Config().MaxConns {
		conn, err := pg.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	time.AfterFunc(wait, func() {
		for _, conn := range held {
			conn.Release()
		}
	})
	log.take(t)
	must(t)(pg.Exec(t.Context(), "SELECT pg_sleep(0.06)"))
	lines := log.take(t)
	if len(lines) != 1 || lines[0].Wait < wait/2 || lines[0].Took >= wait {
		t.Errorf("%+v: want one line, with a wait of about %v that its duration excludes", lines, wait)
	}
}
