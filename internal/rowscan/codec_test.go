package rowscan

import (
	"database/sql/driver"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// Tests with modified type maps: decoders must do what pgx does with them.

// A loudCodec is a program's replacement for pgtype.TextCodec.
type loudCodec struct{ pgtype.TextCodec }

func (c loudCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*string); ok {
		return loudPlan{}
	}
	return c.TextCodec.PlanScan(m, oid, format, target)
}

func (c loudCodec) DecodeDatabaseSQLValue(m *pgtype.Map, oid uint32, format int16, src []byte) (driver.Value, error) {
	return c.DecodeValue(m, oid, format, src)
}

type loudPlan struct{}

func (loudPlan) Scan(src []byte, target any) error {
	*target.(*string) = strings.ToUpper(string(src))
	return nil
}

// A turnedCodec is a program's replacement for pgtype.UUIDCodec that reverses
// the bytes.
type turnedCodec struct{ pgtype.UUIDCodec }

func (c turnedCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*[16]byte); ok && format == pgtype.BinaryFormatCode {
		return turnedPlan{}
	}
	return c.UUIDCodec.PlanScan(m, oid, format, target)
}

type turnedPlan struct{}

func (turnedPlan) Scan(src []byte, target any) error {
	if len(src) != 16 {
		return fmt.Errorf("%d bytes", len(src))
	}
	copy(target.(*[16]byte)[:], src)
	slices.Reverse(target.(*[16]byte)[:])
	return nil
}

// wrapTime is a program's scan wrapper before pgx's own: it truncates times to
// seconds.
func wrapTime(target any) (pgtype.WrappedScanPlanNextSetter, any, bool) {
	if t, ok := target.(*time.Time); ok {
		return &truncatePlan{}, (*truncated)(t), true
	}
	return nil, nil, false
}

type truncated time.Time

func (t *truncated) ScanTimestamptz(v pgtype.Timestamptz) error {
	if !v.Valid {
		return fmt.Errorf("no time")
	}
	*t = truncated(v.Time.Truncate(time.Second))
	return nil
}

type truncatePlan struct{ next pgtype.ScanPlan }

func (p *truncatePlan) SetNext(next pgtype.ScanPlan) { p.next = next }
func (p *truncatePlan) Scan(src []byte, target any) error {
	return p.next.Scan(src, (*truncated)(target.(*time.Time)))
}

func TestProgramsTypeMaps(t *testing.T) {
	eastern := time.FixedZone("eastern", -5*3600)
	const domain, mood = 70_001, 70_002
	for _, test := range []struct {
		name   string
		change func(m *pgtype.Map)
		oid    uint32
		like   string // the type whose values are used
	}{
		{"timestamptz in a location", func(m *pgtype.Map) {
			m.RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: eastern}})
		}, pgtype.TimestamptzOID, "timestamptz"},
		{"timestamp in a location", func(m *pgtype.Map) {
			m.RegisterType(&pgtype.Type{Name: "timestamp", OID: pgtype.TimestampOID, Codec: &pgtype.TimestampCodec{ScanLocation: eastern}})
		}, pgtype.TimestampOID, "timestamp"},
		{"replaced codec", func(m *pgtype.Map) {
			m.RegisterType(&pgtype.Type{Name: "text", OID: pgtype.TextOID, Codec: loudCodec{}})
		}, pgtype.TextOID, "text"},
		{"domain", func(m *pgtype.Map) {
			m.RegisterType(&pgtype.Type{Name: "quantity", OID: domain, Codec: pgtype.Int4Codec{}})
		}, domain, "int4"},
		{"domain over bytea", func(m *pgtype.Map) {
			m.RegisterType(&pgtype.Type{Name: "digest", OID: domain, Codec: pgtype.ByteaCodec{}})
		}, domain, "bytea"},
		{"enum", func(m *pgtype.Map) {
			m.RegisterType(&pgtype.Type{Name: "mood", OID: mood, Codec: &pgtype.EnumCodec{}})
		}, mood, "text"},
		{"array of an enum", func(m *pgtype.Map) {
			element := &pgtype.Type{Name: "mood", OID: mood, Codec: &pgtype.EnumCodec{}}
			m.RegisterType(element)
			m.RegisterType(&pgtype.Type{Name: "_mood", OID: mood + 1, Codec: &pgtype.ArrayCodec{ElementType: element}})
		}, mood + 1, "_text"},
		{"array of elements in a location", func(m *pgtype.Map) {
			m.RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: eastern}})
		}, pgtype.TimestamptzArrayOID, "_timestamptz"},
		{"array in another location than its elements", func(m *pgtype.Map) {
			element := &pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC}}
			m.RegisterType(&pgtype.Type{Name: "_timestamptz", OID: pgtype.TimestamptzArrayOID, Codec: &pgtype.ArrayCodec{ElementType: element}})
			m.RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: eastern}})
		}, pgtype.TimestamptzArrayOID, "_timestamptz"},
		{"array of elements with a replaced codec", func(m *pgtype.Map) {
			m.RegisterType(&pgtype.Type{Name: "text", OID: pgtype.TextOID, Codec: loudCodec{}})
		}, pgtype.TextArrayOID, "_text"},
		{"array of uuids with a replaced codec", func(m *pgtype.Map) {
			m.RegisterType(&pgtype.Type{Name: "uuid", OID: pgtype.UUIDOID, Codec: turnedCodec{}})
		}, pgtype.UUIDArrayOID, "_uuid"},
		{"array of what is not registered", func(m *pgtype.Map) {
			element := &pgtype.Type{Name: "quantity", OID: domain, Codec: pgtype.Int4Codec{}}
			m.RegisterType(&pgtype.Type{Name: "_quantity", OID: domain + 1, Codec: &pgtype.ArrayCodec{ElementType: element}})
		}, domain + 1, "_int4"},
		{"not registered", func(*pgtype.Map) {}, domain, "int4"},
		{"not registered, with a default for the Go type", func(m *pgtype.Map) {
			m.RegisterDefaultPgType(namedInt(0), "int8")
		}, domain, "int8"},
		{"wrapper for time.Time", func(m *pgtype.Map) {
			m.TryWrapScanPlanFuncs = append([]pgtype.TryWrapScanPlanFunc{wrapTime}, m.TryWrapScanPlanFuncs...)
		}, pgtype.TimestamptzOID, "timestamptz"},
		{"wrapper, other type", func(m *pgtype.Map) {
			m.TryWrapScanPlanFuncs = append([]pgtype.TryWrapScanPlanFunc{wrapTime}, m.TryWrapScanPlanFuncs...)
		}, pgtype.Int4OID, "int4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := pgtype.NewMap()
			like, _ := m.TypeForName(test.like)
			for _, format := range []int16{pgtype.TextFormatCode, pgtype.BinaryFormatCode} {
				values := encodings(pgtype.NewMap(), like, format)
				m := pgtype.NewMap()
				test.change(m)
				for _, value := range append(values, nil) {
					checkAgainstPGX(t, m, test.oid, format, value)
				}
			}
		})
	}
}

