package soak

import (
	"os"
	"testing"
	"time"
)

// Count is how many times, rows or bytes: few, or many under the tag soak.
func Count(few, many int) int {
	if On {
		return many
	}
	return few
}

// Time is how long: short, or under the tag soak as long as the environment variable SOAK_TIME says, by default an hour.
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
