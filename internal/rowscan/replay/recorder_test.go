package replay_test

import (
	"bytes"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/rowscan/replay"
)

// TestRecorderAppend checks that a recorder appends what its recording does.
func TestRecorderAppend(t *testing.T) {
	r := replay.NewRecorder(fields, 0)
	for _, row := range values {
		if err := r.Add(row); err != nil {
			t.Fatal(err)
		}
	}
	tag := pgconn.NewCommandTag("SELECT 3")
	if got, want := r.Append([]byte("x"), tag), r.Finish(tag).Append([]byte("x")); !bytes.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
