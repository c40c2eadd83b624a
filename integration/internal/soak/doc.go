// Package soak scales tests: small by default, and large with the build tag
// soak, which "make soak" sets.
//
//	for round := range soak.Count(10, 1_000) { ... }
//	deadline := time.Now().Add(soak.Time(t, 5*time.Second))
//
// When such a test fails, it prints the seed or the round that reproduces the
// failure.
package soak
