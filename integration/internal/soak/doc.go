// Package soak says how much a test does: little in every run, and much under the build tag soak, as "make soak" runs it.
//
//	for round := range soak.Count(10, 1_000) { ... }
//	deadline := time.Now().Add(soak.Time(t, 5*time.Second))
//
// Tests that ask here say when they fail how to run them again, by a seed or by a round.
package soak
