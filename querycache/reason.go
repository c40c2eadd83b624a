package querycache

import "sync/atomic"

// A Reason is the outcome of a lookup. Each lookup has exactly one.
type Reason uint8

// The reasons.
const (
	none Reason = iota

	Hit          // served from memory
	HitTier      // served from a further tier (Options.Tiers)
	HitCoalesced // served by a load that another caller had started
	HitStale     // served from an expired entry, in memory or a further tier, while a load replaces it (Policy.StaleFor)
	HitOnError   // served from an expired entry, in memory or a further tier, because the load failed (Policy.StaleIfError)

	MissCold            // no entry
	MissExpired         // the entry was older than its policy allows
	MissInvalidated     // the entry had been invalidated, by a change or by the program
	MissEvicted         // the entry had been evicted recently
	MissLoadInvalidated // loaded but not stored: a change or the program invalidated the result during the load
	MissTooBig          // loaded but not stored: over Policy.MaxBytes, Policy.MaxRows or the budget
	MissFailed          // the load failed
	MissFirstRead       // not stored: the first read of a text that differs from 16 others only in constants or list lengths; the second read is stored

	RefusedPolicy    // no policy, or an invalid one
	RefusedArguments // an argument cannot be part of a key
	RefusedType      // the value cannot be copied or measured, or its copies would share memory
	RefusedText      // the text cannot be tokenized, holds several statements, or is longer than 64 KB
	RefusedStatement // the statement is not a plain read, is volatile, or depends on the session
	RefusedScope     // Options.Scope returned false
	RefusedSession   // loaded in a session that had been changed (SET, CREATE TEMP TABLE); Explain names the statement that changed it
	RefusedClosed    // the cache is closed

	Bypassed  // the context was made by Bypass
	Suspended // the cache is suspended

	reasons // how many there are
)

var reasonNames = [reasons]string{
	none: "none",
	Hit:  "hit", HitTier: "hit-tier", HitCoalesced: "hit-coalesced", HitStale: "hit-stale", HitOnError: "hit-on-error",
	MissCold: "miss-cold", MissExpired: "miss-expired", MissInvalidated: "miss-invalidated", MissEvicted: "miss-evicted",
	MissLoadInvalidated: "miss-load-invalidated", MissTooBig: "miss-too-big", MissFailed: "miss-failed", MissFirstRead: "miss-first-read",
	RefusedPolicy: "refused-policy", RefusedArguments: "refused-arguments", RefusedType: "refused-type", RefusedText: "refused-text",
	RefusedStatement: "refused-statement", RefusedScope: "refused-scope", RefusedSession: "refused-session", RefusedClosed: "refused-closed",
	Bypassed: "bypassed", Suspended: "suspended",
}

// String returns the reason's name, such as "miss-expired".
func (r Reason) String() string {
	if r >= reasons {
		return "unknown"
	}
	return reasonNames[r]
}

// Answered reports whether the lookup was served without a load of its own.
func (r Reason) Answered() bool { return r >= Hit && r <= HitOnError }

// counters count lookups by reason. Many lookups are spread over several cache
// lines, so that cores do not wait for each other.
type counters struct {
	few  [reasons]atomic.Uint64
	many atomic.Pointer[[stripes]stripe]
}

type stripe struct {
	n [reasons]atomic.Uint64
	_ [256 - 8*int(reasons)]byte
}

const (
	stripes     = 16
	fewLookups  = 1 << 12
	pointerBits = 6 // the low bits of a pointer, which vary little
)

// add counts one lookup. hint is the address of memory that the same core tends
// to use: an object from a pool, or its stack.
func (c *counters) add(reason Reason, hint uintptr) {
	if many := c.many.Load(); many != nil {
		i := uint64(hint) >> pointerBits * 0x9E3779B97F4A7C15 >> 60
		many[i%stripes].n[reason].Add(1)
		return
	}
	if c.few[reason].Add(1) == fewLookups {
		c.many.CompareAndSwap(nil, new([stripes]stripe))
	}
}

func (c *counters) load() (sum [reasons]uint64) {
	for i := range sum {
		sum[i] = c.few[i].Load()
	}
	many := c.many.Load()
	if many == nil {
		return sum
	}
	for s := range many {
		for i := range sum {
			sum[i] += many[s].n[i].Load()
		}
	}
	return sum
}
