package diagnose

import (
	"fmt"
	"math"
	"time"
)

// rounded returns d with three significant digits.
func rounded(d time.Duration) time.Duration {
	for unit := time.Duration(1); ; unit *= 10 {
		if d.Abs() < 1000*unit || unit >= time.Minute {
			return d.Round(unit)
		}
	}
}

func percent(r float64) string {
	if p := 100 * r; math.Abs(p) < 10 && p != math.Trunc(p) {
		return fmt.Sprintf("%.1f %%", p)
	}
	return fmt.Sprintf("%.0f %%", 100*r)
}

func byteSize(n float64) string {
	for _, u := range []string{"B", "kB", "MB", "GB"} {
		switch {
		case n >= 1000:
			n /= 1000
		case u == "B" || n >= 100:
			return fmt.Sprintf("%.0f %s", n, u)
		default:
			return fmt.Sprintf("%.3g %s", n, u)
		}
	}
	return fmt.Sprintf("%.3g TB", n)
}

// part returns a/b within 0 and 1, and 0 if b is not positive.
func part[T int64 | uint64 | float64 | time.Duration](a, b T) float64 {
	if b <= 0 {
		return 0
	}
	return min(max(float64(a)/float64(b), 0), 1)
}
