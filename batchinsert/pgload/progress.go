package main

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/headrace/headrace/batchinsert"
)

// A display shows the progress of a load.
type display interface {
	tell(batchinsert.Progress)
	end()
}

func (p *program) progress(name string) display {
	if p.terminal {
		return newBar(p, name)
	}
	return &lines{program: p, name: name, last: time.Now()}
}

// describe returns the text of a Progress.
func describe(p batchinsert.Progress) string {
	text := fmt.Sprintf("%s rows, %s/s", thousands(p.Rows), thousands(int64(p.Rate())))
	if p.Bad > 0 {
		text += fmt.Sprintf(", %d bad", p.Bad)
	}
	if left := p.Left(); left >= 0 && !p.Done {
		text += fmt.Sprintf(", %s left", left.Round(time.Second))
	}
	return text
}

// linesEvery is the interval of lines without a terminal.
const linesEvery = 10 * time.Second

// lines is a display for logs.
type lines struct {
	program *program
	name    string
	last    time.Time
}

func (l *lines) tell(p batchinsert.Progress) {
	if p.Done || time.Since(l.last) < linesEvery {
		return
	}
	l.last = time.Now()
	share := ""
	if s := p.Share(); s >= 0 {
		share = fmt.Sprintf("%.0f %%, ", 100*s)
	}
	l.program.say("%s: %s%s", l.name, share, describe(p))
}

func (*lines) end() {}

// A bar is a display for terminals.
type bar struct {
	box  *mpb.Progress
	bar  *mpb.Bar
	last atomic.Pointer[batchinsert.Progress]
	done bool
}

// barTotal is the count of a full bar.
const barTotal = 10_000

func newBar(p *program, name string) *bar {
	b := &bar{box: mpb.New(mpb.WithOutput(p.stderr), mpb.WithWidth(60), mpb.WithAutoRefresh())}
	b.last.Store(&batchinsert.Progress{})
	b.bar = b.box.New(barTotal, mpb.BarStyle(),
		mpb.PrependDecorators(decor.Name(printable(name)+" "), decor.Any(b.share)),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return describe(*b.last.Load()) })))
	return b
}

func (b *bar) share(decor.Statistics) string {
	if s := b.last.Load().Share(); s >= 0 {
		return fmt.Sprintf("%3.0f %%", 100*s)
	}
	return "    "
}

func (b *bar) tell(p batchinsert.Progress) {
	b.last.Store(&p)
	if s := p.Share(); s >= 0 && !p.Done {
		b.bar.SetCurrent(min(barTotal-1, int64(s*barTotal)))
	}
	b.done = p.Done
}

// end draws the final bar.
func (b *bar) end() {
	if b.done {
		b.bar.SetCurrent(barTotal)
	} else {
		b.bar.Abort(false)
	}
	b.box.Wait()
}
