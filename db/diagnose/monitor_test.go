package diagnose

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/db"
)

// A fake is what a Monitor of tests measures: the CPU is used by the given
// share.
type fake struct {
	share    atomic.Int64 // of one CPU, in percent
	held     atomic.Pointer[[]db.HeldConnection]
	sampling atomic.Int64 // how often it was turned on, minus off
	loops    atomic.Pointer[[]db.Loop]
	activity atomic.Pointer[activity]
	asked    atomic.Int64

	cpu  time.Duration // owned by the goroutine of the Monitor
	last time.Time
}

func (f *fake) read() *reading {
	now := time.Now()
	if !f.last.IsZero() {
		f.cpu += now.Sub(f.last) * time.Duration(f.share.Load()) / 100
	}
	f.last = now
	r := &reading{at: now, process: processReading{cpu: f.cpu, maxProcs: 1}}
	if loops := f.loops.Load(); loops != nil {
		r.loops = loopsOf(*loops)
	}
	return r
}

// start returns a Monitor of f. Tests call it in a bubble of synctest.
func (f *fake) start(t *testing.T, opts *Options) *Monitor {
	t.Helper()
	if err := opts.validate(); err != nil {
		t.Fatal(err)
	}
	ask := func(context.Context, time.Duration) activity {
		f.asked.Add(1)
		if a := f.activity.Load(); a != nil {
			return *a
		}
		return activity{}
	}
	return newMonitor(opts.withDefaults(), &server{ask: ask}, source{
		read: f.read,
		held: func(longer time.Duration) (out []db.HeldConnection) {
			if all := f.held.Load(); all != nil {
				for _, h := range *all {
					if h.For > longer {
						out = append(out, h)
					}
				}
			}
			return out
		},
		sample: func() (stop func()) {
			f.sampling.Add(1)
			return func() { f.sampling.Add(-1) }
		},
	})
}

func TestWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(fake)
		m := f.start(t, &Options{Windows: 20})
		defer m.Close()
		if got := m.Windows(); len(got) != 0 {
			t.Errorf("%d windows at the beginning", len(got))
		}
		f.share.Store(50)
		time.Sleep(17 * time.Second)
		windows := m.Windows()
		if len(windows) != 3 {
			t.Fatalf("%d windows after 17 s, want 3", len(windows))
		}
		for i, w := range windows {
			if w.elapsed() != 5*time.Second || w.Runtime.CPU != 0.5 || i > 0 && !w.Began.Equal(windows[i-1].Ended) {
				t.Errorf("window %d: %v to %v, CPU %v", i, w.Began, w.Ended, w.Runtime.CPU)
			}
		}
		time.Sleep(time.Hour)
		if got := m.Windows(); len(got) != 20 || time.Since(got[19].Ended) > 5*time.Second {
			t.Errorf("%d windows after an hour, want the last 20", len(got))
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(fake)
		m := f.start(t, nil)
		time.Sleep(11 * time.Second)
		m.Close()
		m.Close()
		time.Sleep(time.Minute)
		if got := m.Windows(); len(got) != 2 {
			t.Errorf("%d windows, want the 2 from before", len(got))
		}
		m.Findings(t.Context())
	})
}

// A crossing is logged and reported by the function, whose panic changes
// nothing.
func TestWarnings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(fake)
		var log bytes.Buffer
		var got []Warning
		m := f.start(t, &Options{
			Thresholds: []Threshold{{Metric: CPU, Above: Ratio(0.5)}},
			Logger:     slog.New(slog.NewTextHandler(&log, nil)),
			OnWarning: func(ctx context.Context, w Warning) {
				if got = append(got, w); len(got) == 1 {
					panic(errors.New("canary-7f3a"))
				}
			},
		})
		f.share.Store(80)
		time.Sleep(7 * time.Second)
		if crossed := m.Warnings(); len(crossed) != 0 {
			t.Errorf("warnings after one window: %v", crossed)
		}
		time.Sleep(5 * time.Second)
		crossed := m.Warnings()
		if len(crossed) != 1 || crossed[0].Over || crossed[0].Value != Ratio(0.8) || time.Since(crossed[0].Since) != 12*time.Second {
			t.Errorf("warnings after two windows: %v", crossed)
		}
		f.share.Store(10)
		time.Sleep(time.Minute)
		if crossed := m.Warnings(); len(crossed) != 0 {
			t.Errorf("warnings afterwards: %v", crossed)
		}
		m.Close()
		if len(got) != 2 || got[0].Over || !got[1].Over {
			t.Errorf("reported %v", got)
		}
		text := log.String()
		for _, want := range []string{"threshold crossed", "threshold no longer crossed", `threshold="cpu above 50 %"`, "OnWarning panicked", "monitor_test.go"} {
			if !strings.Contains(text, want) {
				t.Errorf("the log lacks %q:\n%s", want, text)
			}
		}
		if strings.Contains(text, "canary") {
			t.Errorf("the log has the value of the panic:\n%s", text)
		}
	})
}

