package replay

import (
	"context"
	"encoding/binary"
	"net"
	"sync"
)

// Recording has the requests of one or more connections, and their responses.
type Recording struct {
	mu      sync.Mutex
	startup []byte            // from AuthenticationOk to the first ReadyForQuery
	answers map[string][]byte // by the bytes of the request
}

// NewRecording returns an empty recording.
func NewRecording() *Recording {
	return &Recording{answers: make(map[string][]byte)}
}

// Dialer is how pgx opens connections (pgconn.DialFunc).
type Dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// Record returns a dialer whose connections lead to the server and are
// recorded. They must not use TLS.
func (r *Recording) Record(dial Dialer) Dialer {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &recorder{Conn: conn, into: r}, nil
	}
}

// Replay returns a dialer whose connections respond from the recording.
func (r *Recording) Replay() Dialer {
	return func(context.Context, string, string) (net.Conn, error) {
		return newPlayer(r), nil
	}
}

func (r *Recording) keep(request, answer []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers[string(request)] = answer
}

func (r *Recording) keepStartup(answer []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.startup = afterAuthentication(answer)
}

func (r *Recording) answer(request []byte) ([]byte, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	answer, ok := r.answers[string(request)]
	return answer, ok
}

// afterAuthentication cuts off what depends on the password, which no later
// connection is asked for.
func afterAuthentication(answer []byte) []byte {
	for rest := answer; len(rest) >= 9; {
		n := messageLength(rest)
		if rest[0] == 'R' && binary.BigEndian.Uint32(rest[5:]) == 0 { // AuthenticationOk
			return rest
		}
		if n > len(rest) {
			break
		}
		rest = rest[n:]
	}
	return answer
}

// messageLength is the length of the message at the start of b, its type byte
// included; 0 where b does not hold its head.
func messageLength(b []byte) int {
	if len(b) < 5 {
		return 0
	}
	return 1 + int(binary.BigEndian.Uint32(b[1:]))
}
