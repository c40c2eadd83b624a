package replay_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/rowscan/replay"
)

// randomRecording returns a recording with any shape.
func randomRecording(r *rand.Rand) *replay.Recording {
	fields := make([]pgconn.FieldDescription, r.IntN(5))
	for i := range fields {
		fields[i] = pgconn.FieldDescription{
			Name: string(make([]byte, r.IntN(4))), TableOID: r.Uint32(), TableAttributeNumber: uint16(r.Uint32()),
			DataTypeOID: r.Uint32(), DataTypeSize: int16(r.Uint32()), TypeModifier: int32(r.Uint32()), Format: int16(r.IntN(2)),
		}
	}
	rec := replay.NewRecorder(fields, 0)
	for range r.IntN(6) {
		row := make([][]byte, len(fields))
		for i := range row {
			if r.IntN(4) > 0 {
				row[i] = bytes.Repeat([]byte{byte(r.Uint32())}, r.IntN(300))
			}
		}
		if err := rec.Add(row); err != nil {
			panic(err)
		}
	}
	return rec.Finish(pgconn.NewCommandTag([]string{"", "SELECT 3", "INSERT 0 1"}[r.IntN(3)]))
}

// rowsOf returns all raw values.
func rowsOf(rec *replay.Recording) [][][]byte {
	var out [][][]byte
	for rows := rec.Rows(nil); rows.Next(); {
		out = append(out, append([][]byte{}, rows.RawValues()...))
	}
	return out
}

func TestEncodedForm(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		want := randomRecording(r)
		got, err := replay.Parse(want.Append(nil))
		if err != nil {
			t.Fatalf("%v", err)
		}
		if !reflect.DeepEqual(rowsOf(got), rowsOf(want)) || got.Len() != want.Len() || got.CommandTag() != want.CommandTag() ||
			len(got.Fields()) != len(want.Fields()) || len(want.Fields()) > 0 && !reflect.DeepEqual(got.Fields(), want.Fields()) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	}
}

func TestParseRejectsTruncated(t *testing.T) {
	data := record(t).Append(nil)
	for i := range data {
		if _, err := replay.Parse(data[:i]); !errors.Is(err, replay.ErrNotRecording) {
			t.Errorf("%d of %d bytes: got %v", i, len(data), err)
		}
	}
	if _, err := replay.Parse(append(data, 0)); !errors.Is(err, replay.ErrNotRecording) {
		t.Errorf("a byte more: got %v", err)
	}
}

// FuzzParse parses any bytes. What parses must be readable to its end, and must
// have the form that it was parsed from, apart from longer varints.
func FuzzParse(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 10 {
		f.Add(randomRecording(r).Append(nil))
	}
	f.Add([]byte{0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, err := replay.Parse(data)
		if err != nil {
			return
		}
		if rec.Len() > math.MaxUint16 && len(rec.Fields()) == 0 {
			return // rows without columns take no bytes
		}
		rows := rowsOf(rec)
		again, err := replay.Parse(rec.Append(nil))
		if err != nil || !reflect.DeepEqual(rowsOf(again), rows) {
			t.Errorf("%v: got %v, want %v", err, again, rec)
		}
	})
}
