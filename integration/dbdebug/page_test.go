package dbdebug_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/headrace/headrace/db/dbdebug"
)

// The page has no horizontal scroll bar, and no message in the console, at each
// size and in both colours; and what a screen reader and weak eyes need.
func TestSizes(t *testing.T) {
	t.Parallel()
	p := start(t, func(p *program, opts *dbdebug.Options) {
		opts.Actions = true
		monitored(p, opts)
	})
	conn, err := p.pg.Acquire(t.Context()) // held
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	p.traffic(60)
	p.many(3)
	b := browse(t)
	key := p.keys()["SearchCities"]
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int{320, 400, 560, 800, 1100, 1600} {
			b.size(width, 900, scheme)
			b.show(p.http.URL + "/debug/db/?open=" + key)
			b.until("document.querySelector('.detail .sql')")
			if over := value[string](b, widest); over != "" {
				t.Errorf("%d %s: %s", width, scheme, over)
			}
			for _, problem := range value[[]string](b, complaints) {
				t.Errorf("%d %s: %s", width, scheme, problem)
			}
			if width == 400 || width == 1600 {
				b.shot(fmt.Sprintf("%d %s", width, scheme))
			}
		}
	}
	b.noProblems()
}

// widest names what is wider than the page.
const widest = `(() => {
	document.querySelectorAll("details").forEach(d => d.open = true);
	const page = document.documentElement;
	const wide = [...document.querySelectorAll("body *")].filter(e => {
		const box = e.getBoundingClientRect();
		return box.width > 0 && box.right > page.clientWidth + 1 && !e.closest("caption, .sql, .skip") && !e.parentElement.closest(".facts"); // which ends in an ellipsis
	});
	document.querySelectorAll("details").forEach((d, i) => d.open = false);
	if (page.scrollWidth <= page.clientWidth && !wide.length) return "";
	return page.scrollWidth + " > " + page.clientWidth + ": " + wide.slice(0, 5).map(e => e.tagName + "." + e.getAttribute("class")).join(", ");
})()`

// complaints lists what a screen reader or weak eyes would miss.
const complaints = `(() => {
	const out = [], all = selector => [...document.querySelectorAll(selector)];
	const complain = (what, e) => out.push(what + ": " + e.outerHTML.slice(0, 120));
	const nameOf = e => (e.getAttribute("aria-label") || e.textContent || e.getAttribute("title") || "").trim();
	for (const e of all("button, a, summary, progress")) if (!nameOf(e)) complain("no name", e);
	for (const e of all("input:not([type=hidden])")) if (!e.labels.length) complain("no label", e);
	for (const e of all("th")) if (!e.scope) complain("no scope", e);
	for (const e of all("table")) if (!e.caption || !e.caption.textContent.trim()) complain("no caption", e);
	for (const e of all("svg")) if (!(e.getAttribute("role") === "img" && e.getAttribute("aria-label")) && e.getAttribute("aria-hidden") !== "true") complain("no description", e);
	for (const e of all("section")) {
		const by = e.getAttribute("aria-labelledby");
		if (!e.getAttribute("aria-label") && !(by && document.getElementById(by))) complain("no heading", e);
	}
	for (const e of all("[aria-controls]")) if (!document.getElementById(e.getAttribute("aria-controls"))) complain("controls nothing", e);
	for (const e of all("[tabindex]")) if (e.tabIndex > 0) complain("order of focus", e);
	const ids = all("[id]").map(e => e.id);
	if (new Set(ids).size !== ids.length) out.push("an id occurs twice");
	if (all("h1").length !== 1 || all("main").length !== 1 || !document.documentElement.lang || !document.title) out.push("no heading, main, language or title");
	let level = 0;
	for (const e of all("h1, h2, h3, h4")) {
		if (Number(e.nodeName[1]) > level + 1) complain("skips a level", e);
		level = Number(e.nodeName[1]);
	}
	for (const e of all("button, .button, input:not([type=hidden]), summary")) {
		const box = e.getBoundingClientRect();
		if (box.width && box.height < 18) complain("too low to hit", e);
	}

	// Contrast of each text against what is behind it: 4.5.
	const channels = color => color.match(/[\d.]+/g).map(Number);
	const light = ([r, g, b]) => { const f = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
	const behind = e => { for (; e; e = e.parentElement) { const c = channels(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const e = walk.currentNode.parentElement;
		if (!walk.currentNode.nodeValue.trim() || !e.getClientRects().length || e.closest("script, style, svg")) continue;
		const a = light(channels(getComputedStyle(e).color)), b = light(behind(e));
		const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (contrast < 4.5) complain("contrast " + contrast.toFixed(2), e);
	}
	// Contrast of charts against the page: 3.
	for (const e of all("rect:not(.track):not(.idle), .histogram path, .spark .line")) {
		if (!e.getClientRects().length) continue;
		const style = getComputedStyle(e), paint = style.fill !== "none" ? style.fill : style.stroke;
		const a = light(channels(paint)), b = light(behind(e));
		const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (contrast < 3) complain("contrast of a chart " + contrast.toFixed(2), e);
	}
	return [...new Set(out)].slice(0, 10);
})()`

// A page with a monitor says what to do, and leads to the statement. With
// -shots it takes the picture of the documentation, which takes a minute.
func TestMonitored(t *testing.T) {
	t.Parallel()
	long := *shots != ""
	p := start(t, func(p *program, opts *dbdebug.Options) {
		monitored(p, opts)
		if long {
			opts.Monitor = monitor(p, opts, time.Second)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		for ctx.Err() == nil {
			p.traffic(24)
		}
	})
	b := browse(t)
	b.size(1600, 900, "light")
	b.show(p.http.URL + "/debug/db/")
	for _, want := range []string{"MayorOf", "p99 above", "cities.csv", "Scheduler latency", "all checks pass"} {
		b.until(fmt.Sprintf("document.getElementById('main').textContent.includes(%q)", want))
	}
	if long {
		<-time.After(time.Minute)
		b.shot("dbdebug")
		b.run(chromedp.Click(chromedp.CSS(`.spanlist summary`)))
		b.shot("span")
	}
	b.run(chromedp.Click(chromedp.CSS(`.findings .about a`)))
	b.until(`document.querySelector(".detail .sql")`)
	b.noProblems()
}

// The first paint with 1,000 statements is quick, since it shows 100; all of
// them are shown on demand.
func TestManyStatements(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	p.many(1000)
	b := browse(t)
	b.size(1600, 900, "light")
	b.show(p.http.URL + "/debug/db/")
	b.until(`performance.getEntriesByName("first-contentful-paint").length`)
	paint := value[float64](b, `performance.getEntriesByName("first-contentful-paint")[0].startTime`)
	t.Logf("the first paint came after %.0f ms, with %d bytes", paint, len(p.get("/debug/db/")))
	if paint > 5000 {
		t.Errorf("the first paint came after %.0f ms", paint)
	}
	if n := value[int](b, shown); n != 100 {
		t.Errorf("%d rows, want 100", n)
	}
	b.run(chromedp.Click(chromedp.CSS(`#shown a`)))
	b.until(shown + " > 999")
	if over := value[string](b, widest); over != "" {
		t.Error(over)
	}
	b.run(chromedp.Click(chromedp.CSS(`#shown a`)))
	b.until(shown + " === 100")
	b.noProblems()
}
