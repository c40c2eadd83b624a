// Package programtest runs an example on a server and checks its output.
package programtest

import (
	"strings"
	"testing"

	"github.com/headrace/headrace/examples/shared/program"
	"github.com/headrace/headrace/integration/pgtest"
)

// Says runs body in a new database. It fails the test if body returns an error,
// if a claim does not hold, or if the texts are not printed in this order.
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
			t.Fatalf("%q was not printed, or too early", text)
		}
		rest = after
	}
}
