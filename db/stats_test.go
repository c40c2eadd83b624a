package db

import (
	"testing"
	"time"
)

// What counting costs a statement, where every core runs the same one.
func BenchmarkCount(b *testing.B) {
	stats := newStatementTable().get("SELECT 1").stats
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for took := 100 * time.Microsecond; pb.Next(); took += time.Microsecond {
			stats.add(took%time.Millisecond, 0, 1, nil)
		}
	})
}
