package replay_test

import (
	"errors"
	"math"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/rowscan/replay"
)

var fields = []pgconn.FieldDescription{
	{Name: "id", DataTypeOID: pgtype.Int4OID, Format: pgtype.BinaryFormatCode},
	{Name: "name", DataTypeOID: pgtype.TextOID, Format: pgtype.TextFormatCode},
}

var values = [][][]byte{
	{{0, 0, 0, 1}, []byte("Ada")},
	{{0, 0, 0, 2}, nil},
	{nil, {}},
}

// record makes a recording from buffers that are overwritten at once, like
// those of a connection.
func record(t *testing.T) *replay.Recording {
	t.Helper()
	r := replay.NewRecorder(fields, 0)
	for _, row := range values {
		var reused [][]byte
		for _, value := range row {
			reused = append(reused, slices.Clone(value))
			if value != nil && len(value) == 0 {
				reused[len(reused)-1] = []byte{}
			}
		}
		if err := r.Add(reused); err != nil {
			t.Fatal(err)
		}
		for _, value := range reused {
			clear(value)
		}
	}
	return r.Finish(pgconn.NewCommandTag("SELECT 3"))
}

type row struct {
	ID   *int32
	Name *string
}

func want() []row {
	one, two, ada, empty := int32(1), int32(2), "Ada", ""
	return []row{{&one, &ada}, {&two, nil}, {nil, &empty}}
}

// TestEmptyIsNotNull records a result with empty values only.
func TestEmptyIsNotNull(t *testing.T) {
	want := [][]byte{{}, nil}
	r := replay.NewRecorder(fields, 0)
	if err := r.Add(want); err != nil {
		t.Fatal(err)
	}
	rows := r.Finish(pgconn.NewCommandTag("SELECT 1")).Rows(nil)
	if !rows.Next() || !reflect.DeepEqual(rows.RawValues(), want) {
		t.Errorf("raw values: got %#v, want %#v", rows.RawValues(), want)
	}
}

func TestReplay(t *testing.T) {
	rec := record(t)
	rows := rec.Rows(nil)
	var raw [][][]byte
	for rows.Next() {
		raw = append(raw, slices.Clone(rows.RawValues()))
	}
	if !reflect.DeepEqual(raw, values) {
		t.Errorf("raw values: got %q, want %q", raw, values)
	}
	if rows.Err() != nil || rows.CommandTag().String() != "SELECT 3" || rows.Conn() != nil || !reflect.DeepEqual(rows.FieldDescriptions(), fields) {
		t.Errorf("got %v, %v, %v, %v", rows.Err(), rows.CommandTag(), rows.Conn(), rows.FieldDescriptions())
	}
	got, err := pgx.CollectRows(rec.Rows(nil), pgx.RowToStructByName[row])
	if err != nil || !reflect.DeepEqual(got, want()) {
		t.Errorf("got %v, %v", got, err)
	}
	maps, err := pgx.CollectRows(rec.Rows(pgtype.NewMap()), pgx.RowToMap)
	if wantMaps := []map[string]any{{"id": int32(1), "name": "Ada"}, {"id": int32(2), "name": nil}, {"id": nil, "name": ""}}; err != nil || !reflect.DeepEqual(maps, wantMaps) {
		t.Errorf("got %v, %v, want %v", maps, err, wantMaps)
	}
}

// TestRecordAgain records rows that are played back.
func TestRecordAgain(t *testing.T) {
	first := record(t)
	second, err := replay.Record(first.Rows(nil), 0)
	if err != nil || !reflect.DeepEqual(first, second) {
		t.Errorf("got %v, %v, want %v", second, err, first)
	}
	if second.Len() != 3 || second.CommandTag().RowsAffected() != 3 || len(second.Fields()) != 2 {
		t.Errorf("got %d rows, %v, %v", second.Len(), second.CommandTag(), second.Fields())
	}
}

