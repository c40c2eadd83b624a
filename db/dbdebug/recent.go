package dbdebug

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

const (
	patience   = 300 * time.Millisecond // for an answer, before the page shows the previous one
	askTimeout = 2 * time.Second        // of the question itself
)

// recent is the latest answer to a question that may take long. At most one
// call asks at a time; all callers share it.
type recent[T any] struct {
	what string // is asked, for the log
	ask  func(context.Context) T

	mu      sync.Mutex
	last    T             // guarded by mu
	at      time.Time     // of last; zero if there is none; guarded by mu
	failed  bool          // the last call panicked; guarded by mu
	running chan struct{} // closed at the end of the running call; nil if none runs; guarded by mu
}

// get returns the answer of a call that ends within patience, and otherwise the
// previous answer, with the problem.
func (r *recent[T]) get(ctx context.Context) (answer T, problem string) {
	r.mu.Lock()
	if r.running == nil {
		r.running = make(chan struct{})
		go r.run(context.WithoutCancel(ctx), r.running)
	}
	running := r.running
	r.mu.Unlock()

	timer := time.NewTimer(patience)
	defer timer.Stop()
	late := false
	select {
	case <-running:
	case <-timer.C:
		late = true
	case <-ctx.Done():
		late = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.failed:
		problem = "panicked (see the log of the program)"
	case late && r.at.IsZero():
		problem = fmt.Sprintf("no answer within %v", patience)
	case late:
		problem = fmt.Sprintf("no answer within %v; the last one is %v old", patience, time.Since(r.at).Round(time.Second))
	}
	return r.last, problem
}

func (r *recent[T]) run(ctx context.Context, done chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var answer T
	ok := false
	defer func() {
		if v := recover(); v != nil {
			slog.Error("dbdebug: panic", "in", r.what, "panic", v, "stack", string(debug.Stack()))
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.failed = !ok; ok {
			r.last, r.at = answer, time.Now()
		}
		r.running = nil
		close(done)
	}()
	answer = r.ask(ctx)
	ok = true
}
