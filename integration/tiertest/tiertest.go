package tiertest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headrace/headrace/querycache"
)

// An Open returns a new Tier, as another process would have it. All Tiers of a
// test share a store, which need not be empty. Open registers what closes the
// Tier with t.Cleanup.
type Open func(t *testing.T) querycache.Tier

// Run tests the contract of [querycache.Tier], and that of
// [querycache.TierNotifier] if the Tiers implement it. The subtests are
// parallel. See also [RunLoss].
func Run(t *testing.T, open Open) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, open Open)
	}{
		{"name", testName},
		{"values", testValues},
		{"sizes", testSizes},
		{"keys_and_names", testKeys},
		{"expiry", testExpiry},
		{"versions", testVersions},
		{"raise", testRaise},
		{"raise_of_nothing", testRaiseOfNothing},
		{"first_versions_agree", testFirstVersions},
		{"concurrent_use", testConcurrentUse},
		{"ended_context", testEndedContext},
		{"notify", testNotify},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, open)
		})
	}
}

// RunLoss tests that versions are new after the store has lost everything,
// which lose brings about. Its open must return Tiers on a store that no other
// test uses.
func RunLoss(t *testing.T, open Open, lose func(t *testing.T)) {
	tier, names := open(t), unique("a", "b")
	before := get(t, tier, "key", names...).Versions
	for range 10 {
		lose(t)
		after := get(t, tier, "key", names...).Versions
		for i, v := range after {
			if slices.Contains(before, v) {
				t.Errorf("version %x of %s is from before the loss", v, names[i])
			}
		}
		before = append(before, after...)
	}
}

func testName(t *testing.T, open Open) {
	if tier := open(t); tier.Name() == "" || tier.Name() != open(t).Name() {
		t.Errorf("name %q, then %q", tier.Name(), open(t).Name())
	}
}

func testValues(t *testing.T, open Open) {
	tier, other, key := open(t), open(t), unique("key")[0]
	if v := get(t, tier, key); v.Value != nil || len(v.Versions) != 0 {
		t.Fatalf("got %+v of a new key without names, want nothing", v)
	}
	for _, value := range [][]byte{[]byte("one"), {}, []byte("\x00\xff\r\n$5\r\n"), []byte("three")} {
		buffer := slices.Clone(value)
		set(t, tier, key, buffer, time.Hour)
		for i := range buffer { // Set retains nothing
			buffer[i] = 'x'
		}
		for _, tier := range []querycache.Tier{tier, other} {
			v := get(t, tier, key)
			if v.Value == nil || !bytes.Equal(v.Value, value) {
				t.Errorf("got %q (nil: %t), want %q", v.Value, v.Value == nil, value)
			}
			if v.TTL <= 0 || v.TTL > time.Hour {
				t.Errorf("TTL %v, want up to an hour", v.TTL)
			}
		}
	}
	// The caller may keep a value.
	kept := get(t, tier, key).Value
	set(t, tier, key, []byte("other"), time.Hour)
	get(t, tier, key)
	if string(kept) != "three" {
		t.Errorf("a kept value became %q", kept)
	}
	// A value of nil is a value without bytes.
	set(t, tier, key, nil, time.Hour)
	if v := get(t, tier, key).Value; v == nil || len(v) > 0 {
		t.Errorf("got %q (nil: %t), want a value without bytes", v, v == nil)
	}
}

func testSizes(t *testing.T, open Open) {
	tier := open(t)
	for _, size := range []int{1, 1 << 10, 1<<16 + 1, 8 << 20} {
		key, value := unique("key")[0], make([]byte, size)
		for i := range value {
			value[i] = byte(i * 7)
		}
		set(t, tier, key, value, time.Hour)
		if v := get(t, tier, key, "size").Value; !bytes.Equal(v, value) {
			t.Errorf("got %d bytes, want those that were set, %d", len(v), size)
		}
	}
}

