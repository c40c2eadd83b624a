//go:build !race

package deepcopy

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The race detector's allocator rounds sizes differently, so the computed sizes
// are compared without it.

func document(i int) any {
	var doc any
	text := fmt.Sprintf(`{"id":%d,"tags":["a","b",null,true],"user":{"name":"x","age":%d,"deep":[[[[[[[[[[[[[[[[[[[[%d]]]]]]]]]]]]]]]]]]]]}}`, i, i, i)
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		panic(err)
	}
	return doc
}

func emptied[K comparable](n, left int, key func(int) K) map[K]int {
	m := map[K]int{}
	for i := range n {
		m[key(i)] = i
	}
	for i := left; i < n; i++ {
		delete(m, key(i))
	}
	return m
}

func itself(i int) int { return i }

// samples make values that keep more memory alive than their visible content.
var samples = map[string]func(i int) any{
	"bool": func(i int) any { return i%2 == 0 }, "int": func(i int) any { return i }, "text": func(i int) any { return fmt.Sprint("text ", i) },
	"piece of a text":  func(i int) any { return strings.Repeat(fmt.Sprint(i), 1<<14)[:16] },
	"bytes":            func(i int) any { return make([]byte, 33_000+i%3) },
	"room behind":      func(i int) any { return make([]int64, 10, 1000) },
	"piece of a slice": func(i int) any { return make([]int64, 1000)[500:510] },
	"empty piece":      func(i int) any { return make([]int64, 1000)[500:500] },
	"map":              func(i int) any { return emptied(i%3000, math.MaxInt, itself) },
	"map of few":       func(i int) any { return emptied(i%9, math.MaxInt, itself) },
	"map of 896":       func(i int) any { return emptied(896, math.MaxInt, itself) },
	"map of 1792":      func(i int) any { return emptied(1792, math.MaxInt, itself) },
	"emptied map":      func(i int) any { return emptied(2000, 0, itself) },
	"shrunk map":       func(i int) any { return emptied(2000, 10, itself) },
	"texts by text":    func(i int) any { return map[string]string{fmt.Sprint(i): "x", "other": fmt.Sprint("y", i)} },
	"set":              func(i int) any { return map[int64]struct{}{int64(i): {}, 2: {}, 3: {}} },
	"large elements":   func(i int) any { return map[int][200]byte{1: {1}, 2: {2}, i: {3}} },
	"large keys":       func(i int) any { return map[[150]byte]bool{{byte(i)}: true, {2, byte(i)}: false} },
	"arrays":           func(i int) any { return [3][]int{{i}, {1, 2}, nil} },
	"document":         document,
	"numbers":          func(i int) any { return []*big.Int{big.NewInt(int64(i)), new(big.Int).Lsh(big.NewInt(1), 1000)} },
	"address":          func(i int) any { return netip.MustParsePrefix("10.0.0.0/8") },
	"zone":             func(i int) any { return netip.MustParseAddr(fmt.Sprintf("fe80::1%%zone%d", i)) },
	"time":             func(i int) any { return time.Unix(int64(i), 0) },
	"location": func(i int) any {
		loc, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			return time.Now().In(time.FixedZone("X", 3600))
		}
		return []time.Time{time.Unix(int64(i), 0).In(loc), time.Now()}
	},
	"pointer into an array": func(i int) any { return &make([]int64, 1000)[i%1000] },
	"pointers to flags":     func(i int) any { a := make([]bool, 3); return []*bool{&a[0], &a[1], &a[2]} },
	"orders":                func(i int) any { return newCustomer(i % 50) },
	"chain":                 func(i int) any { return chainOf(100) },
	"many texts":            func(i int) any { return strings.Split(strings.Repeat("word ", 300), " ") },
}

func TestSizes(t *testing.T) {
	for i := range commonHandles {
		a := netip.MustParseAddr(fmt.Sprintf("fe80::1%%common%d", i))
		if _, err := Keep(&a, math.MaxInt64); err != nil {
			t.Fatal(err)
		}
	}
	for name, sample := range samples {
		t.Run(name, func(t *testing.T) { checkSize(t, 150, sample) })
	}
}

