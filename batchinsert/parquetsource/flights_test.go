package parquetsource

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
)

// flights is a file of 3,000,000 rows beside the repository, where it is there.
var flights = filepath.Join("..", "..", "..", "shared", "data", "flights-3m.parquet")

// TestFlights reads a file of another writer (Polars).
func TestFlights(t *testing.T) {
	t.Parallel()
	file, err := os.Open(flights)
	if err != nil {
		t.Logf("not there, so not read: %v", err)
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(file, info.Size(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Records("flights", "date", "delay", "distance", "origin")
	if err != nil {
		t.Fatal(err)
	}
	var rows, distance int64
	for row, err := range r.Rows {
		if err != nil {
			t.Fatal(err)
		}
		if rows == 0 && (row[0].(pgtype.Timestamp).Time != at(2001, 1, 1, 0, 1, 0, 0) || row[3] != "LAS") {
			t.Errorf("first row %v", row)
		}
		rows++
		distance += row[2].(int64)
	}
	if rows != 3_000_000 || rows != r.Total || distance == 0 {
		t.Errorf("%d rows, %d miles", rows, distance)
	}
}

func BenchmarkFlights(b *testing.B) {
	file, err := os.Open(flights)
	if err != nil {
		b.Skip(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		f, err := Open(file, info.Size(), nil)
		if err != nil {
			b.Fatal(err)
		}
		r, err := f.Records("flights")
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range r.Rows {
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(r.Total)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	}
}
