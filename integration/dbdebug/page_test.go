package dbdebug_test

import (
	"fmt"
	"testing"
)

// The page has no horizontal scroll bar, and no message in the console, at each
// size and in both colours.
func TestSizes(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	p.traffic(60)
	b := browse(t)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int{320, 400, 560, 800, 1100, 1600} {
			b.size(width, 900, scheme)
			b.show(p.http.URL + "/debug/db/")
			b.until("document.querySelector('tr[data-key] button')")
			if width == 400 || width == 1600 {
				b.shot(fmt.Sprintf("plain %d %s", width, scheme))
			}
			if over := value[string](b, widest); over != "" {
				t.Errorf("%d %s: %s", width, scheme, over)
			}
		}
	}
	b.noProblems()
}

// widest names what is wider than the page, or is cut off by nothing.
const widest = `(() => {
	const page = document.documentElement;
	if (page.scrollWidth <= page.clientWidth) return "";
	return page.scrollWidth + " > " + page.clientWidth + ": " + [...document.querySelectorAll("body *")]
		.filter(e => e.getBoundingClientRect().right > page.clientWidth + 1).slice(0, 5)
		.map(e => e.tagName + "." + e.getAttribute("class")).join(", ");
})()`
