package rediscache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/redis/rueidis"
)

func activityError(activity string, err error) error {
	return fmt.Errorf("rediscache: %s: %w", activity, err)
}

// wrap returns err with the activity, the place, and what to do. It keeps nil.
func (s *store) wrap(activity string, err error) error {
	if err == nil {
		return nil
	}
	place := fmt.Sprintf("%s, prefix %q", s.where, s.prefix)
	if advice := adviceFor(err); advice != "" {
		return fmt.Errorf("rediscache: %s: %s: %w (%s)", activity, place, err, advice)
	}
	return fmt.Errorf("rediscache: %s: %s: %w", activity, place, err)
}

func keyError(key string, err error) error {
	if redisErr := (*rueidis.RedisError)(nil); errors.As(err, &redisErr) {
		return fmt.Errorf("key %q: %w", key, err)
	}
	return err
}

func errTooBig(size int) error {
	return fmt.Errorf("a value of %d bytes, the limit of Redis is %d", size, maxValue)
}

// advices say what to do about errors, by a part of their text. The first that
// fits counts.
var advices = []struct{ part, advice string }{
	{"WRONGPASS", "check Username and Password of the client's options"},
	{"NOAUTH", "set Username and Password of the client's options"},
	{"NOPERM", "the user lacks a permission: see ACL SETUSER in the documentation of package rediscache"},
	{"READONLY", "this is a replica: connect to the primary, or through Sentinel"},
	{"DB index", "check SelectDB of the client's options"},
	{"SELECT is not allowed", "clear SelectDB of the client's options: a cluster has one database"},
	{"OOM ", "Redis is full: raise maxmemory, or set maxmemory-policy to allkeys-lru"},
	{"MISCONF", "Redis rejects writes until it can save its data again"},
	{"WRONGTYPE", "another program uses keys with this prefix: choose another one"},
	{"invalid bulk length", "the value exceeds proto-max-bulk-len of Redis: store smaller results"},
	{"exceeds maximum allowed size", "the value exceeds proto-max-bulk-len of Redis: store smaller results"},
	{"CLUSTERDOWN", "the cluster has too few nodes"},
	{"overlaps", "ClientTrackingOptions of the client already has a prefix that overlaps"},
	{"unknown message type", "the server at this address is no Redis"},
	{noTracking, "raises of other processes need Redis 6.0 or later, and RESP3, which some proxies lack: see NewUntracked"},
}

func adviceFor(err error) string {
	text := err.Error()
	for _, a := range advices {
		if strings.Contains(text, a.part) {
			return a.advice
		}
	}
	return ""
}

const noTracking = "no client tracking"

// A trackingError replaces the text of [rueidis.ErrNoCache], which advises to
// give up tracking.
type trackingError struct{ err error }

func (e trackingError) Error() string {
	reply, _, _ := strings.Cut(e.err.Error(), "\n")
	if strings.HasPrefix(reply, rueidis.ErrNoCache.Error()) {
		return noTracking
	}
	return noTracking + ": " + reply
}

func (e trackingError) Unwrap() error { return e.err }

// temporary are replies of a Redis that is not ready.
var temporary = []string{"LOADING", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "NOREPLICAS", "OOM", "MISCONF", "ERR max number of clients"}

// isTemporary reports whether err may end without a change of the program or
// its options.
func isTemporary(err error) bool {
	if redisErr := (*rueidis.RedisError)(nil); errors.As(err, &redisErr) {
		text := redisErr.Error()
		for _, t := range temporary {
			if strings.HasPrefix(text, t) {
				return true
			}
		}
		return false
	}
	for _, t := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, context.DeadlineExceeded, context.Canceled, rueidis.ErrNoSlot} {
		if errors.Is(err, t) {
			return true
		}
	}
	if opErr := (*net.OpError)(nil); errors.As(err, &opErr) && opErr.Op == "remote error" {
		return false // an alert of TLS
	}
	netErr := net.Error(nil)
	return errors.As(err, &netErr)
}
