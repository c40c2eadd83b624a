//go:build soak

package batchinsert_test

const (
	killRounds = 1000
	killRows   = 500_000
)
