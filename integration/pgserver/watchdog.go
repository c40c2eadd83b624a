//go:build unix

package pgserver

import (
	"errors"
	"os/exec"
	"syscall"

	"github.com/headrace/headrace/integration/internal/daemon"
)

// watchServer waits for the pipe's end and finds out from $1/data/postmaster.pid which process is to be stopped: the
// server may have been restarted since. SIGCONT is for a server that was paused. The file goes when the server has.
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

// removeContainer is the same for a container, by the command line of the engine $1.
const removeContainer = `
read -r _
exec docker --host "$1" rm --force --volumes "$2" >/dev/null 2>&1
`

// watchContainer guards a container. Where the command docker is not installed the next program sweeps instead.
func watchContainer(endpoint, id string) (*daemon.Watchdog, error) {
	if _, err := exec.LookPath("docker"); err != nil {
		return nil, nil //nolint:nilerr // no watchdog is as good
	}
	return daemon.Watch(nil, removeContainer, endpoint, id)
}

// watch guards the server whose files are below dir.
func watch(dir string, owner *daemon.Owner) (*daemon.Watchdog, error) {
	return daemon.Watch(owner, watchServer, dir)
}

func processExists(pid int) bool {
	return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
