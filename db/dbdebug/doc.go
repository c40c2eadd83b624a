// Package dbdebug serves a page about a live program: whether it is healthy,
// what limits it, its statements with their plans, its spans, its connections
// and its caches.
//
//	mux.Handle("/debug/db/", auth(dbdebug.Handler(pg, &dbdebug.Options{Monitor: monitor, Health: health})))
//	server.Handler = dbdebug.Middleware(mux)
//
// The page has no authentication of its own. It shows the texts of statements,
// names of tables and places in the program: mount it behind the
// authentication of the program. It shows no argument, and no constant of a
// statement's text.
//
// [Middleware] measures each request as a span, which the page shows.
// [LiveHandler] and [ReadyHandler] answer the probes of an orchestrator.
//
// # The page
//
// The page is one document without external requests; its Content-Security-Policy
// admits nothing but itself. It refreshes every 2 seconds while it is visible,
// and works without JavaScript. Sort order, filter and the open statement are
// part of its address, which can be sent to a colleague.
//
// Below the address of the page, data.json is the same as JSON: all statements,
// durations in seconds. Its fields may change between versions.
//
// # Costs
//
// The page costs nothing while it is not open. A request reads what the
// handle, the Monitor and the caches have measured, and asks the server only for
// what Monitor.Findings and Health.Ready ask it, at most once for all viewers at
// a time. The page never waits for the server or for a [Panel] for longer than
// 300 ms; it then shows the last answer, and its age. Plans are made on demand,
// one at a time.
//
// # Design notes
//
// The refresh replaces what has changed by the server's HTML, and does not make
// rows from JSON: then there is one place that escapes texts, html/template, and
// the page is the same with and without JavaScript.
package dbdebug
