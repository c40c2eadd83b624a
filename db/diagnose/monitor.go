package diagnose

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/headrace/headrace/db"
)

// A Monitor measures a handle, its caches and the process in windows. It is
// safe for concurrent use.
type Monitor struct {
	opts   Options
	source source
	server *server // asked by Findings

	ctx  context.Context // done when the Monitor is closed; of the goroutine
	stop context.CancelFunc
	done chan struct{} // closed when the goroutine has ended
	lag  call          // of Options.Lag

	sampling func() // stops the recording of all acquisitions; nil if it is not on; of the goroutine

	mu      sync.Mutex
	windows []Window // at most opts.Windows; guarded by mu
	watches watches  // guarded by mu; changed by the goroutine only
}

// A source is what a Monitor measures.
type source struct {
	read   func() *reading
	held   func(longer time.Duration) []db.HeldConnection
	sample func() (stop func()) // all acquisitions
}

// New starts a Monitor of a handle: one goroutine, which measures at the end of
// each window. The caller must Close it, before the handle.
//
// On a handle of [db.New], whose statements are not measured, a Monitor sees
// the pool, the process, the caches and the locks.
func New(pg *db.DB, opts *Options) (*Monitor, error) {
	if pg == nil {
		return nil, errors.New("diagnose: New needs a handle, got nil")
	}
	if err := opts.validate(); err != nil {
		return nil, err
	}
	o := opts.withDefaults()
	m := newMonitor(o, newServer(pg.Config()), source{
		read:   func() *reading { return read(pg, o.Caches) },
		held:   pg.Held,
		sample: pg.SampleAcquisitions,
	})
	return m, nil
}

func newMonitor(opts Options, server *server, from source) *Monitor {
	ctx, stop := context.WithCancel(context.Background())
	m := &Monitor{opts: opts, source: from, server: server, ctx: ctx, stop: stop, done: make(chan struct{}), watches: newWatches(opts.Thresholds)}
	first := from.read()
	go m.run(first)
	return m
}

// Close ends the Monitor and waits for its goroutine. Windows, Findings,
// Bottleneck and Warnings then describe the time before. It may be called more
// than once.
func (m *Monitor) Close() {
	m.stop()
	<-m.done
	m.server.close()
}

// Windows returns the windows that are kept, oldest first. The caller must not
// change what they refer to.
func (m *Monitor) Windows() []Window {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.windows)
}

// Warnings returns the thresholds that are crossed now, reported or not.
func (m *Monitor) Warnings() []Warning {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.watches.crossed()
}

// run measures until the Monitor is closed.
func (m *Monitor) run(last *reading) {
	defer close(m.done)
	defer m.sampleAcquisitions(false)
	ticker := time.NewTicker(m.opts.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-m.ctx.Done():
			return
		case <-ticker.C:
		}
		next := m.source.read()
		w := next.since(last, m.watches.listed)
		last = next
		m.measureLag(&w)
		for _, warning := range m.add(w) {
			m.report(warning)
		}
		m.sampleAcquisitions(len(m.source.held(m.opts.HeldFor/2)) > 0)
		m.server.closeIdle()
	}
}

// add keeps a window, and returns the warnings that it leads to.
func (m *Monitor) add(w Window) []Warning {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.windows) == m.opts.Windows {
		m.windows = slices.Delete(m.windows, 0, 1)
	}
	m.windows = append(m.windows, w)
	var out []Warning
	for i := range m.watches {
		if warning, ok := m.watches[i].observe(&w); ok {
			out = append(out, warning)
		}
	}
	return out
}

// sampleAcquisitions turns the recording of all acquisitions on or off. It
// leaves on what the program has turned on.
func (m *Monitor) sampleAcquisitions(on bool) {
	switch {
	case on && m.sampling == nil:
		m.sampling = m.source.sample()
	case !on && m.sampling != nil:
		m.sampling()
		m.sampling = nil
	}
}

const lagTimeout = time.Second

// measureLag sets the lag of a window.
func (m *Monitor) measureLag(w *Window) {
	if m.opts.Lag == nil {
		return
	}
	ctx, cancel := context.WithTimeout(m.ctx, min(lagTimeout, m.opts.Interval))
	defer cancel()
	lag, err := callLag(ctx, &m.lag, m.opts.Lag)
	if err != nil {
		w.Notes = append(w.Notes, "the lag of the replica is unknown: "+describe(err))
		return
	}
	w.Lag = max(lag, 0)
}

// report logs a warning and calls the program's function.
func (m *Monitor) report(w Warning) {
	level, text := slog.LevelWarn, "threshold crossed"
	if w.Over {
		level, text = slog.LevelInfo, "threshold no longer crossed"
	}
	attrs := []slog.Attr{
		slog.String("threshold", w.Threshold.String()), slog.String("value", w.Value.String()), slog.Time("since", w.Since),
	}
	if w.Missed > 0 {
		attrs = append(attrs, slog.Int("not_reported_before", w.Missed))
	}
	m.opts.Logger.LogAttrs(m.ctx, level, text, attrs...)
	if m.opts.OnWarning == nil {
		return
	}
	defer func() {
		if value := recover(); value != nil { // its text may be anything
			m.opts.Logger.ErrorContext(m.ctx, "Options.OnWarning panicked", "type", fmt.Sprintf("%T", value), "stack", string(debug.Stack()))
		}
	}()
	m.opts.OnWarning(m.ctx, w)
}
