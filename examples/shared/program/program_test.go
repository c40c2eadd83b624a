package program_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/examples/shared/program"
	"github.com/headrace/headrace/integration/pgtest"
)

// claimed is the environment variable that makes this binary an example.
const claimed = "HEADRACE_TEST_CLAIM"

func TestMain(m *testing.M) {
	if claim, ok := os.LookupEnv(claimed); ok {
		program.Main("example", func(_ context.Context, _ string, a *program.Report) error {
			a.Claim(claim == "true", "this is %s", claim)
			return nil
		})
		return
	}
	pgtest.Main(m)
}

func TestMainExits(t *testing.T) {
	t.Parallel()
	connString := pgtest.New(t)
	for claim, want := range map[string]struct {
		status         int
		stdout, stderr string
	}{
		"true":  {0, "  [holds] this is true\n", ""},
		"false": {1, "  [DOES NOT HOLD] this is false\n", "example: 1 of 1 claims do not hold: this is false\n"},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr strings.Builder
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), claimed+"="+claim, "DATABASE_URL="+connString, "HEADRACE_SERVER=url")
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := cmd.Run()
			if got := cmd.ProcessState.ExitCode(); got != want.status {
				t.Errorf("status %d, %v, want %d", got, err, want.status)
			}
			if stdout.String() != want.stdout || !strings.HasSuffix(stderr.String(), want.stderr) {
				t.Errorf("printed %q and %q, want %q and %q", stdout.String(), stderr.String(), want.stdout, want.stderr)
			}
		})
	}
}

// Run drops the database even if the body fails and leaves a connection open.
func TestRunCleansUp(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	var inside string
	body := func(ctx context.Context, connString string, _ *program.Report) error {
		inside = connString
		conn, err := pgx.Connect(ctx, connString)
		if err != nil {
			return err
		}
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
		return broken
	}
	if err := program.Run(t.Context(), "program", new(strings.Builder), body); !errors.Is(err, broken) {
		t.Fatalf("error %v, want that of the body", err)
	}
	if conn, err := pgx.Connect(t.Context(), inside); err == nil {
		_ = conn.Close(t.Context())
		t.Error("the database is still there")
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		claims []bool
		want   string
	}{
		{"all hold", []bool{true, true}, "<nil>"},
		{"some do not", []bool{false, true, false}, "2 of 3 claims do not hold: claim 0; claim 2"},
		{"none", nil, "the example has no claims"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := program.On(t.Context(), "", new(strings.Builder), func(_ context.Context, _ string, a *program.Report) error {
				for i, holds := range c.claims {
					a.Claim(holds, "claim %d", i)
				}
				return nil
			})
			if got := fmt.Sprint(err); got != c.want {
				t.Errorf("error %q, want %q", got, c.want)
			}
		})
	}
}
