package dbotel_test

import (
	"context"
	"testing"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

// otelpgx in the configuration and the handle see every operation of each kind:
// otelpgx makes spans of them, the handle counts them and reports changes.
func TestOtelpgx(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(recorder))
	cfg, err := pgxpool.ParseConfig(pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	cfg.ConnConfig.Tracer = otelpgx.NewTracer(otelpgx.WithTracerProvider(provider))
	ctx, request := provider.Tracer("test").Start(t.Context(), "request")
	pg, err := db.OpenConfig(ctx, cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Close()
	changed := make(chan string, 100)
	stop, err := pg.OnChange(func(_ context.Context, changes []db.Change) {
		for _, c := range changes {
			if !c.All && c.State == db.Committed {
				changed <- c.Table.String()
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()

	conn, err := pg.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{itemsTable, "CREATE TABLE copied (id int)", "CREATE TABLE batched (id int)"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	conn.Release()
	if _, err := pg.Exec(ctx, "INSERT INTO items VALUES (1, 'a')"); err != nil {
		t.Fatal(err)
	}
	if _, err := itemName.One(ctx, pg, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := pg.CopyFrom(ctx, pgx.Identifier{"copied"}, []string{"id"}, pgx.CopyFromRows([][]any{{1}, {2}})); err != nil {
		t.Fatal(err)
	}
	var batch pgx.Batch
	batch.Queue("INSERT INTO batched VALUES ($1)", 1)
	batch.Queue("SELECT count(*) FROM batched")
	if err := pg.SendBatch(ctx, &batch).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := pg.Exec(ctx, "SELECT 1/0"); err == nil {
		t.Fatal("1/0 is a number")
	}
	request.End()

	spans := make(map[string]int)
	for _, s := range recorder.Ended() {
		if s.SpanContext().TraceID() != request.SpanContext().TraceID() {
			t.Errorf("span %q is in another trace", s.Name())
		}
		name := s.Name()
		for _, a := range s.Attributes() {
			switch a.Key {
			case semconv.DBQueryTextKey:
				name += ": " + a.Value.AsString()
			case otelpgx.PrepareStmtNameKey:
				name = "prepare " + name
			}
		}
		spans[name]++
	}
	for _, name := range []string{
		"connect", "pool.acquire", "INSERT: INSERT INTO items VALUES (1, 'a')", "prepare SELECT: " + itemName.SQL(), "SELECT: " + itemName.SQL(),
		`copy_from "copied"`, "batch start", "INSERT: INSERT INTO batched VALUES ($1)", "SELECT: SELECT count(*) FROM batched", "SELECT: SELECT 1/0",
	} {
		if spans[name] == 0 {
			t.Errorf("otelpgx made no span %q of %v", name, spans)
		}
	}
	calls := make(map[string]int64)
	for _, s := range pg.Stats().Statements {
		calls[s.Summary] += s.Calls
		if s.Summary == "SELECT" && s.Errors["22"] != 1 {
			t.Errorf("errors of 1/0: %v", s.Errors)
		}
	}
	for _, summary := range []string{"INSERT items", "SELECT items", "COPY FROM copied", "INSERT batched", "SELECT batched", "SELECT"} {
		if calls[summary] != 1 {
			t.Errorf("%d calls of %s, want 1: %v", calls[summary], summary, calls)
		}
	}
	missing := map[string]bool{"public.items": true, "public.copied": true, "public.batched": true}
	for late := time.After(time.Minute); len(missing) > 0; {
		select {
		case table := <-changed:
			delete(missing, table)
		case <-late:
			t.Fatalf("no change of %v was reported", missing)
		}
	}
}
