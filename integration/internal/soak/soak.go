package soak

import (
	"os"
	"testing"
	"time"
)

// Count returns few, or many with the tag soak.
func Count(few, many int) int {
	if On {
		return many
	}
	return few
}

// Time returns short, or with the tag soak the duration in the environment
// variable SOAK_TIME, by default one hour.
func Time(tb testing.TB, short time.Duration) time.Duration {
	tb.Helper()
	text := os.Getenv("SOAK_TIME")
	switch {
	case !On:
		return short
	case text == "":
		return time.Hour
	}
	long, err := time.ParseDuration(text)
	if err != nil {
		tb.Fatalf("SOAK_TIME: %v", err)
	}
	return long
}
