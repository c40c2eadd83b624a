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

const enough = 20_000 // reads of a meaningful run; a soak runs for a time instead

// No rule is violated under concurrent writes and faults.
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
	if err := report.Err(); err != nil && (report.Wrong() > 0 || report.Reads >= enough) { // with fewer reads the machine is too slow
		t.Error(err)
	}
}

// No rule is violated with a tier behind the memory.
func TestTiers(t *testing.T) {
	server := pgtest.Private(t, &pgserver.Options{Settings: consistency.Settings})
	opts := consistency.Options{
		Seed: uint64(time.Now().UnixNano()), Duration: soak.Time(t, 20*time.Second), Tiers: []string{consistency.InMemory},
	}
	if !soak.On {
		opts.Reads = enough / 4
	}
	report, err := consistency.Run(t.Context(), server, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", report)
	if err := report.Err(); err != nil {
		t.Error(err)
	}
}
