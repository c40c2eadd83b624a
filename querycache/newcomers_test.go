package querycache

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/sqltext"
)

// read reads a text without arguments, in a form.
func (o *offline) read(sql string, form uint64) {
	o.Helper()
	read := cacheapi.NewRead(o.reads.source.handle.Tracker.Text(sql), formWire, nil)
	defer read.Release()
	read.Form = form
	if _, _, ok := o.reads.Cached(context.Background(), read); ok {
		return
	}
	if _, _, err := o.reads.Load(context.Background(), read, func(context.Context, cacheapi.Querier) (any, int64, error) { return 1, 8, nil }); err != nil {
		o.Fatal(err)
	}
}

// Only the first texts of a fingerprint are examined at their first read; later
// ones are stored from their second read on.
func TestTextsReadOnceAreNotStored(t *testing.T) {
	for name, text := range map[string]func(i int) string{
		"constants": func(i int) string { return fmt.Sprintf("SELECT name FROM cities WHERE id = %d", i) },
		"lists":     func(i int) string { return "SELECT name FROM cities WHERE id IN ($1" + strings.Repeat(", $1", i) + ")" },
		"named": func(i int) string {
			return fmt.Sprintf("-- name: City :one\nSELECT name FROM cities WHERE name = '%d'", i)
		},
	} {
		o := newOffline(t, nil, forever)
		examined := map[string]int{}
		o.reads.source.effects = inOne(func(_ context.Context, text *sqltext.Statement) (catalog.Effects, error) {
			examined[text.Normalized]++
			return catalog.Effects{Reads: []catalog.Relation{citiesTable}, ReadsKnown: true, Cacheable: true}, nil
		})
		const many = 300
		for i := range many {
			o.read(text(i), formWire)
		}
		if len(examined) != textsOfOne {
			t.Errorf("%s: %d of %d texts were examined, want %d", name, len(examined), many, textsOfOne)
		}
		o.counted(map[Reason]uint64{MissCold: textsOfOne, MissFirstRead: many - textsOfOne})
		if e := o.reads.Explain(t.Context(), text(many)); !e.Cacheable || !strings.Contains(e.Detail, "second read") {
			t.Errorf("%s: a new one is explained as %+v", name, e)
		}
		o.read(text(many-1), formWire)
		o.read(text(many-1), formWire)
		o.read(text(0), formWire)
		o.counted(map[Reason]uint64{MissCold: textsOfOne + 1, MissFirstRead: many - textsOfOne, Hit: 2})
		if e := o.reads.Explain(t.Context(), text(many-1)); !e.Cacheable || e.Detail != "" || e.Entries != 1 {
			t.Errorf("%s: a stored text is explained as %+v", name, e)
		}
		o.close()
	}
}

// Forms of one text count as one text, and other fingerprints are not affected.
func TestFewTextsAreStoredAtFirstRead(t *testing.T) {
	o := newOffline(t, nil, forever)
	for form := range uint64(4 * textsOfOne) {
		o.read("SELECT name FROM cities WHERE id = 1", form)
	}
	for i := range textsOfOne {
		o.read(fmt.Sprintf("SELECT name AS n%d FROM cities", i), formWire)
	}
	o.counted(map[Reason]uint64{MissCold: 5 * textsOfOne})
}