// While connections are in use for long, all acquisitions are recorded.
func TestAcquisitionsAreRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(fake)
		m := f.start(t, nil)
		hold := func(d time.Duration) {
			f.held.Store(&[]db.HeldConnection{{For: d}})
			time.Sleep(6 * time.Second)
		}
		if hold(10 * time.Second); f.sampling.Load() != 0 {
			t.Error("recorded for 10 s")
		}
		if hold(16 * time.Second); f.sampling.Load() != 1 {
			t.Error("not recorded for 16 s")
		}
		if hold(21 * time.Second); f.sampling.Load() != 1 {
			t.Error("not recorded for 21 s")
		}
		if hold(0); f.sampling.Load() != 0 {
			t.Error("recorded afterwards")
		}
		hold(16 * time.Second)
		m.Close()
		if f.sampling.Load() != 0 {
			t.Error("recorded after Close")
		}
	})
}

// A function that fails, panics, is slow or ignores its context leaves the lag
// unknown, and does not stop the Monitor.
func TestLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, mode, release := new(fake), make(chan string, 1), make(chan struct{})
		var calls atomic.Int64
		m := f.start(t, &Options{Lag: func(ctx context.Context) (time.Duration, error) {
			calls.Add(1)
			switch <-mode {
			case "fails":
				return 0, &pgconn.PgError{Code: "42501", Message: "canary"}
			case "panics":
				panic("canary")
			case "slow":
				<-ctx.Done()
				return time.Second, ctx.Err()
			case "stuck":
				<-release
			case "negative":
				return -time.Second, nil
			}
			return 3 * time.Second, nil
		}})
		time.Sleep(2 * time.Second)
		next := func(do string) Window {
			if do != "" {
				mode <- do
			}
			time.Sleep(5 * time.Second) // the windows end in the middle
			synctest.Wait()
			all := m.Windows()
			return all[len(all)-1]
		}
		for _, c := range []struct {
			mode string
			lag  time.Duration
			note string
		}{
			{"works", 3 * time.Second, ""},
			{"fails", -1, "the lag of the replica is unknown: the server reports SQLSTATE 42501"},
			{"panics", -1, "the lag of the replica is unknown: it panicked with a string"},
			{"negative", 0, ""},
			{"slow", -1, "the lag of the replica is unknown: timed out"},
			{"stuck", -1, "the lag of the replica is unknown: timed out"},
			{"", -1, "the lag of the replica is unknown: the previous call has not returned"},
		} {
			w := next(c.mode)
			if note := strings.Join(w.Notes, "; "); w.Lag != c.lag || note != c.note {
				t.Errorf("%s: lag %v, note %q", c.mode, w.Lag, note)
			}
		}
		m.Close()
		close(release)
	})
}

// The server is asked once per window, however many callers ask.
func TestServerIsAskedOncePerWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(fake)
		m := f.start(t, nil)
		defer m.Close()
		time.Sleep(time.Minute)
		if f.asked.Load() != 0 {
			t.Errorf("asked %d times although nobody wants to know", f.asked.Load())
		}
		for range 10 {
			go m.Findings(t.Context())
			m.Bottleneck(t.Context())
		}
		synctest.Wait()
		if f.asked.Load() != 1 {
			t.Errorf("asked %d times", f.asked.Load())
		}
		time.Sleep(5 * time.Second)
		m.Findings(t.Context())
		if f.asked.Load() != 2 {
			t.Errorf("asked %d times", f.asked.Load())
		}
	})
}
