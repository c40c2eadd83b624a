package db

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
)

// A recorder loads keys after a delay, and records them.
type recorder struct {
	mu        sync.Mutex
	batches   [][]int
	err       error
	cancelled int // loads whose context ended
}

func (r *recorder) load(ctx context.Context, keys []int) (map[int]string, error) {
	r.mu.Lock()
	r.batches = append(r.batches, slices.Clone(keys))
	err := r.err
	r.mu.Unlock()
	select {
	case <-time.After(10 * time.Millisecond):
	case <-ctx.Done():
		r.mu.Lock()
		r.cancelled++
		r.mu.Unlock()
		return nil, ctx.Err()
	}
	values := make(map[int]string)
	for _, k := range keys {
		if k >= 0 {
			values[k] = strconv.Itoa(k)
		}
	}
	return values, err
}

func TestLoaderGathers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		l := NewLoaderFunc(r.load, nil)
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Microsecond) // all within the window
				got, err := l.Load(t.Context(), i%10)
				if err != nil || got != strconv.Itoa(i%10) {
					t.Errorf("Load(%d) = %q, %v", i%10, got, err)
				}
			})
		}
		wg.Wait()
		if len(r.batches) != 1 || len(r.batches[0]) != 10 {
			t.Errorf("asked for %v, want 10 keys at once", r.batches)
		}
		if _, err := l.Load(t.Context(), 3); err != nil || len(r.batches) != 2 {
			t.Errorf("a later lookup: %v, %d batches: nothing is cached without WithLoaderCache", err, len(r.batches))
		}
	})
}

// A batch waits while keys keep arriving, but not indefinitely.
func TestLoaderWindow(t *testing.T) {
	for _, tt := range []struct {
		every time.Duration // interval between keys
		sent  time.Duration // time at which the first batch is sent
		keys  int           // number of its keys
	}{
		{every: 2 * time.Millisecond, sent: time.Millisecond, keys: 1},
		{every: 900 * time.Microsecond, sent: 5 * time.Millisecond, keys: 6},
	} {
		synctest.Test(t, func(t *testing.T) {
			type batch struct {
				sent time.Duration
				keys int
			}
			batches := make(chan batch, 20)
			began := time.Now()
			l := NewLoaderFunc(func(_ context.Context, keys []int) (map[int]int, error) {
				batches <- batch{time.Since(began), len(keys)}
				return nil, nil
			}, nil)
			for i := range 20 {
				go l.Load(t.Context(), i)
				time.Sleep(tt.every)
			}
			time.Sleep(time.Second)
			if got, want := <-batches, (batch{tt.sent, tt.keys}); got != want {
				t.Errorf("a key each %v: sent %+v, want %+v", tt.every, got, want)
			}
		})
	}
}

func TestLoaderManyKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		l := NewLoaderFunc(r.load, &LoaderOptions{MaxKeys: 3})
		got, err := l.LoadMany(t.Context(), []int{5, 1, 5, -1, 2, 4})
		if want := []string{"5", "1", "5", "", "2", "4"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		byKey, ok := errors.AsType[LoadError[int]](err)
		if !ok || len(byKey) != 1 || byKey[-1] != pgx.ErrNoRows || !errors.Is(err, pgx.ErrNoRows) {
			t.Errorf("err = %v, want that of the missing key", err)
		}
		// Both batches go out at once, in either order.
		slices.SortFunc(r.batches, func(a, b []int) int { return b[0] - a[0] })
		if want := [][]int{{5, 1, -1}, {2, 4}}; !slices.EqualFunc(r.batches, want, slices.Equal) {
			t.Errorf("asked for %v, want %v", r.batches, want)
		}
	})
}

func TestLoaderErrorsStayInTheirBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recorder{err: errors.New("broken")}
		l := NewLoaderFunc(r.load, nil)
		failed := make(chan error)
		go func() {
			_, err := l.Load(t.Context(), 1)
			failed <- err
		}()
		time.Sleep(2 * time.Millisecond) // the batch is on its way
		r.mu.Lock()
		r.err = nil
		r.mu.Unlock()
		if got, err := l.Load(t.Context(), 2); err != nil || got != "2" {
			t.Errorf("the batch after a failed one: %q, %v", got, err)
		}
		if err := <-failed; err == nil || err.Error() != "broken" {
			t.Errorf("err = %v, want that of the batch", err)
		}
	})
}

