package changes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestPauses: the examiner asks a server that closed the connection again soon,
// and pauses longer each time for a server that rejects it or is unreachable.
func TestPauses(t *testing.T) {
	wrapped := func(err error) error { return fmt.Errorf("check the schema: %w", err) }
	for _, err := range []error{
		&pgconn.PgError{Code: "57P01"}, &pgconn.PgError{Code: "57P02"}, &pgconn.PgError{Code: "57P05"}, &pgconn.PgError{Code: "25P03"}, &pgconn.PgError{Code: "25P04"},
		io.EOF, io.ErrUnexpectedEOF, errBroke, net.ErrClosed, &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, &net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.EPIPE)},
	} {
		if got := pauseAfter(wrapped(err), maxPause); got != examinerRetryWait {
			t.Errorf("after %v the server is left alone for %v, want %v", err, got, examinerRetryWait)
		}
	}
	_, refused := pgconn.Connect(t.Context(), "host=127.0.0.1 port=1 sslmode=disable")
	for _, err := range []error{
		refused, &pgconn.PgError{Code: "57P03"}, &pgconn.PgError{Code: "08P01"}, &pgconn.PgError{Code: "53300"}, &pgconn.PgError{Code: "28P01"},
		context.DeadlineExceeded, errors.Join(context.DeadlineExceeded, os.ErrDeadlineExceeded),
	} {
		pause := time.Duration(0)
		for _, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			if pause = pauseAfter(wrapped(err), pause); pause != want {
				t.Errorf("after %v the server is left alone for %v, want %v", err, pause, want)
			}
		}
		if pause = pauseAfter(err, maxPause); pause != maxPause {
			t.Errorf("after %v the server is left alone for %v, want %v", err, pause, maxPause)
		}
	}
}
