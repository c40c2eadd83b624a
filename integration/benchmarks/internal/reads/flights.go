package reads

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/parquet-go/parquet-go"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

// flights are real rows, many of which have the same delay and distance.
var flights = paged[flightRow]{
	table: "flights",
	sql:   "SELECT id, date, delay, distance, origin, destination FROM flights",
	id:    func(row *flightRow) int64 { return row.ID },
	orders: []pageOrder{
		{"flights/unique", db.Pager{Keys: []db.Order{db.Asc("id")}}, "id"},
		{"flights/nullable", db.Pager{Keys: []db.Order{db.Asc("delay"), db.Asc("id")}}, "delay, id"},
		{"flights/mixed", db.Pager{Keys: []db.Order{db.Desc("distance").NotNull(), db.Asc("id")}}, "distance DESC, id"},
	},
}

type flightRow struct {
	ID int64
	flight
}

// A flight is a row of the file, as parquet-go reads it.
type flight struct {
	Date        time.Time `parquet:"date"`
	Delay       *int64    `parquet:"delay"`
	Distance    int64     `parquet:"distance"`
	Origin      string    `parquet:"origin"`
	Destination string    `parquet:"destination"`
}

// FillFlights makes a table of the first rows of a Parquet file of flights.
func FillFlights(ctx context.Context, connString, path string, rows int) (err error) {
	conn, err := pgx.Connect(ctx, connString)
	if err != nil {
		return fmt.Errorf("fill flights: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	const table = `
		CREATE TABLE flights (id bigint PRIMARY KEY, date timestamp NOT NULL, delay bigint, distance bigint NOT NULL,
			origin text NOT NULL, destination text NOT NULL)`
	if _, err := conn.Exec(ctx, table); err != nil {
		return fmt.Errorf("create flights: %w", err)
	}
	if err := copyFlights(ctx, conn, path, rows); err != nil {
		return fmt.Errorf("fill flights from %s: %w", path, err)
	}
	for _, sql := range []string{
		"CREATE INDEX ON flights (delay, id)", "CREATE INDEX ON flights (distance DESC, id)", "VACUUM ANALYZE flights",
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("fill flights: %w", err)
		}
	}
	return nil
}

func copyFlights(ctx context.Context, conn *pgx.Conn, path string, rows int) (err error) {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	reader := parquet.NewGenericReader[flight](file)
	defer func() { err = errors.Join(err, reader.Close()) }()

	buf, id := make([]flight, 1024), 0
	var read []flight // of buf, not given yet
	_, err = conn.CopyFrom(ctx, pgx.Identifier{flights.table}, []string{"id", "date", "delay", "distance", "origin", "destination"},
		pgx.CopyFromFunc(func() ([]any, error) {
			if len(read) == 0 {
				n, err := reader.Read(buf)
				if err != nil && !errors.Is(err, io.EOF) {
					return nil, err
				}
				read = buf[:n]
			}
			if len(read) == 0 || id == rows {
				return nil, nil
			}
			row := read[0]
			read, id = read[1:], id+1
			return []any{id, row.Date, row.Delay, row.Distance, row.Origin, row.Destination}, nil
		}))
	return err
}

// FlightPageNames returns the names of FlightPages, for use before the table
// exists.
func FlightPageNames(number int) []string { return flights.names(number) }

// FlightPages returns the works of Pages on flights.
func FlightPages(ctx context.Context, t Target, number int) ([]measure.Work, error) {
	return flights.works(ctx, t, number)
}
