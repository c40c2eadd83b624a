package stmtstats

import (
	"testing"
	"time"

	"github.com/headrace/headrace/internal/sqltext"
)

// BenchmarkCount measures counting the same statement on every core.
func BenchmarkCount(b *testing.B) {
	stats := NewTable().Of(sqltext.Analyze("SELECT 1"), "")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for took := 100 * time.Microsecond; pb.Next(); took += time.Microsecond {
			stats.Add(Call{Took: took % time.Millisecond, Rows: 1})
		}
	})
}
