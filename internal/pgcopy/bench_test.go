package pgcopy

import (
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

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

// wideRow has twenty columns, nullsRow pointers of which a third is nil.
type (
	wideRow struct {
		ID, A1, A2, A3 int64
		B1, B2, B3, B4 int32
		C1, C2, C3     float64
		D1, D2         bool
		E1, E2         time.Time
		F1, F2, F3, F4 string
		F5             string
	}
	nullsRow struct {
		ID    int64
		Buyer *int64
		Size  *int32
		Price *float64
		Paid  *bool
		At    *time.Time
		Note  *string
	}
)

// BenchmarkRows encodes rows of the commonest types.
func BenchmarkRows(b *testing.B) {
	const n = 1000
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	wide, nulls := make([]wideRow, n), make([]nullsRow, n)
	for i := range n {
		v := int64(i)
		wide[i] = wideRow{
			ID: v, A1: v, A2: v, A3: -v, B1: 1, B2: 2, B3: 3, B4: 4, C1: 0.3, C2: 2.5, C3: -1, D1: true,
			E1: at, E2: at.Add(time.Hour), F1: "customer 123456", F2: "city 12345", F3: "new", F4: "left with the neighbour", F5: "REF-123456",
		}
		size, price, paid, note := int32(i), 0.5, true, "left with the neighbour 12"
		nulls[i] = nullsRow{v, &v, &size, &price, &paid, &at, &note}
		switch i % 3 {
		case 0:
			nulls[i].Buyer, nulls[i].Paid = nil, nil
		case 1:
			nulls[i].Size, nulls[i].At = nil, nil
		default:
			nulls[i].Price, nulls[i].Note = nil, nil
		}
	}
	b.Run("wide", func(b *testing.B) { benchmarkAppend(b, wide) })
	b.Run("nulls", func(b *testing.B) { benchmarkAppend(b, nulls) })
}

func benchmarkAppend[T any](b *testing.B, rows []T) {
	oids := map[string]uint32{
		"int64": pgtype.Int8OID, "int32": pgtype.Int4OID, "float64": pgtype.Float8OID, "bool": pgtype.BoolOID,
		"time.Time": pgtype.TimestamptzOID, "string": pgtype.TextOID,
	}
	fields, err := Fields(reflect.TypeFor[T]())
	if err != nil {
		b.Fatal(err)
	}
	columns := make([]Column, len(fields))
	for i, f := range fields {
		columns[i] = Column{Name: f.Name, OID: oids[strings.TrimPrefix(f.Type.String(), "*")]}
	}
	e, err := Compile[T](pgtype.NewMap(), columns, fields)
	if err != nil {
		b.Fatal(err)
	}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = buf[:0]
		for i := range rows {
			if buf, err = e.Append(buf, &rows[i]); err != nil {
				b.Fatal(err)
			}
		}
	}
	perRow(b, len(rows))
}

func perRow(b *testing.B, rows int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
}
