//go:build unix

package daemon

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Watchdog is a small process that removes what is left when the program dies without doing so itself: by Ctrl-C, by a
// panic, by the time limit of go test, by kill -9. It waits for the end of a pipe whose other end only the program
// has. (A parent-death signal would be Linux only, tied to a thread, and would leave the files.)
type Watchdog struct {
	cmd  *exec.Cmd
	pipe io.Closer
}

// Watch starts a watchdog as the owner. It runs a shell script, whose first command, "read -r _", is where it waits.
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

// Dismiss ends the watchdog after its work has been done by the program itself. A nil watchdog has nothing to end.
func (w *Watchdog) Dismiss() {
	if w == nil {
		return
	}
	_ = w.pipe.Close()
	_ = w.cmd.Wait()
}
