package peak_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/headrace/headrace/integration/internal/peak"
)

var kept []byte

func TestOf(t *testing.T) {
	const size = 64 << 20
	bad := errors.New("bad")
	got, err := peak.Of(func() error {
		kept = make([]byte, size)
		for i := range kept {
			kept[i] = 1
		}
		return bad
	})
	kept = nil
	if got < size/2 || got > 2*size || !errors.Is(err, bad) {
		t.Errorf("%d bytes and %v while %d were made", got, err, size)
	}
}

func TestFile(t *testing.T) {
	f := peak.NewFile(100_000, "n\n", func(buf []byte, row int64) []byte { return fmt.Appendf(buf, "%d\n", row) })
	text, err := io.ReadAll(f)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if err != nil || len(text) < 100_000 || len(text) > 140_000 || lines[0] != "n" || lines[1] != "1" || int64(len(lines)-1) != f.Rows {
		t.Errorf("%d bytes, %d lines of %d rows, %v", len(text), len(lines), f.Rows, err)
	}
}
