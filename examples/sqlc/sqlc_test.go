package main

import (
	"testing"

	"github.com/headrace/headrace/examples/shared/programtest"
	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestSqlc(t *testing.T) {
	t.Parallel()
	programtest.Says(t, show,
		"hit            ProductByName: kettle, stock 10\n",
		" Sales: kettle, sold 2\n",
		" Sales: kettle, sold 4\n",
		" ProductByName: kettle, stock 6\n",
		"[holds] the transaction sees its own writes: 42 cups\n",
		"[holds] other reads do not, before it commits: 48 cups\n",
		" ProductByName: cup, stock 42\n",
		"[holds] the order fails: 4 of product 2: out of stock\n",
		"hit            ProductByName: cup, stock 42\n",
	)
}
