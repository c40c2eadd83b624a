package servertests

import (
	"strings"
	"testing"
)

func TestGoroutines(t *testing.T) {
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() { defer close(ended); <-stop }()
	if left := goroutines([]string{"servertests.TestGoroutines.func"}); !strings.Contains(left, "TestGoroutines") {
		t.Errorf("a goroutine that runs is not found: %q", left)
	}
	close(stop)
	<-ended
	if left := goroutines([]string{"servertests.TestGoroutines.func"}); left != "" {
		t.Errorf("found %s", left)
	}
}
