package writes

import (
	"context"
	"fmt"
	"os/exec"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

// busy is a work that runs while two clients of pgbench read without a pause,
// so that client and server have no processor to themselves. It is left out if
// pgbench is missing.
func busy(t Target, w measure.Work) (measure.Work, bool) {
	program, err := exec.LookPath("pgbench")
	if err != nil {
		return w, false
	}
	// The first subject starts the clients and ends them.
	open := w.Subjects[0].Open
	w.Subjects[0].Open = func(ctx context.Context) (measure.Op, func(), error) {
		out, err := exec.CommandContext(ctx, program, "-i", "-q", "-s", "5", t.connString).CombinedOutput()
		if err != nil {
			return nil, nil, fmt.Errorf("pgbench -i: %w: %s", err, out)
		}
		running, stop := context.WithCancel(context.WithoutCancel(ctx))
		clients := exec.CommandContext(running, program, "-n", "-S", "-c", "2", "-j", "2", "-T", "3600", t.connString)
		if err := clients.Start(); err != nil {
			stop()
			return nil, nil, fmt.Errorf("pgbench: %w", err)
		}
		end := func() {
			stop()
			_ = clients.Wait() // "signal: killed"
		}
		op, closeOp, err := open(ctx)
		if err != nil {
			end()
			return nil, nil, err
		}
		return op, func() { closeOp(); end() }, nil
	}
	return w, true
}
