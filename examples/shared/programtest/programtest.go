// Package programtest runs an example on a real server and looks at what it says.
package programtest

import (
	"strings"
	"testing"

	"github.com/headrace/headrace/examples/shared/program"
	"github.com/headrace/headrace/integration/pgtest"
)

// Says runs body in a database of its own. It fails the test after an error, a
// claim that does not hold, or if one of the texts is not printed, in this order.
func Says(t *testing.T, body program.Body, texts ...string) {
	t.Helper()
	var out strings.Builder
	err := program.On(t.Context(), pgtest.New(t), &out, body)
	t.Log("\n" + out.String())
	if err != nil {
		t.Fatal(err)
	}
	rest := out.String()
	for _, text := range texts {
		_, after, found := strings.Cut(rest, text)
		if !found {
			t.Fatalf("%q is not printed, or too early", text)
		}
		rest = after
	}
}
