package daemon

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Loopback is where daemons listen.
const Loopback = "127.0.0.1"

// ErrPortTaken is what starting a daemon comes to when the race for its port is lost.
var ErrPortTaken = errors.New("the port is taken")

// FreePort returns a port that nobody listened on a moment ago. It is below the range from which systems take ports
// for outgoing connections (32768 on Linux, 49152 elsewhere), so that none of those sits on it during a restart.
func FreePort() int {
	for {
		port := 15000 + rand.IntN(17000)
		listener, err := net.Listen("tcp4", net.JoinHostPort(Loopback, strconv.Itoa(port)))
		if err == nil {
			_ = listener.Close()
			return port
		}
	}
}
