package shop

import "time"

// Order10 is the first ten columns of orders.
type Order10 struct {
	ID         int64     `db:"id"`
	CustomerID int64     `db:"customer_id"`
	Status     string    `db:"status"`
	City       string    `db:"city"`
	Quantity   int32     `db:"quantity"`
	Priority   int16     `db:"priority"`
	Price      float64   `db:"price"`
	Paid       bool      `db:"paid"`
	CreatedAt  time.Time `db:"created_at"`
	UpdatedAt  time.Time `db:"updated_at"`
}

// Order12 is twelve columns of orders.
type Order12 struct {
	ID         int64     `db:"id"`
	CustomerID int64     `db:"customer_id"`
	Status     string    `db:"status"`
	City       string    `db:"city"`
	Quantity   int32     `db:"quantity"`
	Priority   int16     `db:"priority"`
	Price      float64   `db:"price"`
	Paid       bool      `db:"paid"`
	CreatedAt  time.Time `db:"created_at"`
	UpdatedAt  time.Time `db:"updated_at"`
	Note       string    `db:"note"`
	Reference  string    `db:"reference"`
}

// Product is a wide row with NULLs, arrays and json.
type Product struct {
	ID          int64      `db:"id"`
	Name        string     `db:"name"`
	Description *string    `db:"description"`
	Supplier    *string    `db:"supplier"`
	Tags        []string   `db:"tags" bun:",array"`
	Ratings     []float64  `db:"ratings" bun:",array"`
	Sizes       []int32    `db:"sizes" bun:",array"`
	Attributes  Attributes `db:"attributes" bun:"type:jsonb"`
	Weight      float32    `db:"weight"`
	Discount    *float64   `db:"discount"`
	Stock       int32      `db:"stock"`
	Minimum     *int32     `db:"minimum"`
	Active      bool       `db:"active"`
	Featured    bool       `db:"featured"`
	Rank        int16      `db:"rank"`
	Views       int64      `db:"views"`
	Released    time.Time  `db:"released"`
	CreatedAt   time.Time  `db:"created_at"`
	UpdatedAt   time.Time  `db:"updated_at"`
	RetiredAt   *time.Time `db:"retired_at"`
}

// Attributes is the json of a product.
type Attributes struct {
	Color    string   `json:"color"`
	Width    int      `json:"width"`
	Features []string `json:"features"`
}
