package cached

import (
	"bufio"
	"container/heap"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// A trace is a sequence of requests. Keys are numbered from 0.
type trace struct {
	keys   []uint32
	warmUp int    // the number of first requests that are not counted
	once   uint32 // keys from here on are requested once and not counted
}

const (
	zipfS, zipfV  = 1.01, 1
	zipfKeys      = 1_000_000
	zipfRequests  = 6_000_000
	zipfEntries   = 50_000
	scanRequests  = 12_000_000
	between, scan = 1000, 2000 // so many Zipf requests, then so many that come once
)

// zipfTrace is requests by Zipf's law, the first third to warm up. With scans
// two thirds of them are for keys that come once. All counts are divided.
func zipfTrace(requests, divisor int, scans bool) trace {
	requests /= divisor
	keys := uint32(zipfKeys / divisor)
	zipf := rand.NewZipf(rand.New(rand.NewPCG(3, 3)), zipfS, zipfV, uint64(keys-1))
	t := trace{keys: make([]uint32, requests), warmUp: requests / 3, once: keys}
	next := keys
	for i := range t.keys {
		if scans && i%(between+scan) >= between {
			t.keys[i] = next
			next++
			continue
		}
		t.keys[i] = uint32(zipf.Uint64())
	}
	return t
}

// readTrace reads a trace as N. Megiddo and D. Modha published those of "ARC: A
// Self-Tuning, Low Overhead Replacement Cache" (USENIX FAST 2003): each line
// has a first page, a number of pages, and more that does not matter here. All
// requests count, as they do there.
func readTrace(path string) (_ trace, err error) {
	file, err := os.Open(path)
	if err != nil {
		return trace{}, err
	}
	defer func() { _ = file.Close() }()
	plain, err := zstd.NewReader(file)
	if err != nil {
		return trace{}, err
	}
	defer plain.Close()
	numbers := make(map[uint64]uint32)
	var t trace
	lines := bufio.NewScanner(plain)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			return trace{}, fmt.Errorf("%s: line %q", path, lines.Text())
		}
		first, err := strconv.ParseUint(fields[0], 10, 64)
		if err != nil {
			return trace{}, fmt.Errorf("%s: first page: %w", path, err)
		}
		pages, err := strconv.ParseUint(fields[1], 10, 16)
		if err != nil {
			return trace{}, fmt.Errorf("%s: number of pages: %w", path, err)
		}
		for page := first; page < first+pages; page++ {
			number, known := numbers[page]
			if !known {
				number = uint32(len(numbers))
				numbers[page] = number
			}
			t.keys = append(t.keys, number)
		}
	}
	t.once = uint32(len(numbers))
	return t, lines.Err()
}

// ratio returns how many of the counted requests hit.
func (t trace) ratio(hit func(request int, key uint32) (bool, error)) (float64, error) {
	hits, counted := 0, 0
	for i, key := range t.keys {
		was, err := hit(i, key)
		if err != nil {
			return 0, err
		}
		if i < t.warmUp || key >= t.once {
			continue
		}
		counted++
		if was {
			hits++
		}
	}
	return float64(hits) / float64(counted), nil
}

// belady returns the greatest possible ratio with so many entries: it evicts
// the key whose next request is last, even the current one (L. A. Belady, IBM
// Systems Journal 5, 1966).
func (t trace) belady(entries int) float64 {
	const never = -1
	next := make([]int32, len(t.keys)) // the next request for the key
	last := make(map[uint32]int32)
	for i := len(t.keys) - 1; i >= 0; i-- {
		later, again := last[t.keys[i]]
		if !again {
			later = never
		}
		next[i], last[t.keys[i]] = later, int32(i)
	}
	kept := make([]bool, len(t.keys)) // whether this request will hit
	var latest latestFirst            // requests that will hit, and some that are past
	held := 0
	ratio, _ := t.ratio(func(i int, _ uint32) (bool, error) {
		if kept[i] {
			held--
		}
		if next[i] != never {
			kept[next[i]] = true
			heap.Push(&latest, next[i])
			if held++; held > entries {
				kept[heap.Pop(&latest).(int32)] = false
				held--
			}
		}
		return kept[i], nil
	})
	return ratio
}

// latestFirst is a heap.
type latestFirst []int32

func (l latestFirst) Len() int           { return len(l) }
func (l latestFirst) Less(i, j int) bool { return l[i] > l[j] }
func (l latestFirst) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }

// Push implements heap.Interface.
func (l *latestFirst) Push(x any) { *l = append(*l, x.(int32)) }

// Pop implements heap.Interface.
func (l *latestFirst) Pop() any {
	end := len(*l) - 1
	x := (*l)[end]
	*l = (*l)[:end]
	return x
}