// checkSize compares the computed size of n copies with the heap.
func checkSize(t *testing.T, n int, sample func(i int) any) {
	t.Helper()
	kept := make([]any, n)
	keep := func(i int) int64 {
		v := sample(i)
		size, err := Keep(&v, math.MaxInt64)
		if err != nil {
			t.Fatal(err)
		}
		if want := sample(i); !reflect.DeepEqual(v, want) && reflect.TypeOf(want) != reflect.TypeFor[[]time.Time]() {
			t.Fatalf("got %v, want %v", v, want)
		}
		kept[i] = v
		return size
	}
	for i := range n { // for what is made once for a type
		keep(i)
	}
	var account, measured int64
	for range 3 { // the runtime's own goroutines allocate now and then
		clear(kept)
		before := heap()
		account = 0
		for i := range kept {
			account += keep(i)
		}
		measured = heap() - before
		runtime.KeepAlive(kept)
		if off := account - measured; math.Abs(float64(off)) <= 0.08*float64(account)+16*float64(n) {
			return
		}
	}
	t.Errorf("account %d bytes, heap %d: %.2f of it", account, measured, float64(account)/float64(measured))
}

// heap returns the bytes in use after a collection.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// TestSizesOfAnything compares the computed size for values of random types.
func TestSizesOfAnything(t *testing.T) {
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		typ := randomType(rnd, 4)
		t.Run(fmt.Sprint(seed, typ), func(t *testing.T) {
			checkSize(t, 40, func(i int) any {
				rnd := rand.New(rand.NewPCG(seed, uint64(i)))
				v := reflect.New(typ).Elem()
				randomize(rnd, v, 2)
				return v.Interface()
			})
		})
	}
}

var scalars = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int8](), reflect.TypeFor[int32](), reflect.TypeFor[int](), reflect.TypeFor[float64](),
	reflect.TypeFor[string](), reflect.TypeFor[any](), reflect.TypeFor[time.Time](), reflect.TypeFor[struct{}](), reflect.TypeFor[complex128](),
}

// held are the types of values in interfaces. There are few, since package
// reflect never frees a type that it made.
var held = func() (types []reflect.Type) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 30 {
		types = append(types, randomType(rnd, 2))
	}
	return types
}()

func randomType(rnd *rand.Rand, depth int) reflect.Type {
	if depth == 0 {
		return scalars[rnd.IntN(len(scalars))]
	}
	switch rnd.IntN(6) {
	case 0:
		return reflect.PointerTo(randomType(rnd, depth-1))
	case 1:
		return reflect.SliceOf(randomType(rnd, depth-1))
	case 2:
		return reflect.ArrayOf(rnd.IntN(4), randomType(rnd, depth-1))
	case 3:
		return reflect.MapOf(scalars[rnd.IntN(6)], randomType(rnd, depth-1))
	case 4:
		var fields []reflect.StructField
		for i := range rnd.IntN(5) {
			fields = append(fields, reflect.StructField{Name: fmt.Sprint("F", i), Type: randomType(rnd, depth-1)})
		}
		return reflect.StructOf(fields)
	}
	return randomType(rnd, depth-1)
}

func randomize(rnd *rand.Rand, v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(rnd.IntN(2) == 0)
	case reflect.Int8, reflect.Int32, reflect.Int:
		v.SetInt(int64(rnd.IntN(100)))
	case reflect.Float64:
		v.SetFloat(rnd.Float64())
	case reflect.String:
		v.SetString(strings.Repeat("some text ", 100)[:rnd.IntN(100)])
	case reflect.Interface:
		if depth > 0 {
			inner := reflect.New(held[rnd.IntN(len(held))]).Elem()
			randomize(rnd, inner, depth-1)
			v.Set(inner)
		}
	case reflect.Pointer:
		if rnd.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			randomize(rnd, v.Elem(), depth)
		}
	case reflect.Slice:
		n := rnd.IntN(6)
		v.Set(reflect.MakeSlice(v.Type(), n, n+rnd.IntN(10)))
		randomizeAll(rnd, v, depth)
	case reflect.Array:
		randomizeAll(rnd, v, depth)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(rnd.Int64N(1e9), 0)))
			return
		}
		for i := range v.NumField() {
			randomize(rnd, v.Field(i), depth)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range rnd.IntN(12) {
			key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			randomize(rnd, key, depth)
			randomize(rnd, elem, depth)
			v.SetMapIndex(key, elem)
		}
	}
}

func randomizeAll(rnd *rand.Rand, v reflect.Value, depth int) {
	for i := range v.Len() {
		randomize(rnd, v.Index(i), depth)
	}
}
