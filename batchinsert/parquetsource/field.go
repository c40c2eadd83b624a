package parquetsource

import (
	"errors"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// A field is a column at the top of a schema.
type field struct {
	name    string
	leaf    int // index of its first column chunk in a row group
	leaves  int // how many it has
	convert convert
	err     error // why it cannot be read
}

// errNested is why a column has no place in a row.
var errNested = errors.New("it is nested or repeated, which a column of a table cannot be; read the other columns only")

// fieldsOf reads a schema, whose elements are a tree's, depth first.
func fieldsOf(schema []format.SchemaElement, opts *Options) ([]field, error) {
	w := walk{rest: schema[1:]}
	fields := make([]field, 0, min(len(w.rest), int(max(0, schema[0].NumChildren.V))))
	for range schema[0].NumChildren.V {
		if len(w.rest) == 0 {
			return nil, errSchema
		}
		e := &w.rest[0]
		f := field{name: e.Name, leaf: w.leaves}
		if err := w.skip(0); err != nil {
			return nil, err
		}
		f.leaves = w.leaves - f.leaf
		if isGroup(e) || e.RepetitionType.V == format.Repeated {
			f.err = errNested
		} else {
			f.convert, f.err = converterFor(e, opts)
		}
		fields = append(fields, f)
	}
	if len(w.rest) > 0 {
		return nil, errSchema
	}
	return fields, nil
}

var errSchema = errors.New("it is damaged: its schema is no tree")

// A walk goes through a schema.
type walk struct {
	rest   []format.SchemaElement
	leaves int
}

const deepest = 100

// skip goes on behind the next element and what is below it.
func (w *walk) skip(depth int) error {
	if len(w.rest) == 0 || depth > deepest {
		return errSchema
	}
	e := &w.rest[0]
	w.rest = w.rest[1:]
	if !isGroup(e) {
		w.leaves++
		return nil
	}
	for range e.NumChildren.V {
		if err := w.skip(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

func isGroup(e *format.SchemaElement) bool { return !e.Type.Valid }

// logicalType returns what a column is annotated with, by old writers too, or
// nil.
func logicalType(e *format.SchemaElement) format.LogicalTypeValue {
	if e.LogicalType.Value != nil || !e.ConvertedType.Valid {
		return e.LogicalType.Value
	}
	switch c := e.ConvertedType.V; c {
	case deprecated.UTF8:
		return &format.StringType{}
	case deprecated.Enum:
		return &format.EnumType{}
	case deprecated.Json:
		return &format.JsonType{}
	case deprecated.Bson:
		return &format.BsonType{}
	case deprecated.Decimal:
		return &format.DecimalType{Scale: e.Scale.V, Precision: e.Precision.V}
	case deprecated.Date:
		return &format.DateType{}
	case deprecated.TimeMillis:
		return &format.TimeType{Unit: millis}
	case deprecated.TimeMicros:
		return &format.TimeType{Unit: micros}
	case deprecated.TimestampMillis:
		return &format.TimestampType{IsAdjustedToUTC: true, Unit: millis}
	case deprecated.TimestampMicros:
		return &format.TimestampType{IsAdjustedToUTC: true, Unit: micros}
	case deprecated.Uint8, deprecated.Uint16, deprecated.Uint32, deprecated.Uint64:
		return &format.IntType{BitWidth: 8 << (c - deprecated.Uint8)}
	case deprecated.Int8, deprecated.Int16, deprecated.Int32, deprecated.Int64:
		return &format.IntType{BitWidth: 8 << (c - deprecated.Int8), IsSigned: true}
	}
	return nil
}

var (
	millis = format.TimeUnit{Value: &format.MilliSeconds{}}
	micros = format.TimeUnit{Value: &format.MicroSeconds{}}
)
