//go:build !soak

package batchinsert_test

// How much the tests that kill do; make soak does more.
const (
	killRounds = 10
	killRows   = 50_000
)