// Keys and names are different namespaces, and all their characters count.
func testKeys(t *testing.T, open Open) {
	tier := open(t)
	odd := []string{
		"a", "A", "a:", ":a", "{a}", "{a", "a}", "*", "[a-z]", `a\`, `"`, `'`, "'; DROP TABLE x", "%s", "$1", "e:a", "v:a",
		"Größe", "テーブル", "\u0301", "é", "e\u0301", strings.Repeat("x", 480), strings.Repeat("x", 479) + "y",
	}
	random := unique("")[0]
	for i := range odd {
		odd[i] = odd[i] + random
	}
	versions := get(t, tier, odd[0], odd...).Versions
	for i, key := range odd {
		set(t, tier, key, []byte(odd[i]), time.Hour)
	}
	for i, key := range odd {
		v := get(t, tier, key, key)
		if string(v.Value) != key {
			t.Errorf("key %q: got %q", key, v.Value)
		}
		if v.Versions[0] != versions[i] {
			t.Errorf("name %q: version %x became %x", key, versions[i], v.Versions[0])
		}
	}
	raise(t, tier, odd[3:5]...)
	for i, v := range get(t, tier, "", odd...).Versions {
		if raised := i == 3 || i == 4; raised != (v != versions[i]) {
			t.Errorf("name %q: raised %t, version %x became %x", odd[i], raised, versions[i], v)
		}
	}
}

func testExpiry(t *testing.T, open Open) {
	tier, keys := open(t), unique("short", "long", "replaced", "years")
	set(t, tier, keys[0], []byte("short"), time.Millisecond)
	set(t, tier, keys[1], []byte("long"), time.Hour)
	set(t, tier, keys[2], []byte("long"), time.Hour)
	set(t, tier, keys[2], []byte("short"), time.Nanosecond)
	set(t, tier, keys[3], []byte("years"), 1<<63-1)
	for _, key := range []string{keys[0], keys[2]} {
		eventually(t, key+" expires", func() bool { return get(t, tier, key).Value == nil })
	}
	if v := get(t, tier, keys[1]); string(v.Value) != "long" || v.TTL > time.Hour || v.TTL < 30*time.Minute {
		t.Errorf("got %q with TTL %v, want the value for most of an hour", v.Value, v.TTL)
	}
	if v := get(t, tier, keys[3]); string(v.Value) != "years" || v.TTL < time.Hour {
		t.Errorf("got %q with TTL %v, want the value for hours at least", v.Value, v.TTL)
	}
}

func testVersions(t *testing.T, open Open) {
	tier, other, names := open(t), open(t), unique("a", "b", "c")
	v := get(t, tier, "key", names...).Versions
	for i, version := range v {
		if version == 0 || slices.Contains(v[:i], version) {
			t.Errorf("versions %x, want none that is 0 or equals another", v)
		}
	}
	reversed := []string{names[2], names[1], names[0], names[2]}
	want := []uint64{v[2], v[1], v[0], v[2]}
	for _, tier := range []querycache.Tier{tier, other} {
		if got := get(t, tier, "other key", reversed...).Versions; !slices.Equal(got, want) {
			t.Errorf("versions %x in another order, want %x", got, want)
		}
	}
	// Names that have versions beside new ones.
	mixed := []string{names[0], unique("new")[0], names[1]}
	if got := get(t, other, "key", mixed...).Versions; got[0] != v[0] || got[1] == 0 || got[2] != v[1] {
		t.Errorf("versions %x, want %x around a new one", got, v[:2])
	}
	// One name twice, when it is new.
	if got := get(t, tier, "key", slices.Repeat(unique("twice"), 2)...).Versions; got[0] == 0 || got[0] != got[1] {
		t.Errorf("versions %x of one name", got)
	}
	many := make([]string, 3000)
	for i := range many {
		many[i] = unique("many")[0]
	}
	if v, again := get(t, tier, "key", many...).Versions, get(t, other, "key", many...).Versions; !slices.Equal(v, again) {
		t.Error("many versions differ when they are read again")
	}
}

