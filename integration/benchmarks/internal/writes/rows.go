package writes

import (
	"fmt"
	"strconv"
	"time"
)

// Narrow is a row of four numbers.
type Narrow struct {
	ID         int64   `db:"id" bun:"id"`
	CustomerID int64   `db:"customer_id" bun:"customer_id"`
	Quantity   int32   `db:"quantity" bun:"quantity"`
	Price      float64 `db:"price" bun:"price"`
}

const narrowColumns = `
	id bigint NOT NULL, customer_id bigint NOT NULL, quantity integer NOT NULL, price double precision NOT NULL`

// Wide is a row of twenty columns.
type Wide struct {
	ID int64     `db:"id"`
	A1 int64     `db:"a1"`
	A2 int64     `db:"a2"`
	A3 int64     `db:"a3"`
	B1 int32     `db:"b1"`
	B2 int32     `db:"b2"`
	B3 int32     `db:"b3"`
	B4 int32     `db:"b4"`
	C1 float64   `db:"c1"`
	C2 float64   `db:"c2"`
	C3 float64   `db:"c3"`
	D1 bool      `db:"d1"`
	D2 bool      `db:"d2"`
	E1 time.Time `db:"e1"`
	E2 time.Time `db:"e2"`
	F1 string    `db:"f1"`
	F2 string    `db:"f2"`
	F3 string    `db:"f3"`
	F4 string    `db:"f4"`
	F5 string    `db:"f5"`
}

const wideColumns = `
	id bigint, a1 bigint, a2 bigint, a3 bigint, b1 integer, b2 integer, b3 integer, b4 integer,
	c1 double precision, c2 double precision, c3 double precision, d1 boolean, d2 boolean,
	e1 timestamptz, e2 timestamptz, f1 text, f2 text, f3 text, f4 text, f5 text`

// Nulls is a row with a third of its values NULL, except its key.
type Nulls struct {
	ID         int64      `db:"id"`
	CustomerID *int64     `db:"customer_id"`
	Quantity   *int32     `db:"quantity"`
	Price      *float64   `db:"price"`
	Paid       *bool      `db:"paid"`
	ShippedAt  *time.Time `db:"shipped_at"`
	Note       *string    `db:"note"`
}

const nullsColumns = `
	id bigint NOT NULL, customer_id bigint, quantity integer, price double precision, paid boolean,
	shipped_at timestamptz, note text`

// Model is the row of the public go-orm-benchmarks.
type Model struct {
	Name    string `db:"name" bun:"name"`
	Title   string `db:"title" bun:"title"`
	Fax     string `db:"fax" bun:"fax"`
	Web     string `db:"web" bun:"web"`
	Age     int64  `db:"age" bun:"age"`
	Right   bool   `db:"right" bun:"right"`
	Counter int64  `db:"counter" bun:"counter"`
}

const modelColumns = `
	name text NOT NULL, title text NOT NULL, fax text NOT NULL, web text NOT NULL,
	age bigint NOT NULL, "right" boolean NOT NULL, counter bigint NOT NULL`

// kind is a type of rows, with what peers without reflection need.
type kind[T any] struct {
	columns string // as CREATE TABLE has them
	names   []string
	values  func(*T) []any
	rows    func(n int) []T
}

var narrow = kind[Narrow]{
	columns: narrowColumns,
	names:   []string{"id", "customer_id", "quantity", "price"},
	values:  func(r *Narrow) []any { return []any{r.ID, r.CustomerID, r.Quantity, r.Price} },
	rows: func(n int) []Narrow {
		rows := make([]Narrow, n)
		for i := range rows {
			rows[i] = Narrow{int64(i) + 1, int64(i) % 50_000, int32(i) % 90, float64(i*7919%100_000) / 100}
		}
		return rows
	},
}

var wide = kind[Wide]{
	columns: wideColumns,
	names: []string{"id", "a1", "a2", "a3", "b1", "b2", "b3", "b4", "c1", "c2", "c3", "d1", "d2",
		"e1", "e2", "f1", "f2", "f3", "f4", "f5"},
	values: func(r *Wide) []any {
		return []any{r.ID, r.A1, r.A2, r.A3, r.B1, r.B2, r.B3, r.B4, r.C1, r.C2, r.C3, r.D1, r.D2,
			r.E1, r.E2, r.F1, r.F2, r.F3, r.F4, r.F5}
	},
	rows: func(n int) []Wide {
		start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
		rows := make([]Wide, n)
		for i := range rows {
			v, s := int64(i), strconv.Itoa(i)
			rows[i] = Wide{
				ID: v + 1, A1: v % 10, A2: v % 1000, A3: -v, B1: int32(v), B2: int32(v % 7), B3: 3, B4: 4,
				C1: float64(i) / 3, C2: 2.5, C3: -1, D1: i%2 == 0, D2: i%3 == 0,
				E1: start.Add(time.Duration(i) * time.Second), E2: start.Add(time.Duration(i) * time.Minute),
				F1: "customer " + s, F2: "city " + s, F3: "new", F4: "left with the neighbour", F5: "REF-" + s,
			}
		}
		return rows
	},
}

var nulls = kind[Nulls]{
	columns: nullsColumns,
	names:   []string{"id", "customer_id", "quantity", "price", "paid", "shipped_at", "note"},
	values: func(r *Nulls) []any {
		return []any{r.ID, r.CustomerID, r.Quantity, r.Price, r.Paid, r.ShippedAt, r.Note}
	},
	rows: func(n int) []Nulls {
		start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
		rows := make([]Nulls, n)
		for i := range rows {
			rows[i] = Nulls{
				ID:         int64(i) + 1,
				CustomerID: unlessThird(i, int64(i)%50_000),
				Quantity:   unlessThird(i+1, int32(i)%90),
				Price:      unlessThird(i+2, float64(i*7919%100_000)/100),
				Paid:       unlessThird(i/3, i%2 == 0),
				ShippedAt:  unlessThird(i/3+1, start.Add(time.Duration(i)*time.Minute)),
				Note:       unlessThird(i/3+2, "left with the neighbour "+strconv.Itoa(i%100)),
			}
		}
		return rows
	},
}

var models = kind[Model]{
	columns: modelColumns,
	names:   []string{"name", "title", "fax", "web", "age", "right", "counter"},
	values: func(r *Model) []any {
		return []any{r.Name, r.Title, r.Fax, r.Web, r.Age, r.Right, r.Counter}
	},
	rows: func(n int) []Model {
		rows := make([]Model, n)
		for i := range rows {
			rows[i] = Model{"Orm Benchmark", "Just a Benchmark for fun", "99909990", "https://example.org/benchmark", 100, true, 1000}
		}
		return rows
	},
}

// unlessThird is nil for every third i.
func unlessThird[V any](i int, v V) *V {
	if i%3 == 0 {
		return nil
	}
	return &v
}

// csv is the rows as a file with a header.
func csv(rows []Narrow) []byte {
	b := []byte("id,customer_id,quantity,price\n")
	for _, r := range rows {
		b = fmt.Appendf(b, "%d,%d,%d,%v\n", r.ID, r.CustomerID, r.Quantity, r.Price)
	}
	return b
}
