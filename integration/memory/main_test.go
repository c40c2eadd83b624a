// Package memory_test tests that a program which uses all of the library does
// not leak memory.
package memory_test

import (
	"testing"

	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
