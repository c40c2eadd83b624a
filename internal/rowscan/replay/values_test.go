package replay

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// Values needs no Scan before it.
func TestValuesFirst(t *testing.T) {
	r := NewRecorder([]pgconn.FieldDescription{{Name: "id", DataTypeOID: pgtype.Int4OID, Format: pgtype.BinaryFormatCode}, {Name: "none", DataTypeOID: pgtype.TextOID}}, 0)
	if err := r.Add([][]byte{{0, 0, 0, 7}, nil}); err != nil {
		t.Fatal(err)
	}
	rows := r.Finish(pgconn.NewCommandTag("SELECT 1")).Rows(nil)
	if !rows.Next() {
		t.Fatal("no row")
	}
	if values, err := rows.Values(); err != nil || len(values) != 2 || values[0] != int32(7) || values[1] != nil {
		t.Errorf("got %v, %v", values, err)
	}
}
