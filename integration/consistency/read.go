package consistency

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

const ids = 2 // arguments of the same statement

var tenants = []string{"a", "b"}

// A form is a way to read.
type form int

const (
	asRows form = iota // wire rows
	asList
	asOne
	forms
)

// A spot is a key for a value: each spot has its own entry in some cache.
type spot struct {
	on     *handle
	tenant string
	id     int
	form   form
}

func (c *checker) spot(r *rand.Rand) spot {
	return spot{c.w.handles[r.IntN(handles)], tenants[r.IntN(len(tenants))], r.IntN(ids), form(r.IntN(int(forms)))}
}

// A reading is the state of one reader.
type reading struct {
	*checker
	r   *rand.Rand
	why querycache.Reason // of the last lookup

	v    *value // the current value
	at   spot   // the current spot, whose id and form vary, with tiers the handle too
	more int    // remaining reads of the value
}

const (
	while        = 60 // reads of a value in succession, so that most hit
	whileRefused = 6  // reads of a value that is never stored
)

// next runs and checks one read. It returns false if the read failed.
func (c *reading) next(ctx context.Context) bool {
	if c.more--; c.more < 0 {
		c.v, c.at, c.more = c.values[c.r.IntN(len(c.values))], c.spot(c.r), while
		if c.v.refused {
			c.more = whileRefused
		}
	}
	at := c.at
	switch c.r.IntN(50) {
	case 0:
		return c.one(ctx, at, c.readBlob)
	case 1:
		return c.one(ctx, at, c.readZone)
	case 2:
		return c.one(ctx, at, c.readBare)
	case 3:
		return c.one(ctx, at, c.readLife)
	case 4:
		return c.readSlowly(ctx)
	case 5, 6, 7, 8:
		if len(c.w.stores) > 0 { // while its raises are under way
			return c.value(ctx, c.contended, spot{c.w.handles[c.r.IntN(handles)], tenants[0], 0, asOne})
		}
	}
	at.id, at.form = c.r.IntN(ids), form(c.r.IntN(int(forms)))
	if len(c.w.stores) > 0 { // the memory of another cache misses what its tiers have
		at.on = append(c.w.handles[:], c.w.outsider)[c.r.IntN(handles+1)]
	}
	return c.value(ctx, c.v, at)
}

// value reads a value.
func (c *reading) value(ctx context.Context, v *value, at spot) bool {
	return c.one(ctx, at, func(ctx context.Context, at spot) error { return c.readValue(ctx, v, v.quick, at) })
}

// one runs and counts one read.
func (c *reading) one(ctx context.Context, at spot, read func(ctx context.Context, at spot) error) bool {
	ctx = context.WithValue(ctx, tenantKey{}, at.tenant)
	ctx = context.WithValue(ctx, reasonKey{}, &c.why)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.why = 0
	if err := read(ctx, at); err != nil {
		c.failed.Add(1)
		c.note(err)
		return false
	}
	c.reads.Add(1)
	if c.why.Answered() {
		c.hits.Add(1)
		at.on.hits.Add(1)
	}
	return true
}

// readSlowly reads the contended value slowly, so that slow readers share loads
// and writes invalidate them.
func (c *reading) readSlowly(ctx context.Context) bool {
	at := spot{on: c.w.handles[first], tenant: tenants[0], form: asOne}
	if c.w.outsider != nil && c.r.IntN(2) == 0 {
		at.on = c.w.outsider
	}
	return c.one(ctx, at, func(ctx context.Context, at spot) error {
		return c.readValue(ctx, c.contended, c.contended.slow, at)
	})
}

func (c *reading) readValue(ctx context.Context, v *value, stmt *db.Stmt[result], from spot) error {
	begun := time.Now()
	calm := c.calm.begin()
	least, raised, by := v.written(begun), v.raised.Load(), int(v.by.Load())
	got, err := ask(ctx, v, stmt, from)
	if err != nil {
		return err
	}
	if c.why.Answered() {
		v.hits.Add(1)
	}
	at := fmt.Sprintf("%s, %s, %s", v, from.on.name, c.why)
	c.check(Keys, got.ID == from.id, "%s: asked for %d, got %d", at, from.id, got.ID)
	c.check(Scopes, got.Tenant == from.tenant, "%s: tenant %q got the result of %q", at, from.tenant, got.Tenant)
	c.check(Copies, len(got.Tags) == 1 && got.Tags[0] == "ok", "%s: %q", at, got.Tags)
	got.Tags[0] = "changed"
	c.check(Rollbacks, got.V != undoneValue, "%s", at)
	c.check(Together, got.V != torn, "%s", at)
	rule := v.rule
	switch {
	case from.on == c.w.outsider && v.past == nil:
		c.checkElsewhere(got, raised, calm, at)
		return nil
	case rule == OwnWrites && by != from.on.number:
		rule = Handles
	}
	c.check(rule, got.V >= least || got.V < 0, "%s: %d, want at least %d", at, got.V, least)
	if v.refused {
		c.check(rule, !c.why.Answered(), "%s: served from the cache", at)
	}
	return nil
}

