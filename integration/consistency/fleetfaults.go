package consistency

import (
	"context"
	"math/rand/v2"
	"syscall"
	"time"
)

func (f *fleet) random(i int) *rand.Rand { return rand.New(rand.NewPCG(f.opts.Seed, uint64(i))) }

// cut breaks connections to the server.
func (f *fleet) cut(ctx context.Context) {
	for r := f.random(2000); !f.over(); sleep(ctx, time.Duration(100+r.IntN(300))*time.Millisecond) {
		f.w.proxy.Fail(fault(r))
		f.faults.Add(1)
	}
}

// disturbStore disturbs a store again and again. After a loss nothing is
// expected of earlier raises: the process that made them may have ended.
func (f *fleet) disturbStore(ctx context.Context, i int, s store) {
	lossy := func(_ int, begin, end func()) {
		c := &f.board.calm
		c.disturbed.Add(1)
		defer c.disturbed.Add(-1)
		c.losses.Add(1)
		begin()
		end()
		for i := range f.board.values {
			f.board.values[i].raised.Store(0)
		}
	}
	for r := f.random(3000 + i); !f.over(); sleep(ctx, time.Duration(50+r.IntN(300))*time.Millisecond) {
		s.fault(ctx, r, lossy)
		f.faults.Add(1)
	}
}

// disturbMembers stops and kills members.
func (f *fleet) disturbMembers(ctx context.Context) {
	for r := f.random(4000); !f.over(); sleep(ctx, time.Duration(500+r.IntN(1500))*time.Millisecond) {
		n := r.IntN(members)
		switch r.IntN(4) {
		case 0:
			f.signal(n, syscall.SIGKILL)
			f.awaitEnd(ctx, n)
		case 1: // between a commit and its raise
			died := f.board.died.Load()
			f.board.dieNext.Store(int32(n) + 1)
			for f.board.died.Load() == died && !f.over() {
				sleep(ctx, time.Millisecond)
			}
			if f.board.died.Load() > died {
				f.awaitEnd(ctx, n)
			}
		default:
			f.signal(n, syscall.SIGSTOP)
			sleep(ctx, time.Duration(r.IntN(600))*time.Millisecond)
			f.signal(n, syscall.SIGCONT)
		}
		f.faults.Add(1)
	}
}

// awaitEnd waits until a member that was killed has ended, and starts it again.
func (f *fleet) awaitEnd(ctx context.Context, n int) {
	if err := f.restarted(ctx, n, <-f.ended[n]); err != nil {
		f.check(Explained, false, "%v", err)
		f.dead.Store(true)
	}
}
