package stmtstats

import (
	"testing"
	"time"

	"github.com/headrace/headrace/internal/sqltext"
)

// What counting costs a statement, where every core runs the same one.
func BenchmarkCount(b *testing.B) {
	stats := NewTable().Of(sqltext.Analyze("SELECT 1"), "")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for took := 100 * time.Microsecond; pb.Next(); took += time.Microsecond {
			stats.Add(took%time.Millisecond, 0, 1, nil)
		}
	})
}
