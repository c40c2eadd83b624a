package daemon

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Loopback is the address at which daemons listen.
const Loopback = "127.0.0.1"

// ErrPortTaken is returned if another process has taken the port of a daemon.
var ErrPortTaken = errors.New("the port is taken")

// FreePort returns a port that was free a moment ago. It is below the ephemeral
// ports (from 32768 on Linux, 49152 elsewhere), so that no outgoing connection
// takes it during a restart.
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
