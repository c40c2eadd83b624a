package diagnose

import (
	"fmt"
	"time"

	"github.com/headrace/headrace/db"
)

// lockWaits finds sessions that wait for locks, and transactions that hold
// theirs for long.
func (p *picture) lockWaits() []Finding {
	var out []Finding
	a := &p.activity
	if a.waiting > 0 {
		f := Finding{
			Kind: LockWaits, Share: part(int64(a.waiting), int64(max(a.active, a.waiting))),
			Title:    fmt.Sprintf("%s for locks", plural(a.waiting, "session waits", "sessions wait")),
			Evidence: fmt.Sprintf("The longest has waited for %v.", rounded(a.longest)),
			Do:       "Keep transactions short, and lock rows in the same order everywhere. Set lock_timeout for migrations.",
		}
		if a.tables != "" {
			f.Evidence += " The locks are of " + a.tables + "."
		}
		f.Evidence += fmt.Sprintf(" %s them.", plural(a.blockers, "session blocks", "sessions block"))
		if a.sleeping > 0 {
			f.Evidence += fmt.Sprintf(" Of these, %d: idle in a transaction.", a.sleeping)
			f.Do = "End transactions before doing anything else, such as calling other services. idle_in_transaction_session_timeout bounds what is forgotten."
		}
		out = append(out, f)
	}
	if a.idleInTx == 0 && a.longTx == 0 && a.preparedXact == 0 {
		return out
	}
	f := Finding{
		Kind: LockWaits, Title: "Transactions are open for long",
		Do: "End them: they keep locks, and VACUUM cannot remove the rows that they may still see. Run long reports on a standby, and set idle_in_transaction_session_timeout.",
	}
	f.Evidence = fmt.Sprintf("%s open for more than %v, the oldest for %v.", plural(a.longTx, "transaction is", "transactions are"), p.opts.HeldFor, rounded(a.longestTx))
	if a.idleInTx > 0 {
		f.Evidence += fmt.Sprintf(" %s idle in a transaction for more than %v, the longest for %v.", plural(a.idleInTx, "session is", "sessions are"), rounded(idleInTxFor(p.opts.HeldFor)), rounded(a.longestIdle))
	}
	if a.preparedXact > 0 {
		f.Evidence += fmt.Sprintf(" %s (PREPARE TRANSACTION) and not ended.", plural(a.preparedXact, "older transaction is prepared", "older transactions are prepared"))
	}
	return append(out, f)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// A leak is a place of the program that does not return connections.
type leak struct {
	frame       db.Frame
	running, tx bool
	statement   string
}

// connectionsLeaked finds connections that have been in use for long.
func (p *picture) connectionsLeaked() []Finding {
	longest := make(map[leak]db.HeldConnection)
	count := make(map[leak]int)
	var order []leak // longest first, as Held returns them
	for _, h := range p.held {
		key := leak{running: h.Running, tx: h.InTx, statement: h.Statement}
		if len(h.Stack) > 0 {
			key.frame = h.Stack[0]
		}
		if count[key]++; count[key] == 1 {
			longest[key] = h
			order = append(order, key)
		}
	}
	conns := 0
	if len(p.windows) > 0 {
		conns = p.windows[len(p.windows)-1].Pool.Max
	}
	var out []Finding
	for _, key := range order[:min(len(order), maxFindings)] {
		out = append(out, leakFinding(longest[key], count[key], max(conns, len(p.held))))
	}
	return out
}

func leakFinding(h db.HeldConnection, n, conns int) Finding {
	f := Finding{Kind: ConnectionLeaked, Share: part(int64(n), int64(conns)), Stack: h.Stack}
	var what string
	switch {
	case h.Running:
		what = "a statement runs, or its rows are not closed"
		f.Do = "Close the rows, also on errors (defer rows.Close()), or read with All and Each, which do. Bound statements that may take long by a context or statement_timeout."
	case h.InTx:
		what = "a transaction is open"
		f.Do = "End the transaction on every path: InTx does. Do not wait for anything else inside of it."
	default:
		what = "no transaction is open and no statement runs"
		f.Do = "Release the connection on every path (defer conn.Release()): AcquireFunc does."
	}
	held := rounded(h.For.Round(time.Millisecond))
	f.Title = fmt.Sprintf("%s not returned for %v", plural(n, "connection is", "connections are"), held)
	f.Evidence = fmt.Sprintf("In use for %v; %s.", held, what)
	if h.Statement != "" {
		f.Evidence += " The last statement is " + h.Statement + "."
	}
	if len(h.Stack) > 0 {
		f.Evidence += fmt.Sprintf(" Acquired in %s, line %d.", h.Stack[0].Function, h.Stack[0].Line)
	} else {
		f.Evidence += " Where it was acquired was not recorded; acquisitions are recorded from now on, for as long as connections are held."
	}
	return f
}
