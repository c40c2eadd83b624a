package changes

import (
	"context"
	"sync"
	"time"
)

// lateCommits holds the commits of a handle whose changes could not be
// determined in time. The first puts all tables in doubt. Later commits that
// come during its examination share that doubt and do not wait.
type lateCommits struct {
	mu   sync.Mutex
	open map[*Database]*lateGroup // groups that further commits may join; guarded by mu
}

// A lateGroup holds the commits that share the doubt of another.
type lateGroup struct {
	commits  []commitReport // guarded by the mutex of lateCommits while the group is open
	notified *[]*listener   // the listeners that were notified of the doubt
}

// lateTimeout bounds the examination of a late commit, which counts as a change
// to all tables after that. It also bounds a group.
const lateTimeout = 5 * time.Second

// join adds a commit to an open group, requests its missing examinations, and
// reports whether there was such a group.
func (l *lateCommits) join(a commitReport) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.joinOpen(a)
}

// joinOpen is join with mu held.
func (l *lateCommits) joinOpen(a commitReport) bool {
	g := l.open[a.at]
	if g == nil || g.notified != a.tracker.listeners.all.Load() {
		return false
	}
	_, unknown := a.known()
	if len(unknown) == 0 {
		return false
	}
	for _, key := range unknown {
		a.tracker.request(key)
	}
	g.commits = append(g.commits, a)
	return true
}

// begin announces that all tables are in doubt, and resolves that in the
// background, unless another commit has done so meanwhile.
func (l *lateCommits) begin(ctx context.Context, a commitReport, notify func(context.Context, []Change)) {
	l.mu.Lock()
	defer l.mu.Unlock() // held until all listeners are notified of the doubt: commits that join do not notify them
	if l.joinOpen(a) {
		return
	}
	g := &lateGroup{notified: a.tracker.listeners.all.Load()}
	all := a.notifyAllInDoubt(notify, ctx)
	if l.open == nil {
		l.open = make(map[*Database]*lateGroup)
	}
	l.open[a.at] = g
	a.tracker.requests.inBackground(func(ctx context.Context) { l.resolve(ctx, a, g, all) })
}

// resolve ends the doubt that first has begun, after it has announced the
// changes of first and of each commit that has joined it.
func (l *lateCommits) resolve(ctx context.Context, first commitReport, g *lateGroup, all []Change) {
	changes, err := first.find(ctx, lateTimeout)
	l.mu.Lock()
	if l.open[first.at] == g {
		delete(l.open, first.at)
	}
	l.mu.Unlock()
	notify := first.tracker.listeners.notify
	deadline := time.Now().Add(lateTimeout)
	for _, a := range g.commits {
		if err != nil || hasAllTables(changes) {
			break
		}
		notify(ctx, withDatabase(first.at, changes))
		changes, err = a.find(ctx, time.Until(deadline))
	}
	switch {
	case ctx.Err() != nil: // the handle is closed
	case err != nil || hasAllTables(changes):
		notify(ctx, withState(all, Resolved))
	default:
		notify(ctx, append(withDatabase(first.at, changes), withState(all, Unchanged)...))
	}
}
