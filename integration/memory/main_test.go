// Package memory_test holds a program that uses all of the library to the memory it had after its beginnings.
package memory_test

import (
	"testing"

	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
