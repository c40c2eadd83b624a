package pgcopy

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A Field is an exported field of a row type.
type Field struct {
	// Name is the Go name, with the names of the structs it is embedded in:
	// "Address.Street".
	Name string
	// Column is the name in the tag `db:"name"`, or the field's name.
	Column string
	// Tagged says that Column comes from a tag.
	Tagged bool
	Type   reflect.Type
	// Index is the field's place for reflect.Value.FieldByIndex.
	Index []int

	offset uintptr
}

// Fields returns the fields of the struct type t that stand for columns, in
// the order of their declaration. The rules are those of
// [pgx.RowToStructByName]: a tag `db:"name"` gives the column, `db:"-"` leaves
// the field out, fields of structs embedded by value count as t's own.
//
// [pgx.RowToStructByName]:
// https://pkg.go.dev/github.com/jackc/pgx/v5#RowToStructByName
func Fields(t reflect.Type) ([]Field, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("rows of type %v: not a struct", t)
	}
	fields, err := appendFields(nil, t, "", nil, 0)
	if err != nil {
		return nil, fmt.Errorf("rows of type %v: %w", t, err)
	}
	if len(fields) == 0 {
		return nil, fmt.Errorf("rows of type %v: no exported fields", t)
	}
	return fields, nil
}

func appendFields(fields []Field, t reflect.Type, prefix string, index []int, offset uintptr) ([]Field, error) {
	for i := range t.NumField() {
		sf := t.Field(i)
		at := append(slices.Clip(index), i)
		if sf.Anonymous && sf.Type.Kind() == reflect.Struct {
			var err error
			if fields, err = appendFields(fields, sf.Type, prefix+sf.Name+".", at, offset+sf.Offset); err != nil {
				return nil, err
			}
			continue
		}
		tag, tagged := sf.Tag.Lookup("db")
		tag, _, _ = strings.Cut(tag, ",")
		if !sf.IsExported() || tag == "-" {
			continue
		}
		if sf.Anonymous && sf.Type.Kind() == reflect.Pointer {
			return nil, fmt.Errorf("field %s%s: embedded pointers have no columns", prefix, sf.Name)
		}
		f := Field{Name: prefix + sf.Name, Column: sf.Name, Type: sf.Type, Index: at, offset: offset + sf.Offset}
		if tagged {
			f.Column, f.Tagged = tag, true
		}
		fields = append(fields, f)
	}
	return fields, nil
}

// Matches says whether f stands for the column of this name. Case never
// matters; underscores do where the name comes from a tag.
func (f Field) Matches(column string) bool {
	if f.Tagged {
		return strings.EqualFold(f.Column, column)
	}
	return strings.EqualFold(strings.ReplaceAll(f.Column, "_", ""), strings.ReplaceAll(column, "_", ""))
}
