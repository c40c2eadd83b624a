package consistency

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// What is read besides the values of the ways.
const (
	contended = "plain" // is written often, and read slowly

	dropped  = "dropped" // another program writes it, and the answers are dropped by hand
	aged     = "aged"    // another program writes it and tells nobody
	agedName = "Aged"
)

// A value is what one way, or another program, writes, as it is read.
type value struct {
	name  string
	texts [texts]*db.Stmt[answer]
	plain string // for readers that are not typed

	source string

	least atomic.Int64 // what a read that begins now must see

	mu   sync.Mutex
	past []raise // of aged; guarded by mu
}

// The texts by which a value is read. The slow one takes its snapshot, and milliseconds.
const (
	quick = iota
	slow
	texts
)

type raise struct {
	at time.Time
	to int64
}

type answer struct {
	ID     int
	V      int64
	Tags   []string
	Tenant string
}

func newValue(name, source string) *value {
	sql := "SELECT $1::int AS id, v, '{ok}'::text[] AS tags, current_setting('app.tenant') AS tenant FROM " + source
	if name == aged {
		sql = "-- name: " + agedName + " :one\n" + sql
	}
	return &value{
		name: name,
		texts: [texts]*db.Stmt[answer]{
			quick: db.MustCompile[answer](sql),
			slow:  db.MustCompile[answer](sql + slowly),
		},
		plain:  sql,
		source: source,
	}
}

const ids = 2 // arguments of the same statement

var tenants = []string{"a", "b"}

// reading is one reader.
type reading struct {
	*checker
	r   *rand.Rand
	why querycache.Reason // of the last lookup
}

// next reads one thing and judges the answer. It returns false if there was none.
func (c *reading) next(ctx context.Context) bool {
	switch c.r.IntN(50) {
	case 0:
		return c.one(ctx, c.readBlob)
	case 1:
		return c.one(ctx, c.readZone)
	case 2:
		return c.one(ctx, c.readBare)
	case 3:
		return c.one(ctx, c.readSlowly)
	}
	return c.one(ctx, func(ctx context.Context) error {
		return c.readValue(ctx, c.values[c.r.IntN(len(c.values))], quick, c.r.IntN(ids))
	})
}

// one runs one read for some tenant, and counts it.
func (c *reading) one(ctx context.Context, read func(ctx context.Context) error) bool {
	ctx = context.WithValue(ctx, tenantKey{}, tenants[c.r.IntN(len(tenants))])
	ctx = context.WithValue(ctx, reasonKey{}, &c.why)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.why = 0
	if err := read(ctx); err != nil {
		c.failed.Add(1)
		c.note(err)
		return false
	}
	c.reads.Add(1)
	if c.why.Answered() {
		c.hits.Add(1)
	}
	return true
}

// readSlowly reads what all slow readers read, so that they meet in one load, which writes overtake.
func (c *reading) readSlowly(ctx context.Context) error {
	for _, v := range c.values {
		if v.name == contended {
			return c.readValue(context.WithValue(ctx, tenantKey{}, tenants[0]), v, slow, 0)
		}
	}
	return nil
}

func (c *reading) readValue(ctx context.Context, v *value, text, id int) error {
	least, begun := v.least.Load(), time.Now()
	got, err := c.ask(ctx, v, text, id)
	if err != nil {
		return err
	}
	at := fmt.Sprintf("%s, %s", v.name, c.why)
	c.judge(Keys, got.ID == id, "%s: asked for %d, got %d", at, id, got.ID)
	c.judge(Scopes, got.Tenant == tenantOf(ctx), "%s: tenant %q got what %q has", at, tenantOf(ctx), got.Tenant)
	c.judge(Copies, len(got.Tags) == 1 && got.Tags[0] == "ok", "%s: %q", at, got.Tags)
	got.Tags[0] = "changed"
	c.judge(Rollbacks, got.V != undoneValue, "%s", at)
	switch v.name {
	case dropped:
		c.judge(Drops, got.V >= least, "%s: %d, want at least %d", at, got.V, least)
	case aged:
		c.judge(Ages, got.V >= v.old(begun), "%s: %d, want at least %d", at, got.V, v.old(begun))
	default:
		c.judge(Together, got.V != torn, "%s", at)
		c.judge(OwnWrites, got.V >= least || got.V < 0, "%s: %d, want at least %d", at, got.V, least)
	}
	return nil
}

// ask reads a value in one of the ways in which programs read.
func (c *reading) ask(ctx context.Context, v *value, text, id int) (got answer, err error) {
	kind := c.r.IntN(4)
	if text == slow {
		kind = 3
	}
	switch kind {
	case 0: // rows as the server sent them
		err = c.w.reads.QueryRow(ctx, v.plain, id).Scan(&got.ID, &got.V, &got.Tags, &got.Tenant)
		return got, err
	case 1:
		list, err := v.texts[text].All(ctx, c.w.reads, id)
		if err == nil {
			got = list[0]
		}
		return got, err
	}
	return v.texts[text].One(ctx, c.w.reads, id)
}

// old returns the value that a read which began at the given time must see.
func (v *value) old(begun time.Time) int64 {
	limit := begun.Add(-maxAge)
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, p := range slices.Backward(v.past) {
		if p.at.Before(limit) {
			return p.to
		}
	}
	return 0
}

var blobID = db.MustCompile[int]("SELECT id FROM blobs WHERE k = $1")

// readBlob asks by bytes, or by a text of the same bytes, which the server takes for hexadecimal.
func (c *reading) readBlob(ctx context.Context) error {
	const bytes = `\x41`
	var arg any = bytes
	want := 1
	if c.r.IntN(2) == 0 {
		arg, want = []byte(bytes), 2
	}
	got, err := blobID.One(ctx, c.w.reads, arg)
	if err != nil {
		return err
	}
	c.judge(ArgTypes, got == want, "asked by %T, got %d", arg, got)
	return nil
}

const slowly = " WHERE (SELECT count(*) FROM generate_series(1, 15000)) > 0"

var bareAnswer = db.MustCompile[int64]("SELECT v FROM dropped" + slowly + " AND $1::int >= 0")

// readBare reads through a cache in which answers depend on nothing but the statement and its arguments, slowly, so that
// drops overtake loads.
func (c *reading) readBare(ctx context.Context) error {
	least := c.dropped.least.Load()
	got, err := bareAnswer.One(ctx, c.w.bare, c.r.IntN(ids))
	if err != nil {
		return err
	}
	c.judge(Drops, got >= least, "without scopes: %d, want at least %d", got, least)
	return nil
}

type zoned struct {
	ID   int
	Hour string
}

var zone = db.MustCompile[zoned]("SELECT $1::int AS id, to_char(at, 'HH24') AS hour FROM zoned")

// readZone asks for what depends on the session's time zone. Whoever asks the server gets what the session gives.
func (c *reading) readZone(ctx context.Context) error {
	got, err := zone.One(ctx, c.w.reads, c.r.IntN(ids))
	if err != nil {
		return err
	}
	c.judge(Sessions, !c.why.Answered() || got.Hour == "00", "%s: hour %s", c.why, got.Hour)
	return nil
}
