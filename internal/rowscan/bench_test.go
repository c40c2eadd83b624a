package rowscan_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/rowscan"
	"github.com/headrace/headrace/internal/rowscan/replay"
	"github.com/headrace/headrace/internal/rowscan/replay/wire"
)

// An order is a row of the benchmarks: 12 columns, 144 bytes, and about 85
// bytes of text.
type order struct {
	ID        int64
	Customer  int64
	Region    int32
	Priority  int16
	Paid      bool
	Total     float64
	Name      string
	Email     string
	Status    string
	Note      string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// targets returns the targets of a hand-written Scan.
func (o *order) targets() []any {
	return []any{&o.ID, &o.Customer, &o.Region, &o.Priority, &o.Paid, &o.Total, &o.Name, &o.Email, &o.Status, &o.Note, &o.CreatedAt, &o.UpdatedAt}
}

// orders records n rows.
func orders(tb testing.TB, n int) *replay.Recording {
	columns := []struct {
		name  string
		oid   uint32
		value func(i int) any
	}{
		{"id", pgtype.Int8OID, func(i int) any { return int64(i) }},
		{"customer", pgtype.Int8OID, func(i int) any { return int64(i) * 7919 }},
		{"region", pgtype.Int4OID, func(i int) any { return int32(i % 50) }},
		{"priority", pgtype.Int2OID, func(i int) any { return int16(i % 5) }},
		{"paid", pgtype.BoolOID, func(i int) any { return i%3 == 0 }},
		{"total", pgtype.Float8OID, func(i int) any { return math.Sqrt(float64(i)) }},
		{"name", pgtype.TextOID, func(i int) any { return fmt.Sprintf("Customer number %06d", i) }},
		{"email", pgtype.TextOID, func(i int) any { return fmt.Sprintf("customer%06d@example.com", i) }},
		{"status", pgtype.VarcharOID, func(i int) any { return []string{"open", "shipped", "returned"}[i%3] }},
		{"note", pgtype.TextOID, func(i int) any { return fmt.Sprintf("leave at the back door, bell %03d", i%1000) }},
		{"created_at", pgtype.TimestamptzOID, func(i int) any { return time.Unix(1.7e9+int64(i), 123456000) }},
		{"updated_at", pgtype.TimestamptzOID, func(i int) any { return time.Unix(1.7e9+int64(i)*2, 654321000) }},
	}
	m := pgtype.NewMap()
	fields := make([]pgconn.FieldDescription, len(columns))
	for i, c := range columns {
		fields[i] = pgconn.FieldDescription{Name: c.name, DataTypeOID: c.oid, Format: m.FormatCodeForOID(c.oid)}
	}
	rec := replay.NewRecorder(fields, 0)
	values := make([][]byte, len(columns))
	for i := range n {
		for j, c := range columns {
			value, err := m.Encode(c.oid, fields[j].Format, c.value(i), nil)
			if err != nil {
				tb.Fatal(err)
			}
			values[j] = value
		}
		if err := rec.Add(values); err != nil {
			tb.Fatal(err)
		}
	}
	return rec.Finish(pgconn.NewCommandTag(fmt.Sprintf("SELECT %d", n)))
}

const selectOrders = "SELECT * FROM orders"

// connect returns a connection to a server in memory that answers selectOrders
// with n rows.
func connect(tb testing.TB, n int) *pgx.Conn {
	var backend wire.Backend
	backend.Answer(selectOrders, orders(tb, n))
	conn, err := pgx.ConnectConfig(context.Background(), backend.Config())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// query runs selectOrders.
func query(tb testing.TB, conn *pgx.Conn) pgx.Rows {
	rows, err := conn.Query(context.Background(), selectOrders)
	if err != nil {
		tb.Fatal(err)
	}
	return rows
}

// readers are the compared ways to read all orders.
var readers = []struct {
	name string
	read func(rows pgx.Rows, n int) (int, error)
}{
	{"headrace", readDecoder},
	{"headrace-cold", readCold},
	{"floor", readFloor},
	{"byname", readByName},
	{"scan", readScan},
	{"scan-prealloc", readPreallocated},
}

var orderDecoder, _ = rowscan.New[order]()

func readDecoder(rows pgx.Rows, _ int) (int, error) {
	all, err := orderDecoder.All(rows, 0)
	return len(all), err
}

// readCold reads a shape for the first time: no plan, no expectation.
func readCold(rows pgx.Rows, _ int) (int, error) {
	d, err := rowscan.New[order]()
	if err != nil {
		return 0, err
	}
	all, err := d.All(rows, 0)
	return len(all), err
}

// readFloor is the lower bound for readers through pgx.Rows.
func readFloor(rows pgx.Rows, _ int) (n int, err error) {
	for rows.Next() {
		if rows.RawValues() != nil {
			n++
		}
	}
	return n, rows.Err()
}

func readByName(rows pgx.Rows, _ int) (int, error) {
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[order])
	return len(all), err
}

func readScan(rows pgx.Rows, _ int) (int, error) {
	defer rows.Close()
	var all []order
	for rows.Next() {
		var o order
		if err := rows.Scan(&o.ID, &o.Customer, &o.Region, &o.Priority, &o.Paid, &o.Total, &o.Name, &o.Email, &o.Status, &o.Note, &o.CreatedAt, &o.UpdatedAt); err != nil {
			return 0, err
		}
		all = append(all, o)
	}
	return len(all), rows.Err()
}

func readPreallocated(rows pgx.Rows, n int) (int, error) {
	defer rows.Close()
	all := make([]order, 0, n)
	for rows.Next() {
		all = all[:len(all)+1]
		o := &all[len(all)-1]
		if err := rows.Scan(&o.ID, &o.Customer, &o.Region, &o.Priority, &o.Paid, &o.Total, &o.Name, &o.Email, &o.Status, &o.Note, &o.CreatedAt, &o.UpdatedAt); err != nil {
			return 0, err
		}
	}
	return len(all), rows.Err()
}

func BenchmarkAll(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		conn := connect(b, n)
		for _, r := range readers {
			b.Run(fmt.Sprintf("%s/rows=%d", r.name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if got, err := r.read(query(b, conn), n); err != nil || got != n {
						b.Fatalf("read %d rows of %d: %v", got, n, err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/row")
			})
		}
	}
}

func BenchmarkOne(b *testing.B) {
	conn := connect(b, 1)
	b.Run("headrace", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := orderDecoder.One(query(b, conn)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("byname", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := pgx.CollectExactlyOneRow(query(b, conn), pgx.RowToStructByName[order]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("scan", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var o order
			if err := conn.QueryRow(context.Background(), selectOrders).Scan(o.targets()...); err != nil {
				b.Fatal(err)
			}
		}
	})
}