// checkElsewhere checks a result of the outsider. A load that another caller had
// started may be older.
func (c *reading) checkElsewhere(got result, raised, calm int64, at string) {
	if c.why == querycache.HitCoalesced || c.why == querycache.Hit && !c.w.prompt() || !c.calm.lasted(calm) {
		return
	}
	c.check(Elsewhere, got.V >= raised || got.V < 0, "%s: %d, want at least %d", at, got.V, raised)
}

// ask reads a value.
func ask(ctx context.Context, v *value, stmt *db.Stmt[result], from spot) (got result, err error) {
	switch from.form {
	case asRows:
		err = from.on.reads.QueryRow(ctx, v.plain, from.id).Scan(&got.ID, &got.V, &got.Tags, &got.Tenant)
		return got, err
	case asList:
		list, err := stmt.All(ctx, from.on.reads, from.id)
		if err == nil {
			got = list[0]
		}
		return got, err
	}
	return stmt.One(ctx, from.on.reads, from.id)
}

var blobID = db.MustCompile[int]("SELECT id FROM blobs WHERE k = $1")

// readBlob reads with bytes as the argument, or with a string of the same
// bytes, which the server parses as hexadecimal.
func (c *reading) readBlob(ctx context.Context, at spot) error {
	const bytes = `\x41`
	var arg any = bytes
	want := 1
	if c.r.IntN(2) == 0 {
		arg, want = []byte(bytes), 2
	}
	got, err := blobID.One(ctx, at.on.reads, arg)
	if err != nil {
		return err
	}
	c.check(ArgTypes, got == want, "argument of type %T: got %d", arg, got)
	return nil
}

const slowly = " WHERE (SELECT count(*) FROM generate_series(1, 15000)) > 0"

var bareStmt = db.MustCompile[int64]("SELECT v FROM dropped" + slowly + " AND $1::int >= 0")

// readBare reads slowly through a cache without scopes, so that Invalidate
// affects loads under way.
func (c *reading) readBare(ctx context.Context, at spot) error {
	least := c.dropped.least.Load()
	got, err := bareStmt.One(ctx, c.w.bare, at.id)
	if err != nil {
		return err
	}
	c.check(Invalidations, got >= least, "without scopes: %d, want at least %d", got, least)
	return nil
}

type zoned struct {
	ID   int
	Hour string
}

var zone = db.MustCompile[zoned]("SELECT $1::int AS id, to_char(at, 'HH24') AS hour FROM zoned")

// readZone reads a result that depends on the time zone of the session. Only
// entries must be in that of the pool.
func (c *reading) readZone(ctx context.Context, at spot) error {
	reads, want := at.on.reads, "00"
	switch c.r.IntN(4) {
	case 0:
		reads = c.w.bare
	case 1:
		reads, want = c.w.foreign, "09"
	}
	got, err := zone.One(ctx, reads, c.r.IntN(ids))
	if err != nil {
		return err
	}
	c.check(Sessions, !c.why.Answered() || got.Hour == want, "%s: hour %s, want %s", c.why, got.Hour, want)
	return nil
}

var life = db.MustCompile[int64]("SELECT (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint")

// readLife reads the start time of the server directly, uses the handle without
// a statement, and reads the start time through the cache.
func (c *reading) readLife(ctx context.Context, at spot) error {
	begun, err := life.One(ctx, c.w.other)
	if err != nil {
		return err
	}
	if err := at.on.pg.Ping(ctx); err != nil {
		return err
	}
	got, err := life.One(ctx, at.on.reads)
	if err != nil {
		return err
	}
	c.check(Restarts, got >= begun, "%s, %s: the server started at %d, want %d or later", at.on.name, c.why, got, begun)
	return nil
}
