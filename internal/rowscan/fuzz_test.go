package rowscan

import (
	"bytes"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
)

// FuzzDecode decodes arbitrary bytes for every pair of a server type and a Go
// type: the result is pgx's, and neither the value's neighbours in the row's
// buffer nor the value itself are modified.
func FuzzDecode(f *testing.F) {
	m := pgtype.NewMap()
	var types []*pgtype.Type
	eachType(func(typ *pgtype.Type) { types = append(types, typ) })
	for i, typ := range types {
		for _, format := range []int16{pgtype.TextFormatCode, pgtype.BinaryFormatCode} {
			if !typ.Codec.FormatSupported(format) {
				continue
			}
			// One value per type suffices as a seed: the fuzzer runs all seeds
			// first, and TestOracle covers the others.
			if values := encodings(m, typ, format); len(values) > 0 {
				f.Add(uint16(i), uint16(7*i), format == pgtype.BinaryFormatCode, values[i%len(values)])
			}
		}
	}
	f.Fuzz(func(t *testing.T, typ, target uint16, binary bool, value []byte) {
		from, into := types[int(typ)%len(types)], oracleTargets[int(target)%len(oracleTargets)]
		var format int16 = pgtype.TextFormatCode
		if binary {
			format = pgtype.BinaryFormatCode
		}
		if !from.Codec.FormatSupported(format) || len(value) == 0 {
			return
		}
		row := append([]byte("neighbour"), append(bytes.Clone(value), "neighbour"...)...)
		src := row[9 : 9+len(value)]
		got, err := scanOurs(m, from.OID, format, src, into)
		want, wantErr := scanPGX(m, from.OID, format, value, into)
		if !same(got, want, err, wantErr) {
			t.Errorf("%q of %s in format %d into %v:\n got %#v, %v\nwant %#v, %v", value, from.Name, format, into, got, err, want, wantErr)
		}
		if !bytes.Equal(src, value) || !bytes.HasPrefix(row, []byte("neighbour")) || !bytes.HasSuffix(row, []byte("neighbour")) {
			t.Errorf("row was written to: %q", row)
		}
	})
}
