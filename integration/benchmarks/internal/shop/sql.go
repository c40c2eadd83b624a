package shop

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// SQLProduct is Product for readers on database/sql, which knows neither arrays
// nor json: such programs use types that scan themselves.
type SQLProduct struct {
	ID          int64            `db:"id"`
	Name        string           `db:"name"`
	Description *string          `db:"description"`
	Supplier    *string          `db:"supplier"`
	Tags        Array[string]    `db:"tags"`
	Ratings     Array[float64]   `db:"ratings"`
	Sizes       Array[int32]     `db:"sizes"`
	Attributes  JSON[Attributes] `db:"attributes"`
	Weight      float32          `db:"weight"`
	Discount    *float64         `db:"discount"`
	Stock       int32            `db:"stock"`
	Minimum     *int32           `db:"minimum"`
	Active      bool             `db:"active"`
	Featured    bool             `db:"featured"`
	Rank        int16            `db:"rank"`
	Views       int64            `db:"views"`
	Released    time.Time        `db:"released"`
	CreatedAt   time.Time        `db:"created_at"`
	UpdatedAt   time.Time        `db:"updated_at"`
	RetiredAt   *time.Time       `db:"retired_at"`
}

// Array scans an array column through database/sql, by pgx's own scanner.
type Array[T any] []T

// types is only read; one goroutine at a time scans in these benchmarks.
var types = pgtype.NewMap()

// Scan implements sql.Scanner.
func (a *Array[T]) Scan(src any) error { return types.SQLScanner((*[]T)(a)).Scan(src) }

// JSON scans a json column through database/sql.
type JSON[T any] struct{ Value T }

// Scan implements sql.Scanner.
func (j *JSON[T]) Scan(src any) error {
	switch src := src.(type) {
	case []byte:
		return json.Unmarshal(src, &j.Value)
	case string:
		return json.Unmarshal([]byte(src), &j.Value)
	}
	return fmt.Errorf("scan json: cannot read %T", src)
}

// GormDataType keeps gorm from asking what a slice is in the database.
func (Array[T]) GormDataType() string { return "array" }

// GormDataType likewise.
func (JSON[T]) GormDataType() string { return "jsonb" }
