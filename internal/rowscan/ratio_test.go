//go:build unix

package rowscan_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// BenchmarkRatio compares the readers by the CPU time of the process (including
// the garbage collector), in rounds that run each of them in shuffled order, so
// that other load affects all of them alike. It reports the median of the
// rounds: each reader's time relative to headrace's, and headrace's relative to
// the floor's.
func BenchmarkRatio(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		conn := connect(b, n)
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			ratios := make(map[string][]float64)
			for b.Loop() {
				spent := round(b, conn, n)
				for name, d := range spent {
					ratios[name+"/headrace"] = append(ratios[name+"/headrace"], float64(d)/float64(spent["headrace"]))
				}
				ratios["headrace/floor"] = append(ratios["headrace/floor"], float64(spent["headrace"])/float64(spent["floor"]))
				ratios["byname/cold"] = append(ratios["byname/cold"], float64(spent["byname"])/float64(spent["headrace-cold"]))
				ratios["scan/cold"] = append(ratios["scan/cold"], float64(spent["scan"])/float64(spent["headrace-cold"]))
			}
			for _, name := range []string{"byname/headrace", "scan/headrace", "scan-prealloc/headrace", "headrace/floor", "byname/cold", "scan/cold"} {
				b.ReportMetric(median(ratios[name]), name)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// round returns the CPU time of each reader for the same number of reads.
func round(b *testing.B, conn *pgx.Conn, n int) map[string]time.Duration {
	spent := make(map[string]time.Duration)
	for _, i := range rand.Perm(len(readers)) {
		r := readers[i]
		start := processCPU(b)
		for range max(40_000/n, 1) {
			if got, err := r.read(query(b, conn), n); err != nil || got != n {
				b.Fatalf("%s: read %d rows of %d: %v", r.name, got, n, err)
			}
		}
		spent[r.name] = processCPU(b) - start
	}
	return spent
}

func processCPU(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
