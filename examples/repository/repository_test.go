package main

import (
	"testing"

	"github.com/headrace/headrace/examples/shared/programtest"
	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestRepository(t *testing.T) {
	t.Parallel()
	programtest.Says(t, show,
		"miss-cold      Yokohama: 3574443 people\n",
		"hit            Yokohama: 3574443 people\n",
		"[holds] the second read returns the same city, from memory\n",
		"Tokyo, Yokohama, Osaka",
		"saved: 1 inserted, 1 updated, 1 unchanged\n",
		"Yokohama: 3777491 people\n",
		"[holds] Saitama has the population of both cities\n",
		"Tokyo, Yokohama, Osaka, Saitama, Nagoya",
		"[holds] the merge fails: city -1: unknown city\n",
		"hit            Saitama: 2271080 people\n",
	)
}
