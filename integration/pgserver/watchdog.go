//go:build unix

package pgserver

import (
	"errors"
	"os/exec"
	"syscall"

	"github.com/headrace/headrace/integration/internal/daemon"
)

// watchServer waits for the end of the pipe and stops the process in
// $1/data/postmaster.pid, because the server may have been restarted. SIGCONT
// resumes a paused server. The server removes the file when it ends.
const watchServer = `
read -r _
pidfile=$1/data/postmaster.pid
[ -d "$1" ] || exit 0
if read -r pid 2>/dev/null <"$pidfile"; then
	kill -QUIT "$pid" && kill -CONT "$pid"
	tries=0
	while [ -f "$pidfile" ] && [ $tries -lt 100 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
	[ -f "$pidfile" ] && kill -KILL "$pid"
fi 2>/dev/null
rm -rf "$1"
`

// removeContainer removes a container with the command line of the engine $1.
const removeContainer = `
read -r _
exec docker --host "$1" rm --force --volumes "$2" >/dev/null 2>&1
`

// watchContainer starts a watchdog for a container. Without the command docker
// there is none, and the next program removes the container.
func watchContainer(endpoint, id string) (*daemon.Watchdog, error) {
	if _, err := exec.LookPath("docker"); err != nil {
		return nil, nil //nolint:nilerr // the watchdog is optional
	}
	return daemon.Watch(nil, removeContainer, endpoint, id)
}

// watch starts a watchdog for the server with its files below dir.
func watch(dir string, owner *daemon.Owner) (*daemon.Watchdog, error) {
	return daemon.Watch(owner, watchServer, dir)
}

func processExists(pid int) bool {
	return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
