package main

import (
	"testing"

	"github.com/headrace/headrace/examples/shared/programtest"
	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) {
	workIfAsked()
	pgtest.Main(m)
}

func TestFleet(t *testing.T) {
	t.Parallel()
	programtest.Says(t, show, "chunks with a job each", "killed worker", "[holds] 135233 cities, each once", "[holds] several workers loaded rows")
}
