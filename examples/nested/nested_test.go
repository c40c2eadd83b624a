package main

import (
	"testing"

	"github.com/headrace/headrace/examples/shared/programtest"
	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestNested(t *testing.T) {
	t.Parallel()
	programtest.Says(t, show,
		"1000 areas with 8961 cities in ",
		"[holds] 1001 round trips: one for the parents and one for each parent's children\n",
		"1000 areas with 8961 cities in ",
		"[holds] 2 round trips: one for the parents and one for all of their children\n",
		"[holds] the results are equal\n",
		"[holds] 1 round trip: the children come from the request's cache\n",
		"[holds] the results are equal\n",
	)
}
