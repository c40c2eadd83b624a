package connecterror

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// A retryable is an error like pgconn's.
type retryable struct{ error }

func (retryable) SafeToRetry() bool { return true }
func (e retryable) Unwrap() error   { return e.error }

func TestNeverSent(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New("reset"), false},
		{retryable{errors.New("write failed")}, true},
		{fmt.Errorf("query: %w", retryable{errors.New("write failed")}), true},
		{retryable{pgconn.ErrConnClosed}, false},
		{&pgconn.PgError{Code: "57P01"}, false},
	} {
		if got := NeverSent(tt.err); got != tt.want {
			t.Errorf("NeverSent(%v) is %v", tt.err, got)
		}
	}
}
