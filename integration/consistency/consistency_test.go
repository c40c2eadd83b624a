package consistency_test

import (
	"testing"
	"time"

	"github.com/headrace/headrace/integration/consistency"
	"github.com/headrace/headrace/integration/internal/soak"
	"github.com/headrace/headrace/integration/pgserver"
	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const enough = 20_000 // reads for a run to tell something; a soak goes by the clock

// What the cache promises holds while everything is written in every way and connections break.
func TestConsistency(t *testing.T) {
	server := pgtest.Private(t, &pgserver.Options{Settings: consistency.Settings})
	opts := consistency.Options{
		Seed: uint64(time.Now().UnixNano()), Duration: soak.Time(t, 40*time.Second), KillEach: 10 * time.Second, EndEach: time.Second,
	}
	if !soak.On {
		opts.Reads = enough
	}
	report, err := consistency.Run(t.Context(), server, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", report)
	if err := report.Err(); err != nil && (report.Wrong() > 0 || report.Reads >= enough) { // else the machine is too slow to tell
		t.Error(err)
	}
}