// TestPlanFollowsTypeMap reads the same columns on connections with different
// codecs through one Decoder.
func TestPlanFollowsTypeMap(t *testing.T) {
	eastern := time.FixedZone("eastern", -5*3600)
	located := pgtype.NewMap()
	located.RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: eastern}})
	moment := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	rec := result(t, col{"t", pgtype.TimestamptzOID, pgtype.BinaryFormatCode, []any{moment}})
	d := mustNew[time.Time](t)
	for range 2 {
		for m, want := range map[*pgtype.Map]*time.Location{pgtype.NewMap(): time.Local, located: eastern} {
			got, err := d.One(rec.Rows(m))
			if err != nil || !got.Equal(moment) || got.Location() != want {
				t.Errorf("got %v, %v, want the time in %v", got, err, want)
			}
		}
	}
	if n := len(*d.plans.list.Load()); n != 2 {
		t.Errorf("%d plans, want 2: one for each codec", n)
	}
}

// Plans for arrays depend on the codec of their elements, from connection to
// connection.
func TestPlanFollowsElementsTypeMap(t *testing.T) {
	eastern := time.FixedZone("eastern", -5*3600)
	located := pgtype.NewMap()
	located.RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: eastern}})
	moment := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	rec := result(t, col{"t", pgtype.TimestamptzArrayOID, pgtype.BinaryFormatCode, []any{[]time.Time{moment}}})
	d := mustNew[[]time.Time](t)
	for range 2 {
		for m, want := range map[*pgtype.Map]*time.Location{pgtype.NewMap(): time.Local, located: eastern} {
			got, err := d.One(rec.Rows(m))
			if err != nil || len(got) != 1 || !got[0].Equal(moment) || got[0].Location() != want {
				t.Errorf("got %v, %v, want the time in %v", got, err, want)
			}
		}
	}
}

// Programs load a location for each connection. A plan serves all of them, and
// results are in the location of their connection.
func TestLocationsArePartOfNoPlan(t *testing.T) {
	moment := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	d := mustNew[time.Time](t)
	for format := range []int16{pgtype.TextFormatCode, pgtype.BinaryFormatCode} {
		rec := result(t, col{"t", pgtype.TimestamptzOID, int16(format), []any{moment}})
		for i := range 2 * maxPlans {
			zone := time.FixedZone("somewhere", i*60)
			m := pgtype.NewMap()
			m.RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: zone}})
			got, err := d.One(rec.Rows(m))
			if err != nil || !got.Equal(moment) || got.Location() != zone {
				t.Fatalf("got %v, %v, want the time in %v", got, err, zone)
			}
		}
	}
	if n := len(*d.plans.list.Load()); n != 2 {
		t.Errorf("%d plans, want 2: one for each format", n)
	}
}

// TestPlansAreBounded uses more shapes of results than a Decoder caches,
// repeatedly.
func TestPlansAreBounded(t *testing.T) {
	d := mustNew[string](t)
	for i := range 3 * maxPlans {
		name := fmt.Sprint("c", i%(maxPlans+10))
		rec := result(t, col{name, pgtype.TextOID, pgtype.TextFormatCode, []any{name}})
		if got, err := d.One(rec.Rows(nil)); err != nil || got != name {
			t.Fatalf("got %q, %v, want %q", got, err, name)
		}
	}
	if n := len(*d.plans.list.Load()); n != maxPlans {
		t.Errorf("%d plans, want %d", n, maxPlans)
	}
}

// TestCellPointer checks the invariant of cell.pointer: an interface holds a
// pointer in its second word.
func TestCellPointer(t *testing.T) {
	var n int64
	var text string
	for _, test := range []struct{ got, want any }{
		{cellOf(&n).pointer((*int64)(nil)), &n},
		{cellOf(&text).pointer(reflect.Zero(reflect.TypeFor[*string]()).Interface()), &text},
	} {
		if test.got != test.want {
			t.Errorf("got %#v, want %#v", test.got, test.want)
		}
	}
}
