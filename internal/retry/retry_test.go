package retry

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

var errTest = errors.New("not now")

func TestDo(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tt := range map[string]struct {
		ctx       context.Context
		retryable bool
		succeedAt int
		want      int
		wantErr   bool
	}{
		"success":          {retryable: true, succeedAt: 1, want: 1},
		"success later":    {retryable: true, succeedAt: 3, want: 3},
		"attempts used up": {retryable: true, want: 4, wantErr: true},
		"not retryable":    {want: 1, wantErr: true},
		"context ended":    {ctx: ended, retryable: true, want: 1, wantErr: true},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := tt.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			calls := 0
			attempts, err := Policy{Attempts: 4, First: 1, Longest: 2}.Do(ctx, func(error) bool { return tt.retryable }, func() error {
				if calls++; calls == tt.succeedAt {
					return nil
				}
				return errTest
			})
			if attempts != tt.want || calls != tt.want || errors.Is(err, errTest) != tt.wantErr {
				t.Errorf("%d attempts, %d calls, %v; want %d", attempts, calls, err, tt.want)
			}
		})
	}
}

func TestWait(t *testing.T) {
	p := Policy{First: 5 * time.Millisecond, Longest: time.Second}
	for attempts, ms := range map[int]int64{1: 5, 2: 10, 3: 20, 8: 640, 9: 1000, 10: 1000, 1000: 1000} {
		most := time.Duration(ms) * time.Millisecond
		longest := time.Duration(0)
		for range 1000 {
			longest = max(longest, p.wait(attempts))
		}
		if longest > most || longest < most/2 {
			t.Errorf("after %d attempts: %v at most, want %v", attempts, longest, most)
		}
	}
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := Sleep(t.Context(), time.Hour); err != nil || time.Since(start) != time.Hour {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the context's error", err)
		}
	})
}

func TestSerializationFailure(t *testing.T) {
	for code, want := range map[string]bool{"40001": true, "40P01": true, "40003": false, "23505": false} {
		if got := SerializationFailure(fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code})); got != want {
			t.Errorf("%s: %v", code, got)
		}
	}
	if SerializationFailure(errTest) || SerializationFailure(nil) {
		t.Error("an error without a code")
	}
}
