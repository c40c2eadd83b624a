package diagnose

import (
	"context"
	"fmt"
	"time"
)

// Bottleneck returns the resource that limits the program, over the last 12
// windows. It asks the server as Findings does.
//
// A lack of memory, of CPU time or a busy garbage collector comes first, since
// it makes everything else look slow. Otherwise it is the largest part of the
// time that callers spent: waiting for connections, on the network, or in the
// server; unless half of the sessions that are active wait for locks.
func (m *Monitor) Bottleneck(ctx context.Context) Bottleneck { return m.picture(ctx).bottleneck() }

// The least share of the time that makes a bottleneck, and the least load.
const (
	bottleneckShare = 0.3
	bottleneckLoad  = 0.5
)

func (p *picture) bottleneck() Bottleneck {
	if short := p.memoryShort(); len(short) > 0 {
		resource, f := ByGarbage, short[0]
		if r := p.windows[len(p.windows)-1].Runtime; part(r.HeapLive, r.MemoryLimit) >= fullHeap {
			resource, f = ByMemory, short[len(short)-1]
		}
		return Bottleneck{Resource: resource, Share: f.Share, Evidence: f.Title + ". " + f.Evidence}
	}
	if busy := p.processBusy(); len(busy) > 0 {
		return Bottleneck{Resource: ByCPU, Share: busy[0].Share, Evidence: busy[0].Title + ". " + busy[0].Evidence}
	}
	return p.slowest()
}

// slowest returns the resource that callers spent the most time on.
func (p *picture) slowest() Bottleneck {
	if a := &p.activity; a.waiting > 0 && 2*a.waiting >= a.active { // their statements count when they end
		f := p.lockWaits()[0]
		return Bottleneck{Resource: ByLocks, Share: f.Share, Evidence: f.Title + ". " + f.Evidence}
	}
	var server time.Duration
	for i := range p.statements {
		server += p.serverTime(&p.statements[i])
	}
	parts := []Bottleneck{{Resource: ByDatabase, Share: part(server, p.spent), Evidence: "The server works on statements"}}
	if len(p.poolSaturated()) > 0 {
		parts = append(parts, Bottleneck{Resource: ByPool, Share: part(p.wait, p.spent), Evidence: "Callers wait for connections"})
	}
	if len(p.networkBound()) > 0 {
		parts = append(parts, Bottleneck{Resource: ByNetwork, Share: part(p.roundTrips(), p.spent), Evidence: "Round trips"})
	}
	most := parts[0]
	for _, b := range parts[1:] {
		if b.Share > most.Share {
			most = b
		}
	}
	if most.Share < bottleneckShare || p.load(p.spent) < bottleneckLoad {
		return Bottleneck{Resource: ByNothing, Evidence: fmt.Sprintf("On average %.2f callers used the database; CPU %s.", p.load(p.spent), cpuText(p.cpu))}
	}
	most.Evidence += fmt.Sprintf(": %s of the time of callers, of whom %.1f used the database on average.", percent(most.Share), p.load(p.spent))
	if most.Resource == ByDatabase && len(p.statements) > 0 {
		top := &p.statements[0]
		most.Fingerprint, most.Name, most.Statement = top.Fingerprint, top.Name, top.Text
		most.Evidence += fmt.Sprintf(" %s: %s of it, in %d calls.", label(top.Name, top.Text), percent(part(top.Total, p.total)), top.Calls)
	}
	return most
}
