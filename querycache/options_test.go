package querycache

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// Each negative number in the options is rejected with the name of its field,
// unless the comment of the field gives -1 a meaning.
func TestNegativeOptionsAreRejected(t *testing.T) {
	o := newOffline(t, nil, forever)
	load := func(context.Context, int) (int, error) { return 0, nil }
	policy := func(use func(Policy) error) func(any) error {
		return func(v any) error { return use(*v.(*Policy)) }
	}
	minusOne := []string{"Policy.TTL"} // has a meaning
	for name, c := range map[string]struct {
		options any
		use     func(options any) error
		min     int // numbers that the test has to find
	}{
		"New": {new(Options), func(v any) error { return opened(New(v.(*Options))) }, 1},
		"ReadThrough": {&Policy{TTL: time.Hour}, policy(func(p Policy) error {
			_, err := o.cache.ReadThrough(o.reads.pg, p)
			return err
		}), 6},
		"ByName": {&Policy{TTL: time.Hour}, policy(func(p Policy) error {
			_, err := o.cache.ReadThrough(o.reads.pg, ByName{"City": p})
			return err
		}), 6},
		"Memoize": {&Policy{TTL: time.Hour}, policy(func(p Policy) error {
			_, err := Memoize(o.cache, "f", p, load)
			return err
		}), 6},
		"NewAside": {&AsideOptions[int, int]{Policy: Policy{TTL: time.Hour}, Load: load}, func(v any) error {
			_, err := NewAside(o.cache, *v.(*AsideOptions[int, int]))
			return err
		}, 6},
	} {
		options := reflect.ValueOf(c.options).Elem()
		if got := eachNumber(options, func(field string, number reflect.Value) {
			old := number.Int()
			defer number.SetInt(old)
			for _, n := range []int64{-1, -2} {
				if n == -1 && slices.Contains(minusOne, field) {
					continue
				}
				number.SetInt(n)
				want := fmt.Sprintf("%s: %v is negative", field, number)
				if err := c.use(c.options); err == nil || !strings.HasPrefix(err.Error(), "querycache: ") || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: got error %v, want one with %q", name, err, want)
				}
			}
		}); got < c.min {
			t.Errorf("%s: %d numbers were tried, want at least %d", name, got, c.min)
		}
		if err := c.use(c.options); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// eachNumber calls fn for each number in a struct of options, and in structs
// within, with the name of its struct and field, and returns how many there
// are.
func eachNumber(options reflect.Value, fn func(field string, number reflect.Value)) (n int) {
	name, _, _ := strings.Cut(options.Type().Name(), "[")
	for i := range options.NumField() {
		switch field := options.Field(i); {
		case field.Kind() == reflect.Struct:
			n += eachNumber(field, fn)
		case field.CanInt():
			fn(name+"."+options.Type().Field(i).Name, field)
			n++
		case field.CanFloat() || field.CanUint():
			panic(options.Type().Field(i).Name + " is of a kind that this test does not know")
		}
	}
	return n
}

// opened closes a cache that was made.
func opened(c *Cache, err error) error {
	if err == nil {
		c.Close()
	}
	return err
}
