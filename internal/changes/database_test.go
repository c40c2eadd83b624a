package changes

import (
	"log/slog"
	"testing"
)

// handleAt returns a handle with one connection, whose identity is p.
func handleAt(t *databaseTable, p *identity) (*Tracker, *Database) {
	d := New(slog.Default(), 0)
	d.track(&placeTracker{})
	return d, t.place(d, 1, p, t.tickets.Load())
}

func newDatabaseTable() *databaseTable { return &databaseTable{byKey: make(map[string]*Database)} }

// Handles lead to one Database if and only if they lead to one database.
func TestHandlesOfOneDatabase(t *testing.T) {
	readable := identity{oid: "5", start: "100:5432/5", life: "100 1", system: "77/5"}
	refused := identity{oid: "5", start: "100:5432/5", life: "100 1"}
	standby := identity{oid: "5", start: "200:5433/5", life: "200 1", system: "77/5", standby: true}
	other := identity{oid: "6", start: "100:5432/6", life: "100 1", system: "77/6"}
	for _, first := range []identity{readable, refused} {
		table := newDatabaseTable()
		_, a := handleAt(table, &first)
		for _, next := range []identity{readable, refused, readable} {
			if _, b := handleAt(table, &next); a != b {
				t.Errorf("%+v and %+v lead to two databases", first, next)
			}
		}
		_, c := handleAt(table, &standby)
		_, o := handleAt(table, &other)
		if c == a || !a.Concerns(c) || !c.Concerns(a) {
			t.Error("a standby is the same, or is not concerned")
		}
		if o == a || a.Concerns(o) || !a.Concerns(nil) {
			t.Error("another database is the same, or is concerned, or an unknown one is not")
		}
	}
}

// A restarted server, or one whose statistics were reset, is another Database
// for all handles, and they are notified before its first connection is used.
func TestLivesOfADatabase(t *testing.T) {
	for _, next := range []identity{
		{oid: "5", start: "101:5432/5", life: "101 1", system: "77/5"},
		{oid: "5", start: "100:5432/5", life: "100 2", system: "77/5"},
		{oid: "5", start: "100:5432/5", life: "100 2"},
	} {
		table := newDatabaseTable()
		p := identity{oid: "5", start: "100:5432/5", life: "100 1", system: "77/5"}
		one, a := handleAt(table, &p)
		two, _ := handleAt(table, &p)
		var left []*Database
		for _, d := range []*Tracker{one, two} {
			d.track(&placeTracker{func(old *Database) { left = append(left, old) }})
		}
		before := table.tickets.Load()
		b := table.place(one, 2, &next, before)
		if b == nil || b == a || !a.gone.Load() || len(left) != 2 || left[0] != a || left[1] != a {
			t.Errorf("%+v: %v after %v, the handles were notified %d times", next, b, a, len(left))
		}
		if one.CurrentDatabase() != b || two.CurrentDatabase() != nil {
			t.Error("the handles lead elsewhere")
		}
		if table.place(two, 1, &p, before) != nil {
			t.Error("a response from before the restart was accepted")
		}
		table.leave(one)
		table.leave(two)
		if len(table.byKey) != 0 || !b.gone.Load() {
			t.Errorf("%d databases are known without a handle", len(table.byKey))
		}
	}
}

// The newest connection determines the database of a handle; the examiner's
// counts only while no other does.
func TestNewestConnectionCounts(t *testing.T) {
	table := newDatabaseTable()
	here := identity{oid: "5", start: "100:5432/5", life: "100 1", system: "77/5"}
	there := identity{oid: "5", start: "300:5432/5", life: "300 1", system: "88/5"}
	d := New(slog.Default(), 0)
	d.track(&placeTracker{})
	for _, c := range []struct {
		number uint64
		p      *identity
		want   *identity
	}{{0, &here, &here}, {0, &there, &there}, {7, &here, &here}, {0, &there, &here}, {3, &there, &here}, {8, &there, &there}, {7, &here, &there}} {
		table.place(d, c.number, c.p, table.tickets.Load())
		if got := d.CurrentDatabase(); got.start != c.want.start {
			t.Errorf("after connection %d to %s the handle leads to %s", c.number, c.p.start, got.start)
		}
	}
	table.displace(d, 9)
	if d.CurrentDatabase() != nil {
		t.Error("the handle has a database although that of the newest connection is unknown")
	}
}
