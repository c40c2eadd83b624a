package rowscan

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// Check reports every column that does not fit.
func TestCheckReportsEachColumn(t *testing.T) {
	t.Parallel()
	columns := []pgconn.FieldDescription{{Name: "id", DataTypeOID: pgtype.ByteaOID, Format: 1}, {Name: "name", DataTypeOID: pgtype.BoolOID, Format: 1}}
	err := mustNew[struct {
		ID   int32
		Name float64
	}](t).Check(columns, nil, nil)
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 2 {
		t.Fatalf("%v, want two errors", err)
	}
	for _, err := range joined.Unwrap() {
		if _, ok := errors.AsType[*ColumnError](err); !ok {
			t.Errorf("%T", err)
		}
	}
}

// A type that is not registered fits if one of its values does.
func TestCheckOfSamples(t *testing.T) {
	t.Parallel()
	const mood = 90_001
	columns := []pgconn.FieldDescription{{Name: "v", DataTypeOID: mood}}
	for _, c := range []struct {
		samples []string
		fits    bool
	}{{nil, true}, {[]string{"sad", "ok"}, false}, {[]string{"sad", "1"}, true}} {
		err := mustNew[int](t).Check(columns, nil, map[uint32][]string{mood: c.samples})
		if (err == nil) != c.fits {
			t.Errorf("%q into int: %v", c.samples, err)
		}
		if err := mustNew[string](t).Check(columns, nil, map[uint32][]string{mood: c.samples}); err != nil {
			t.Errorf("%q into string: %v", c.samples, err)
		}
	}
}

type panicking struct{}

func (*panicking) Scan(src any) error { panic(src) }

// NullErrors has an error for each column whose field cannot hold NULL.
func TestNullErrors(t *testing.T) {
	t.Parallel()
	columns := []pgconn.FieldDescription{
		{Name: "a", DataTypeOID: pgtype.TextOID}, {Name: "b", DataTypeOID: pgtype.TextOID}, {Name: "c", DataTypeOID: pgtype.TextOID},
	}
	list := mustNew[struct {
		A string
		B *string
		C panicking
	}](t).NullErrors(columns, nil)
	if len(list) != 3 || list[1] != nil || list[2] == nil {
		t.Fatalf("%v", list)
	}
	const want = `column "a" (text) into field A (string): the column may be NULL: `
	if list[0] == nil || !strings.HasPrefix(list[0].Error(), want) {
		t.Errorf("\n got %v\nwant %s", list[0], want)
	}
	if list := mustNew[map[string]any](t).NullErrors(columns, nil); list[0] != nil {
		t.Errorf("into a map: %v", list)
	}
}
