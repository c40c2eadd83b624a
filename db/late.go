package db

import (
	"context"
	"sync"
	"time"
)

// lateCommits are the commits of a handle of which it is not known in time what
// they changed. The first makes everything doubtful; those that come while its
// answer is awaited share its doubt, and wait for nothing.
type lateCommits struct {
	mu     sync.Mutex
	open   map[*Database]*lateGroup // may be joined; guarded by mu, as is
	groups int                      // doubts that have not ended
}

// A lateGroup is the commits that share the doubt of another.
type lateGroup struct {
	commits []account    // that have joined it; guarded by the mutex of lateCommits until none can
	told    *[]*listener // of the doubt
}

const (
	mostLate    = 64              // doubts at a time
	mostInGroup = 4096            // commits of one doubt
	latestEnd   = 5 * time.Second // after which a late commit has changed everything
)

// join adds a commit to a doubt that has begun and reports whether it has. What
// the commit changed is asked for, if that is not known.
func (l *lateCommits) join(a account) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.open[a.at]
	if g == nil || len(g.commits) == mostInGroup || g.told != a.db.listeners.all.Load() {
		return false
	}
	_, unknown := a.known()
	if len(unknown) == 0 {
		return false
	}
	for _, key := range unknown {
		a.db.inquire(key)
	}
	g.commits = append(g.commits, a)
	return true
}

// begin announces by tell that everything is in doubt, for what a commit changed
// is to be found in the background. It reports false where too much is.
func (l *lateCommits) begin(ctx context.Context, a account, tell func(context.Context, []Change)) bool {
	if !l.add() {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock() // nobody joins before all have been told
	g := &lateGroup{told: a.db.listeners.all.Load()}
	all := a.doubtAll(tell, ctx)
	if l.open == nil {
		l.open = make(map[*Database]*lateGroup)
	}
	l.open[a.at] = g
	a.db.inquiries.goOn(func(ctx context.Context) {
		defer l.remove()
		l.settle(ctx, a, g, all)
	})
	return true
}

// settle ends the doubt that the first commit has begun, after what it changed and
// each of those that have joined it.
func (l *lateCommits) settle(ctx context.Context, first account, g *lateGroup, all []Change) {
	changes, err := first.find(ctx, latestEnd)
	l.mu.Lock()
	if l.open[first.at] == g {
		delete(l.open, first.at)
	}
	l.mu.Unlock()
	tell := first.db.listeners.tell
	deadline := time.Now().Add(latestEnd)
	for _, a := range g.commits {
		if err != nil || isEverything(changes) {
			break
		}
		tell(ctx, in(first.at, changes))
		changes, err = a.find(ctx, time.Until(deadline))
	}
	switch {
	case ctx.Err() != nil: // the handle is closed
	case err != nil || isEverything(changes):
		tell(ctx, inState(all, Settled))
	default:
		tell(ctx, append(in(first.at, changes), inState(all, Unchanged)...))
	}
}

// add counts a doubt that begins. It reports false where there are too many.
func (l *lateCommits) add() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.groups == mostLate {
		return false
	}
	l.groups++
	return true
}

func (l *lateCommits) remove() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.groups--
}
