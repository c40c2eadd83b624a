package writes

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/parquet-go/parquet-go"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/batchinsert/parquetsource"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

// A flight is a row of the file, as parquet-go reads it.
type flight struct {
	Date        time.Time `parquet:"date"`
	Delay       int64     `parquet:"delay"`
	Distance    int64     `parquet:"distance"`
	Origin      string    `parquet:"origin"`
	Destination string    `parquet:"destination"`
}

var flights = kind[struct{}]{
	columns: "date timestamp, delay bigint, distance bigint, origin text, destination text",
	names:   []string{"date", "delay", "distance", "origin", "destination"},
}

// Flights loads the first rows of a Parquet file of flights, reading it
// included.
func Flights(t Target, path string, rows int) measure.Work {
	// The rows are in the file: here they are only counted.
	j := job[struct{}]{name: "load/flights", kind: flights, rows: make([]struct{}, rows)}
	return j.work(headraceFlights(t, j, path), pgxFlights(t, j, path))
}

func headraceFlights(t Target, j job[struct{}], path string) measure.Subject {
	return subject(t, j, "headrace", openDB, func(ctx context.Context, pg *db.DB, table string) (seen measure.Seen, err error) {
		file, size, err := openFile(path)
		if err != nil {
			return seen, err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		f, err := parquetsource.Open(file, size, nil)
		if err != nil {
			return seen, err
		}
		records, err := f.Records(path)
		if err != nil {
			return seen, err
		}
		report, err := batchinsert.Load(ctx, pg, table, first(records, len(j.rows)), nil)
		return wrote(report.Rows), err
	})
}

// first is the beginning of an input.
func first(r batchinsert.Records, n int) batchinsert.Records {
	all := r.Rows
	r.Total = int64(n)
	r.Rows = func(yield func([]any, error) bool) {
		left := n
		for row, err := range all {
			if left--; !yield(row, err) || left <= 0 {
				return
			}
		}
	}
	return r
}

func pgxFlights(t Target, j job[struct{}], path string) measure.Subject {
	return subject(t, j, "pgx-copyfrom", openPool, func(ctx context.Context, pool *pgxpool.Pool, table string) (seen measure.Seen, err error) {
		file, _, err := openFile(path)
		if err != nil {
			return seen, err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		source := &flightSource{reader: parquet.NewGenericReader[flight](file), left: len(j.rows)}
		defer func() { err = errors.Join(err, source.reader.Close()) }()
		n, err := pool.CopyFrom(ctx, pgx.Identifier{table}, j.kind.names, source)
		return wrote(n), err
	})
}

// flightSource is a file as a pgx.CopyFromSource: what a program writes that has
// parquet-go and pgx.
type flightSource struct {
	reader *parquet.GenericReader[flight]
	left   int // rows to give
	buf    [1024]flight
	rows   []flight // of buf, the current one first
	err    error
}

func (s *flightSource) Next() bool {
	if s.left--; s.left < 0 {
		return false
	}
	if len(s.rows) > 1 {
		s.rows = s.rows[1:]
		return true
	}
	n, err := s.reader.Read(s.buf[:])
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	s.rows = s.buf[:n]
	return n > 0 && s.err == nil
}

func (s *flightSource) Values() ([]any, error) {
	r := &s.rows[0]
	return []any{r.Date, r.Delay, r.Distance, r.Origin, r.Destination}, nil
}

func (s *flightSource) Err() error { return s.err }

func openFile(path string) (*os.File, int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}
