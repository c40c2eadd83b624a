package batchinsert

import (
	"errors"
	"fmt"
	"testing"

	"github.com/headrace/headrace/internal/panics"
	"github.com/headrace/headrace/internal/pgcopy"
)

// A failedStream is one that has ended with an error.
type failedStream struct {
	pgcopy.Stream
	err error
}

func (s failedStream) Err() error { return s.err }

// The panic of the source goes on. An error of the source that wraps the panic of
// something else, such as that of a db.Loader, is an error.
func TestCopyErrorPanicsForTheSourceOnly(t *testing.T) {
	panicked := panics.New("elsewhere")
	wrapped := fmt.Errorf("row 3 of the source: %w", panicked)
	if err := copyError(t.Context(), errors.New("57014"), failedStream{err: wrapped}, "t"); !errors.Is(err, wrapped) {
		t.Errorf("%v, want %v", err, wrapped)
	}
	defer func() {
		if v := recover(); v != panicked {
			t.Errorf("panicked with %v, want %v", v, panicked)
		}
	}()
	err := copyError(t.Context(), errors.New("57014"), failedStream{err: panicked}, "t")
	t.Errorf("%v, want a panic", err)
}
