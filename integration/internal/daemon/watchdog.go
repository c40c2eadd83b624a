//go:build unix

package daemon

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Watchdog is a small process that cleans up if the program ends without doing
// so: by Ctrl-C, a panic, the timeout of go test or kill -9. It waits for the
// end of a pipe that only the program holds open. (A parent-death signal is
// specific to Linux, tied to a thread, and would leave the files.)
type Watchdog struct {
	cmd  *exec.Cmd
	pipe io.Closer
}

// Watch starts a watchdog as the owner. It runs a shell script whose first
// command must be "read -r _", which waits for the end of the program.
func Watch(owner *Owner, script string, args ...string) (*Watchdog, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	cmd := exec.Command("/bin/sh", append([]string{"-c", script, "headrace-watchdog"}, args...)...)
	cmd.Dir = "/"
	cmd.Stdin = r
	cmd.SysProcAttr = owner.Attributes()
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the watchdog: %w", err), w.Close())
	}
	return &Watchdog{cmd: cmd, pipe: w}, nil
}

// Dismiss ends the watchdog after the program has cleaned up itself. It does
// nothing for a nil watchdog.
func (w *Watchdog) Dismiss() {
	if w == nil {
		return
	}
	_ = w.pipe.Close()
	_ = w.cmd.Wait()
}
