// Package dbtest_test holds the tests of package dbtest, which need a server.
package dbtest_test

import (
	"testing"

	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