// A caller that leaves does not affect the others; the last one cancels the
// load.
func TestLoaderCallersLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		l := NewLoaderFunc(r.load, nil)
		short, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := l.Load(short, 1); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("err = %v, want the caller's own deadline", err)
			}
		})
		wg.Go(func() {
			if got, err := l.Load(t.Context(), 2); err != nil || got != "2" {
				t.Errorf("the remaining caller: %q, %v", got, err)
			}
		})
		wg.Wait()
		if r.cancelled != 0 {
			t.Error("the load was cancelled while a caller waited for it")
		}
		short, cancel = context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		if _, err := l.LoadMany(short, []int{3, 4}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
		synctest.Wait()
		if r.cancelled != 1 {
			t.Error("the load continued after all callers had left")
		}
	})
}

func TestLoaderGivenUpBeforeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		l := NewLoaderFunc(r.load, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := l.Load(ctx, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("err = %v", err)
		}
		if got, err := l.Load(t.Context(), 2); err != nil || got != "2" {
			t.Errorf("the next caller: %q, %v", got, err)
		}
		if len(r.batches) != 1 || !slices.Equal(r.batches[0], []int{2}) {
			t.Errorf("asked for %v, want 2 alone", r.batches)
		}
	})
}

func TestLoaderCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recorder
		l, other := NewLoaderFunc(r.load, nil), NewLoaderFunc(r.load, nil)
		ctx := WithLoaderCache(t.Context())
		load := func(l *Loader[int, string], key, batches int) {
			t.Helper()
			if got, err := l.Load(ctx, key); err != nil || got != strconv.Itoa(key) {
				t.Errorf("Load(%d) = %q, %v", key, got, err)
			}
			if len(r.batches) != batches {
				t.Errorf("key %d: %d batches, want %d", key, len(r.batches), batches)
			}
		}
		load(l, 1, 1)
		load(l, 1, 1)
		load(other, 1, 2) // each Loader has its own
		l.Forget(ctx, 1)
		load(l, 1, 3)

		r.err = errors.New("broken")
		if _, err := l.Load(ctx, 2); err == nil {
			t.Error("no error")
		}
		r.err = nil
		load(l, 2, 5) // a failed key is loaded again
	})
}

// A load may fail for some keys and answer the others.
func TestLoaderErrorsByKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		fails := true
		l := NewLoaderFunc(func(_ context.Context, keys []int) (map[int]int, error) {
			if fails && slices.Contains(keys, 2) {
				return map[int]int{1: 10, 2: 20}, fmt.Errorf("lookup: %w", LoadError[int]{2: broken})
			}
			return map[int]int{1: 10, 2: 20}, nil
		}, nil)
		ctx := WithLoaderCache(t.Context())
		var wg sync.WaitGroup
		for key, want := range map[int]error{1: nil, 2: broken, 3: pgx.ErrNoRows} {
			wg.Go(func() {
				if _, err := l.Load(ctx, key); !errors.Is(err, want) {
					t.Errorf("key %d: %v, want %v", key, err, want)
				}
			})
		}
		wg.Wait()
		_, err := l.LoadMany(t.Context(), []int{1, 2, 3, 4, 5, 2})
		const message = "db: load: key 2: broken; key 3: no rows in result set; key 4: no rows in result set; and 1 more"
		if err == nil || err.Error() != message {
			t.Errorf("err = %v, want %s", err, message)
		}
		fails = false
		if n, err := l.Load(ctx, 2); err != nil || n != 20 {
			t.Errorf("second load of a failed key: %d, %v", n, err)
		}
	})
}

// A load that does not return affects its callers only.
func TestLoaderPanics(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name string
		load func()
		want []string
		is   error
	}{
		{"panic", func() { panic("no such day") }, []string{"panic: no such day", "loader_test.go"}, nil},
		{"panic with an error", func() { panic(broken) }, []string{"panic: broken"}, broken},
		{"Goexit", runtime.Goexit, []string{"ended its goroutine"}, errLoadExited},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := NewLoaderFunc(func(context.Context, []int) (map[int]int, error) {
				tt.load()
				return nil, nil
			}, nil)
			var wg sync.WaitGroup
			for key := range 3 {
				wg.Go(func() {
					_, err := l.Load(t.Context(), key)
					if err == nil || tt.is != nil && !errors.Is(err, tt.is) {
						t.Errorf("%s: err = %v, want %v", tt.name, err, tt.is)
						return
					}
					for _, want := range tt.want {
						if !strings.Contains(err.Error(), want) {
							t.Errorf("%s: no %q in %v", tt.name, want, err)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestLoaderRefusesNegativeOptions(t *testing.T) {
	for field, opts := range map[string]LoaderOptions{"Window": {Window: -time.Second}, "MaxKeys": {MaxKeys: -1}} {
		l := NewLoaderFunc(func(context.Context, []int) (map[int]int, error) {
			t.Errorf("%s: the keys were loaded", field)
			return nil, nil
		}, &opts)
		if _, err := l.Load(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "LoaderOptions."+field) {
			t.Errorf("%s: error %v, want one that names the field", field, err)
		}
	}
}
