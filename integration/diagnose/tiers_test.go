package diagnose_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/db/diagnose"
	"github.com/headrace/headrace/integration/internal/memtier"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

// A tier that is down degrades a program that stays ready, and is a finding,
// until it is in use again. What its server quotes in an error is not shown.
func TestTierDown(t *testing.T) {
	t.Parallel()
	pg := openPool(t, 2)
	pgtest.Exec(t, pg, "CREATE TABLE items (id int, name text); INSERT INTO items VALUES (1, 'x')")
	tier := memtier.New()
	caches := tier.Caches(t, pg, func(reads *querycache.ReadThrough) error {
		_, err := itemByID.One(t.Context(), reads, 1)
		return err
	})
	h, err := diagnose.NewHealth(pg, &diagnose.HealthOptions{Caches: caches})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	m := monitor(t, pg, diagnose.Options{Caches: caches})
	defer m.Close()
	if r := h.Ready(t.Context()); !r.OK || r.Degraded {
		t.Errorf("with the tier: %+v", r)
	}
	awaitWindows(t, m, 2)
	awaitNone(t, m, diagnose.TierPassedOver)

	refused := &pgconn.PgError{Severity: "ERROR", Code: "25006", Message: `cannot store "canary"`}
	tier.Break(t, refused, func() { pgtest.Exec(t, pg, "UPDATE items SET name = 'y'") }, caches)
	r := ready(t, h)
	c := checkOf(t, r, "cache two")
	if !r.OK || !r.Degraded || !c.OK || !c.Degraded || !strings.Contains(c.Detail, `tier "memory" is down, with `) || !strings.Contains(c.Detail, "raise: the server reports SQLSTATE 25006") {
		t.Errorf("without the tier: %+v", r)
	}
	f := await(t, m, diagnose.TierPassedOver)
	if f.Cache == "" || !strings.Contains(f.Title, `Tier "memory" of cache`) || !strings.Contains(f.Evidence, "SQLSTATE 25006") {
		t.Errorf("found %+v", f)
	}
	if text := c.Detail + f.Title + f.Evidence + f.Do; strings.Contains(text, "canary") {
		t.Errorf("the message of the server is shown: %s", text)
	}

	tier.Fail(nil)
	awaitNone(t, m, diagnose.TierPassedOver)
	if r := ready(t, h); !r.OK || r.Degraded {
		t.Errorf("with the tier again: %+v", r)
	}
}
