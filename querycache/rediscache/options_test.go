package rediscache

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// What the program has chosen stays.
func TestDefaultsKeepChoices(t *testing.T) {
	t.Parallel()
	o := rueidis.ClientOption{PipelineMultiplex: 2, BlockingPipeline: 50, ConnWriteTimeout: time.Minute}
	o.ClusterOption.MaxMovedRedirections = 3
	want := o
	want.DisableRetry = true
	if defaults(&o); !reflect.DeepEqual(o, want) {
		t.Errorf("options %+v, want %+v", o, want)
	}
	o = rueidis.ClientOption{}
	o.Sentinel.MasterSet = "main"
	if defaults(&o); o.PipelineMultiplex != -1 || o.ConnWriteTimeout <= 0 || o.Dialer.KeepAlive <= 0 || o.Sentinel.TopologyRefreshInterval <= 0 {
		t.Errorf("options %+v", o)
	}
}

func TestTrackingOptions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		program, want []string
		cacheable     bool
	}{
		{nil, []string{"BCAST", "NOLOOP", "PREFIX", "p:v:"}, false},
		{[]string{"bcast"}, []string{"bcast"}, true}, // all keys
		{[]string{"BCAST", "PREFIX", "mine:"}, []string{"BCAST", "PREFIX", "mine:", "PREFIX", "p:v:"}, true},
	} {
		program := slices.Grow(slices.Clone(test.program), 10)
		if test.program == nil {
			program = nil
		}
		o := rueidis.ClientOption{ClientTrackingOptions: program}
		trackVersions(&o, "p:")
		if !slices.Equal(o.ClientTrackingOptions, test.want) || (o.NewCacheStoreFn == nil) != test.cacheable {
			t.Errorf("%q became %q, with its own cache: %t", test.program, o.ClientTrackingOptions, o.NewCacheStoreFn == nil)
		}
		if n := len(program); cap(program) > n && program[:n+1][n] != "" {
			t.Error("the program's slice was written")
		}
	}
}

func TestVersionText(t *testing.T) {
	t.Parallel()
	for _, v := range []uint64{1, 10, 1 << 63, 1<<64 - 1, rand.Uint64() | 1} {
		if text := formatVersion(v); len(text) != 16 || parseVersion(text) != v {
			t.Errorf("version %x is stored as %q, and read as %x", v, text, parseVersion(text))
		}
	}
}

func FuzzParseVersion(f *testing.F) {
	f.Add("000000000000000a")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if v := parseVersion(text); v != 0 && formatVersion(v) != text {
			t.Errorf("%q was read as %x", text, v)
		}
	})
}

func TestTemporaryErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want bool
	}{
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, true},
		{&net.DNSError{Err: "no such host", IsNotFound: true}, true},
		{fmt.Errorf("connect: %w", io.EOF), true},
		{context.DeadlineExceeded, true},
		{rueidis.ErrNoSlot, true},
		{&net.OpError{Op: "remote error", Err: tls.AlertError(42)}, false},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, false},
		{rueidis.ErrNoAddr, false},
		{trackingError{rueidis.ErrNoCache}, false},
		{rueidis.ErrWrongPipelineMultiplex, false},
	} {
		if got := isTemporary(test.err); got != test.want {
			t.Errorf("%v: temporary %t, want %t", test.err, got, test.want)
		}
	}
}

// The context of a call that goes on has the values of the call, and ends with
// the store.
func TestCallContext(t *testing.T) {
	t.Parallel()
	type key struct{}
	call, cancelCall := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	closed, closeStore := context.WithCancel(t.Context())
	ctx, cancel := context.WithTimeout(callContext{closed, call}, time.Hour)
	defer cancel()
	cancelCall()
	if ctx.Value(key{}) != "value" || ctx.Err() != nil {
		t.Errorf("value %v, error %v: want those of the call and of the store", ctx.Value(key{}), ctx.Err())
	}
	closeStore()
	<-ctx.Done()
}
