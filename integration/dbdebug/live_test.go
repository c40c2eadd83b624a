package dbdebug_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/headrace/headrace/db/dbdebug"
	"github.com/headrace/headrace/integration/pgtest"
)

// Expressions about the table of statements.
const (
	rowOf    = `[...document.querySelectorAll("table.statements tbody tr:not(.detail)")].find(r => r.textContent.includes("SetPopulation"))`
	callsOf  = rowOf + `.querySelector("td.w1").textContent.trim()`
	allCalls = `[...document.querySelectorAll("table.statements tbody td.w1")].map(c => Number(c.textContent.replace(/\D/g, "")))`
	shown    = `document.querySelectorAll("table.statements tbody tr:not(.detail)").length`
)

// A refresh changes what has changed, and keeps the focus, the selection, open
// details, the order and the rows themselves.
func TestRefresh(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	_ = p.get("/report")
	for range 3 {
		pgtest.Exec(t, p.pg, setPopulation, 1, 1)
	}
	b := browse(t)
	b.size(1600, 300, "light")
	b.show(p.http.URL + "/debug/db/?sort=-calls")
	b.until(`document.getElementById("live").dataset.state === "live"`)
	if got := value[string](b, callsOf); got != "3" {
		t.Errorf("%s calls, want 3", got)
	}
	b.run(chromedp.Evaluate[chromedp.Void](`(() => {
		window.marker = ` + rowOf + `;
		document.querySelector(".spanlist details").open = true;
		document.querySelector("[data-key=sort-max]").focus();
		getSelection().selectAllChildren(document.querySelector(".spanlist .name"));
		document.documentElement.scrollTop = 40;
	})()`))
	for range 4 {
		pgtest.Exec(t, p.pg, setPopulation, 1, 1)
	}
	for range 10 {
		pgtest.Exec(t, p.pg, "SELECT 1 AS another")
	}
	b.until(callsOf + ` === "7"`)
	for what, expression := range map[string]string{
		"the row":        `window.marker === ` + rowOf,
		"open details":   `document.querySelector(".spanlist details").open`,
		"the focus":      `document.activeElement.dataset.key === "sort-max"`,
		"the selection":  `getSelection().toString().length > 3`,
		"the order":      `document.querySelector("th[aria-sort=descending] button").dataset.key === "sort-calls"`,
		"sorted rows":    allCalls + `.every((n, i, all) => i === 0 || n <= all[i-1])`,
		"the new row":    `document.querySelector("table.statements tbody tr").textContent.includes("another") || ` + allCalls + `[0] >= 10`,
		"the scroll bar": `document.documentElement.scrollTop === 40`,
	} {
		if !value[bool](b, expression) {
			t.Errorf("%s is not kept", what)
		}
	}
	b.noProblems()
}

// Paused and hidden pages ask for nothing, and one that lost its server says so.
func TestRefreshStops(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	pgtest.Exec(t, p.pg, setPopulation, 1, 1)
	b := browse(t)
	b.show(p.http.URL + "/debug/db/")
	const requests = `performance.getEntriesByType("resource").length`
	b.until(requests + " > 1")
	b.run(chromedp.Click(chromedp.CSS(`#pause`)))
	b.until(`document.getElementById("live").textContent === "paused"`)
	const still = `new Promise(done => { const n = ` + requests + `; setTimeout(() => done(` + requests + ` - n), 5000); })`
	b.run(chromedp.Click(chromedp.CSS(`[data-key=sort-calls]`))) // one request
	b.until(`document.querySelector("[aria-sort] [data-key=sort-calls]")`)
	if n := value[int](b, still); n != 0 {
		t.Errorf("%d requests while paused", n)
	}
	b.run(chromedp.Click(chromedp.CSS(`#pause`)))
	b.until(`document.getElementById("live").textContent === "live"`)
	const hide = `Object.defineProperty(document, "hidden", {configurable: true, get: () => window.isHidden}); window.isHidden = %; document.dispatchEvent(new Event("visibilitychange"));`
	b.run(chromedp.Evaluate[chromedp.Void](strings.Replace(hide, "%", "true", 1)))
	if n := value[int](b, still); n > 1 { // one may have been under way
		t.Errorf("%d requests while hidden", n)
	}
	before := value[int](b, requests)
	b.run(chromedp.Evaluate[chromedp.Void](strings.Replace(hide, "%", "false", 1)))
	b.until(fmt.Sprintf("%s > %d", requests, before))
	b.noProblems()
	p.http.CloseClientConnections()
	p.http.Listener.Close()
	b.until(`document.getElementById("live").dataset.state === "lost"`)
	if got := value[string](b, callsOf); got != "1" {
		t.Errorf("the last figures are gone: %s", got)
	}
}