func TestTooBig(t *testing.T) {
	if _, err := replay.Record(record(t).Rows(nil), 11); err != nil {
		t.Errorf("11 bytes into 11: %v", err)
	}
	if _, err := replay.Record(record(t).Rows(nil), 10); !errors.Is(err, replay.ErrTooBig) {
		t.Errorf("11 bytes into 10: got %v, want ErrTooBig", err)
	}
	if err := replay.NewRecorder(fields, 0).Add(values[0][:1]); err == nil {
		t.Error("a row of one value for two columns was recorded")
	}
}

// TestErrorsCloseRows checks that a failing Scan closes the rows as on a
// connection.
func TestErrorsCloseRows(t *testing.T) {
	for name, targets := range map[string][]any{"type": {new(bool), new(string)}, "number": {new(int)}} {
		rows := record(t).Rows(nil)
		if err := rows.Scan(new(int), new(string)); err == nil {
			t.Errorf("%s: Scan before Next succeeded", name)
		}
		if !rows.Next() {
			t.Fatal("no rows")
		}
		err := rows.Scan(targets...)
		if err == nil || rows.Next() || rows.Err() == nil || rows.Err().Error() != err.Error() {
			t.Errorf("%s: Scan gave %v, Err %v", name, err, rows.Err())
		}
	}
}

func TestManyPlayers(t *testing.T) {
	rec := record(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				got, err := pgx.CollectRows(rec.Rows(nil), pgx.RowToStructByName[row])
				if err != nil || !reflect.DeepEqual(got, want()) {
					t.Errorf("got %v, %v", got, err)
					return
				}
			}
		})
	}
	group.Wait()
}

// TestAppendLeavesNeighbours appends to a raw value, which must not reach the
// next one.
func TestAppendLeavesNeighbours(t *testing.T) {
	rows := record(t).Rows(nil)
	rows.Next()
	_ = append(rows.RawValues()[0], 0xff)
	if got := rows.RawValues()[1]; string(got) != "Ada" {
		t.Errorf("got %q, want Ada", got)
	}
}

func TestSize(t *testing.T) {
	const n = 200
	r := replay.NewRecorder(fields, 0)
	for i := range 1000 {
		if err := r.Add([][]byte{{0, 0, byte(i >> 8), byte(i)}, []byte("some text of a row")}); err != nil {
			t.Fatal(err)
		}
	}
	one := r.Finish(pgconn.NewCommandTag("SELECT 1000"))
	kept := make([]*replay.Recording, n)
	before := heap()
	for i := range kept {
		var err error
		if kept[i], err = replay.Record(one.Rows(nil), 0); err != nil {
			t.Fatal(err)
		}
	}
	measured := float64(heap()-before) / n
	if ratio := float64(one.Size()) / measured; math.Abs(ratio-1) > 0.1 {
		t.Errorf("Size is %d, the heap grew by %.0f: %.2f", one.Size(), measured, ratio)
	}
	runtime.KeepAlive(kept)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// TestMethodsOfRows detects methods that pgx adds, which rows has to implement.
func TestMethodsOfRows(t *testing.T) {
	if n := reflect.TypeFor[pgx.Rows]().NumMethod(); n != 10 {
		t.Errorf("pgx.Rows has %d methods; rows.go answers 10", n)
	}
}

func TestScanFirst(t *testing.T) {
	rec := record(t)
	var id int32
	var name string
	for range 2 {
		if err := rec.ScanFirst(nil, &id, &name); err != nil || id != 1 || name != "Ada" {
			t.Errorf("got %d, %q, %v", id, name, err)
		}
	}
	if err := rec.ScanFirst(pgtype.NewMap(), nil, &name); err != nil {
		t.Errorf("a destination left out: %v", err)
	}
	var bad pgx.ScanArgError
	if err := rec.ScanFirst(nil, &id, &id); !errors.As(err, &bad) || bad.FieldName != "name" {
		t.Errorf("a name into a number: %v", err)
	}
	if err := rec.ScanFirst(nil, &id); err == nil {
		t.Error("one destination for two columns: no error")
	}
	none := replay.NewRecorder(fields, 0).Finish(pgconn.NewCommandTag("SELECT 0"))
	if err := none.ScanFirst(nil, &id, &name); !errors.Is(err, pgx.ErrNoRows) {
		t.Errorf("no rows: %v", err)
	}
}
