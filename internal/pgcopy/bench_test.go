package pgcopy

import (
	"io"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
)

// BenchmarkNarrow compares the client's work per row: ours, and what
// pgx.CopyFrom does with the same rows (values boxed, each through its plan).
func BenchmarkNarrow(b *testing.B) {
	const n = 10_000
	rows := narrowRows(n)
	e := compile[narrow](b, narrowColumns)
	buf := make([]byte, 65531)
	read := func(b *testing.B, s Stream) {
		for {
			if _, err := s.Read(buf); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
		s.Close()
	}
	b.Run("slice", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			read(b, OfSlice(e, rows))
		}
		perRow(b, n)
	})
	b.Run("seq", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			read(b, OfSeq(e, all(rows)))
		}
		perRow(b, n)
	})
	b.Run("pgx", func(b *testing.B) {
		m := pgtype.NewMap()
		b.ReportAllocs()
		for b.Loop() {
			out := buf[:0]
			for _, r := range rows {
				for i, v := range []any{r.ID, r.Name, r.Score, r.At} {
					out, _ = appendValue(m, out, narrowColumns[i].OID, v)
				}
				if len(out) > 60_000 {
					out = out[:0]
				}
			}
		}
		perRow(b, n)
	})
}

func perRow(b *testing.B, rows int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
}