// The order, the filter and the details work by keyboard, and are in the
// address.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	p.many(5)
	pgtest.Exec(t, p.pg, setPopulation, 1, 1)
	pgtest.Exec(t, p.pg, setPopulation, 1, 1)
	b := browse(t)
	b.size(1600, 900, "dark")
	b.show(p.http.URL + "/debug/db/")
	press := func(keys string) { b.run(chromedp.KeyEvent(keys)) }
	focused := func(expression string) {
		t.Helper()
		for range 60 {
			press(kb.Tab)
			if value[bool](b, "document.activeElement.matches("+expression+")") {
				if outline := value[string](b, `getComputedStyle(document.activeElement).outlineStyle`); outline == "none" {
					t.Errorf("the focus on %s is not visible", expression)
				}
				return
			}
		}
		t.Fatalf("Tab does not reach %s", expression)
	}
	press(kb.Tab)
	if !value[bool](b, `document.activeElement.matches(".skip")`) {
		t.Error("the first link does not skip to the statements")
	}
	focused(`"#q"`)
	press("SetPop")
	b.until(shown + " === 1")
	if !value[bool](b, `document.activeElement.id === "q" && document.activeElement.value === "SetPop" && location.search.includes("q=SetPop")`) {
		t.Error("filtering takes the focus, or is not in the address")
	}
	press(kb.Control + "a" + kb.Backspace)
	b.run(chromedp.Evaluate[chromedp.Void](`document.getElementById("q").value = ""; document.getElementById("q").dispatchEvent(new Event("input", {bubbles: true}))`))
	b.until(shown + " > 5")
	focused(`"[data-key=sort-calls]"`)
	press(kb.Enter)
	b.until(`document.querySelector("th[aria-sort=descending] [data-key=sort-calls]")`)
	press(" ")
	b.until(`document.querySelector("th[aria-sort=ascending] [data-key=sort-calls]")`)
	if !value[bool](b, allCalls+`.every((n, i, all) => i === 0 || n >= all[i-1]) && document.activeElement.dataset.key === "sort-calls"`) {
		t.Error("not sorted, or the focus is lost")
	}
	focused(`"[data-key^='o-']"`)
	press(kb.Enter)
	b.until(`document.activeElement.getAttribute("aria-expanded") === "true" && document.querySelector(".detail .sql")`)
	address := value[string](b, "location.search")
	if !strings.Contains(address, "sort=calls") || !strings.Contains(address, "open=") {
		t.Errorf("the address is %s", address)
	}
	press(kb.Enter)
	b.until(`!document.querySelector(".detail")`)
	b.run(chromedp.NavigateBack())
	b.until(`document.querySelector(".detail .sql")`)
	b.noProblems()
}

// A plan is shown in the details, and survives refreshes.
func TestPlan(t *testing.T) {
	t.Parallel()
	p := start(t, func(_ *program, opts *dbdebug.Options) { opts.Actions = true })
	_ = p.get("/search?q=a")
	_ = p.get("/report")
	b := browse(t)
	b.size(1200, 900, "light")
	b.show(p.http.URL + "/debug/db/?open=" + p.keys()["SearchCities"])
	b.run(chromedp.Click(chromedp.CSS(`a[data-load]`)))
	b.until(`document.querySelector(".tree .node")`)
	if got := value[string](b, `document.querySelector(".tree").textContent`); !strings.Contains(got, "Seq Scan on public.cities") && !strings.Contains(got, "Seq Scan on cities") {
		t.Errorf("the plan is %s", got)
	}
	pgtest.Exec(t, p.pg, "SELECT 1 AS later")
	b.until(`document.querySelector(".statements").textContent.includes("later")`)
	if !value[bool](b, `Boolean(document.querySelector(".tree .node"))`) {
		t.Error("a refresh removed the plan")
	}
	b.shot("plan")

	b.show(p.http.URL + "/debug/db/?open=" + p.keys()["Countries"])
	b.run(chromedp.Click(chromedp.CSS(`a[data-load]`)))
	b.until(`document.querySelector(".planned form button")`)
	b.run(chromedp.Click(chromedp.CSS(`.planned form button`)))
	b.until(`document.querySelector(".planned") && document.body.textContent.includes("Measured by the server")`)
	b.shot("measured plan")
	b.noProblems()
}

// Buttons that change something ask the server by a form of the page.
func TestInvalidateFromPage(t *testing.T) {
	t.Parallel()
	p := start(t, func(_ *program, opts *dbdebug.Options) { opts.Actions = true })
	_ = p.get("/cities/1")
	b := browse(t)
	b.show(p.http.URL + "/debug/db/?sort=-calls")
	b.run(chromedp.Click(chromedp.CSS(`section[aria-label="Cache cities"] > form button`)))
	b.until(`document.body.textContent.includes("All entries of the cache were invalidated") && location.search.includes("sort=-calls")`)
	_ = p.get("/cities/1")
	if got := p.cache.Stats(); got.Answered() > 0 {
		t.Errorf("the entry is still valid: %+v", got)
	}
	b.noProblems()
}

// Without JavaScript the page shows the same, and sorts and filters.
func TestWithoutJavaScript(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	p.many(3)
	for range 5 {
		pgtest.Exec(t, p.pg, setPopulation, 1, 1)
	}
	b := browse(t)
	b.size(1000, 900, "light")
	b.run(chromedp.Navigate("about:blank"))
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	b.show(p.http.URL + "/debug/db/")
	visible := value[string](b, `getComputedStyle(document.getElementById("pause")).display + document.getElementById("live").textContent`)
	if visible != "nonenot live" {
		t.Errorf("the page claims to be live: %s", visible)
	}
	b.run(chromedp.Click(chromedp.CSS(`[data-key=sort-calls]`)))
	b.until(`location.search.includes("sort=-calls") && document.querySelector("th[aria-sort=descending] [data-key=sort-calls]")`)
	b.run(chromedp.Click(chromedp.CSS(`[data-key^='o-']`)))
	b.until(`document.querySelector(".detail .sql") && document.querySelector("th[aria-sort=descending] [data-key=sort-calls]")`)
	b.run(chromedp.SendKeys(chromedp.CSS(`#q`), "SetPop"+kb.Enter))
	b.until(shown + " === 1")
	b.run(chromedp.Click(chromedp.CSS(`a[data-load]`)))
	b.until(`document.querySelector(".planned")`)
	b.noProblems()
}
