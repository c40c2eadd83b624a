package diagnose

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/headrace/headrace/querycache"
)

// Options configures a Monitor. The zero value, and a nil *Options, mean the
// defaults.
type Options struct {
	// Interval is the length of a window. Default 5 s; at least 10 ms.
	Interval time.Duration

	// Windows is the number of windows that are kept. Default 120, which is 10
	// minutes; at least 12, since findings are about the last 12 windows.
	Windows int

	// Caches are the caches to watch, by a name for display.
	Caches map[string]*querycache.Cache

	// Thresholds are watched, and Warnings, OnWarning and Logger report those
	// that are crossed.
	Thresholds []Threshold

	// OnWarning is called with each warning, on the goroutine of the Monitor:
	// the next window waits for it. A panic in it is logged. It must not call
	// Monitor.Close. Default nil.
	OnWarning func(context.Context, Warning)

	// HeldFor is how long a connection may be in use before it is reported as
	// leaked, and a transaction may be open before it is reported as long. A
	// transaction that is idle is reported after a third of it, and a wait for
	// a lock after a thirtieth. While a connection has been in use for more
	// than half of it, the Monitor makes the handle record where connections
	// are acquired. Default 30 s.
	HeldFor time.Duration

	// Lag returns the lag of a replica. It is called once per window on a
	// goroutine of its own, and must return when its context is done, which is
	// after a second or an Interval, whichever is shorter. Default nil: there
	// is no replica.
	Lag func(context.Context) (time.Duration, error)

	// Logger receives warnings. Default slog.Default().
	Logger *slog.Logger
}

const (
	defaultInterval = 5 * time.Second
	minInterval     = 10 * time.Millisecond
	defaultWindows  = 120
	defaultHeldFor  = 30 * time.Second

	// horizon is the number of windows that findings are about: a minute, by
	// default.
	horizon = 12
)

// withDefaults returns a copy of o with zero values replaced by defaults.
func (o *Options) withDefaults() Options {
	var out Options
	if o != nil {
		out = *o
	}
	if out.Interval == 0 {
		out.Interval = defaultInterval
	}
	if out.Windows == 0 {
		out.Windows = defaultWindows
	}
	if out.HeldFor == 0 {
		out.HeldFor = defaultHeldFor
	}
	if out.Logger == nil {
		out.Logger = slog.Default()
	}
	out.Caches = maps.Clone(out.Caches)
	out.Thresholds = slices.Clone(out.Thresholds)
	for i := range out.Thresholds {
		out.Thresholds[i] = out.Thresholds[i].withDefaults()
	}
	return out
}

// validate returns an error that names the first invalid field. It runs before
// withDefaults.
func (o *Options) validate() error {
	if o == nil {
		return nil
	}
	switch {
	case o.Interval != 0 && o.Interval < minInterval:
		return fmt.Errorf("diagnose: Options.Interval is %v: want 0 (the default, %v) or at least %v", o.Interval, defaultInterval, minInterval)
	case o.Windows != 0 && o.Windows < horizon:
		return fmt.Errorf("diagnose: Options.Windows is %d: want 0 (the default, %d) or at least %d", o.Windows, defaultWindows, horizon)
	case o.HeldFor < 0:
		return fmt.Errorf("diagnose: Options.HeldFor is %v: want 0 (the default, %v) or more", o.HeldFor, defaultHeldFor)
	}
	for i, t := range o.Thresholds {
		problem := t.invalid()
		if problem == "" {
			problem = t.lacks(o)
		}
		if problem != "" {
			return fmt.Errorf("diagnose: Options.Thresholds[%d].%s", i, problem)
		}
	}
	return nil
}

// lacks describes what the options lack that the threshold is about, beginning
// with the name of its field. It returns "" if they lack nothing.
func (t Threshold) lacks(o *Options) string {
	if t.Metric == ReplicaLag && o.Lag == nil {
		return "Metric is ReplicaLag, and Options.Lag is nil"
	}
	if t.Metric != HitRatio {
		return ""
	}
	if len(o.Caches) == 0 {
		return "Metric is HitRatio, and Options.Caches is empty"
	}
	if _, ok := o.Caches[t.Cache]; t.Cache != "" && !ok {
		return fmt.Sprintf("Cache is %q, which Options.Caches does not contain", t.Cache)
	}
	return ""
}
