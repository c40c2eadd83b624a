package reads

import (
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/benchmarks/internal/shop"
)

// shape is a statement and the type that its rows become.
type shape[T any] struct {
	table, columns string
	rows           int
	id             func(*T) int64
	scan           func(scanner, *T) error // as written by hand
}

// scanner is one row.
type scanner interface{ Scan(dest ...any) error }

// sql reads the first rows by their key; $1 is how many.
func (s shape[T]) sql() string {
	return "SELECT " + s.columns + " FROM " + s.table + " ORDER BY id LIMIT $1"
}

// sqlByID reads one row; $1 is its key.
func (s shape[T]) sqlByID() string {
	return "SELECT " + s.columns + " FROM " + s.table + " WHERE id = $1"
}

// expect is what a read of sql must have seen: keys count from 1.
func (s shape[T]) expect() measure.Seen {
	return measure.Seen{Rows: s.rows, Last: int64(s.rows)}
}

// saw returns the evidence of rows.
func (s shape[T]) saw(rows []T) measure.Seen {
	if len(rows) == 0 {
		return measure.Seen{}
	}
	return measure.Seen{Rows: len(rows), Last: s.id(&rows[len(rows)-1])}
}

// oneID is the key of the row that read/1 reads.
const oneID int64 = 4711

func (s shape[T]) sawOne(row *T) measure.Seen { return measure.Seen{Rows: 1, Last: s.id(row)} }

const columns10 = "id, customer_id, status, city, quantity, priority, price, paid, created_at, updated_at"

func orders10(rows int) shape[shop.Order10] {
	return shape[shop.Order10]{
		table: "orders", columns: columns10, rows: rows,
		id: func(o *shop.Order10) int64 { return o.ID },
		scan: func(row scanner, o *shop.Order10) error {
			return row.Scan(&o.ID, &o.CustomerID, &o.Status, &o.City, &o.Quantity,
				&o.Priority, &o.Price, &o.Paid, &o.CreatedAt, &o.UpdatedAt)
		},
	}
}

func orders12(rows int) shape[shop.Order12] {
	return shape[shop.Order12]{
		table: "orders", columns: columns10 + ", note, reference", rows: rows,
		id: func(o *shop.Order12) int64 { return o.ID },
		scan: func(row scanner, o *shop.Order12) error {
			return row.Scan(&o.ID, &o.CustomerID, &o.Status, &o.City, &o.Quantity,
				&o.Priority, &o.Price, &o.Paid, &o.CreatedAt, &o.UpdatedAt, &o.Note, &o.Reference)
		},
	}
}

const productColumns = "id, name, description, supplier, tags, ratings, sizes, attributes, weight, discount, " +
	"stock, minimum, active, featured, rank, views, released, created_at, updated_at, retired_at"

func products(rows int) shape[shop.Product] {
	return shape[shop.Product]{
		table: "products", columns: productColumns, rows: rows,
		id: func(p *shop.Product) int64 { return p.ID },
		scan: func(row scanner, p *shop.Product) error {
			return row.Scan(&p.ID, &p.Name, &p.Description, &p.Supplier, &p.Tags, &p.Ratings, &p.Sizes,
				&p.Attributes, &p.Weight, &p.Discount, &p.Stock, &p.Minimum, &p.Active, &p.Featured,
				&p.Rank, &p.Views, &p.Released, &p.CreatedAt, &p.UpdatedAt, &p.RetiredAt)
		},
	}
}

// sqlProducts is products for readers on database/sql; it has no handwritten
// scan.
func sqlProducts(rows int) shape[shop.SQLProduct] {
	return shape[shop.SQLProduct]{
		table: "products", columns: productColumns, rows: rows,
		id: func(p *shop.SQLProduct) int64 { return p.ID },
	}
}