func testRaise(t *testing.T, open Open) {
	tier, other, names, key := open(t), open(t), unique("a", "b", "c"), unique("key")[0]
	set(t, tier, key, []byte("value"), time.Hour)
	seen := map[uint64]bool{}
	raise(t, other, names[2]) // before the name had a version
	for i := range 100 {
		v := get(t, tier, key, names...)
		if string(v.Value) != "value" {
			t.Fatalf("a raise changed the value to %q", v.Value)
		}
		if i > 0 && seen[v.Versions[0]] {
			t.Fatalf("version %x was there before", v.Versions[0])
		}
		seen[v.Versions[0]] = true
		raise(t, []querycache.Tier{tier, other}[i%2], names[0], names[2], names[0])
		after := get(t, tier, key, names...).Versions
		if after[0] == v.Versions[0] || after[1] != v.Versions[1] || after[2] == v.Versions[2] {
			t.Fatalf("versions %x, then %x; the first and the third were raised", v.Versions, after)
		}
	}
}

// A raise of nothing succeeds, and changes nothing.
func testRaiseOfNothing(t *testing.T, open Open) {
	tier, names := open(t), unique("a")
	before := get(t, tier, "key", names...).Versions
	raise(t, tier)
	if after := get(t, tier, "key", names...).Versions; !slices.Equal(before, after) {
		t.Errorf("versions %x became %x", before, after)
	}
}

// Tiers that create the version of a name at once agree on it.
func testFirstVersions(t *testing.T, open Open) {
	tiers := []querycache.Tier{open(t), open(t), open(t)}
	for range 50 {
		names := unique("a", "b", "c", "d")
		got := make([][]uint64, 2*len(tiers))
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() {
				ordered := slices.Clone(names)
				if i%2 == 1 {
					slices.Reverse(ordered)
				}
				got[i] = get(t, tiers[i/2], "key", ordered...).Versions
				if i%2 == 1 {
					slices.Reverse(got[i])
				}
			})
		}
		wg.Wait()
		for _, v := range got {
			if !slices.Equal(v, got[0]) {
				t.Fatalf("first versions differ: %x", got)
			}
		}
	}
}

// A Get that begins after a Raise has ended returns another version than all
// that were returned before the Raise began, whoever raises at the same time.
func testConcurrentUse(t *testing.T, open Open) {
	tiers, names, key := []querycache.Tier{open(t), open(t)}, unique("a", "b"), unique("key")[0]
	var wg sync.WaitGroup
	for i := range 8 {
		tier, other := tiers[i%2], tiers[(i+1)%2]
		wg.Go(func() {
			for j := range 50 {
				name := names[j%2]
				before := get(t, tier, key, name).Versions[0]
				set(t, tier, key, []byte("value"), time.Hour)
				raise(t, tier, name)
				for _, tier := range []querycache.Tier{tier, other} {
					if v := get(t, tier, key, name); v.Versions[0] == before {
						t.Errorf("version %x of %s after a raise", before, name)
					}
				}
			}
		})
	}
	wg.Wait()
}

func testEndedContext(t *testing.T, open Open) {
	tier, names, key := open(t), unique("a"), unique("key")[0]
	before := get(t, tier, key, names...).Versions
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for ctx, want := range map[context.Context]error{canceled: context.Canceled, late: context.DeadlineExceeded} {
		_, err := tier.Get(ctx, key, names)
		for activity, err := range map[string]error{
			"get": err, "set": tier.Set(ctx, key, []byte("value"), time.Hour), "raise": tier.Raise(ctx, names),
		} {
			if !errors.Is(err, want) {
				t.Errorf("%s: error %v, want one that is %v", activity, err, want)
			}
		}
	}
	// The Tier goes on.
	if v := get(t, tier, key, names...); v.Value != nil || !slices.Equal(v.Versions, before) {
		t.Errorf("got %q and versions %x, want no value and %x", v.Value, v.Versions, before)
	}
}
