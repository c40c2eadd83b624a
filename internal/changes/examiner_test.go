package changes

import (
	"fmt"
	"testing"
)

func TestApplicationName(t *testing.T) {
	long := fmt.Sprintf("%063d", 0)
	for program, want := range map[string]string{"": "headrace", "shop": "shop (headrace)", long: long[:52] + " (headrace)"} {
		if got := ApplicationName(program); got != want {
			t.Errorf("%q: %q, want %q", program, got, want)
		}
	}
}
