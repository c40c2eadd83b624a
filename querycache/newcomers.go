package querycache

import "sync/atomic"

// newcomers avoid the cost of examining texts that are read only once. Before
// the result of a new text is stored, the server is asked what the statement
// does. That takes longer than most reads, and such questions are asked one
// after the other. A program that writes values into its texts produces a new
// text for each read. Once a fingerprint has had many texts, each new text is
// therefore stored only from its second read on.
//
// Fingerprints and texts share slots, so a text may be stored one read too late
// or too early.
type newcomers struct {
	fingerprints [1 << 9]newcomersFingerprint
	once         atomic.Pointer[[onceRead]atomic.Uint64] // texts by identity; nil until the first
}

type newcomersFingerprint struct {
	texts atomic.Uint32 // number of texts that were stored at their first read
	last  atomic.Uint64 // the last of these, so that its other forms are not counted
}

const (
	textsOfOne = 16      // texts of a fingerprint that are stored from their first read on
	onceRead   = 1 << 11 // slots for texts that were recently read once
)

// first reports whether the first read of a text is only recorded, and its
// result not stored.
func (n *newcomers) first(fingerprint uint64, sent [16]byte, id *identity) bool {
	p := &n.fingerprints[fingerprint%uint64(len(n.fingerprints))]
	if p.texts.Load() < textsOfOne {
		if text := uint64Of(sent); p.last.Swap(text) != text {
			p.texts.Add(1)
		}
		return false
	}
	once := n.once.Load()
	for once == nil {
		n.once.CompareAndSwap(nil, new([onceRead]atomic.Uint64))
		once = n.once.Load()
	}
	text := id.Sum()
	return once[text%onceRead].Swap(text) != text
}

// crowded reports whether a fingerprint has had so many texts that new ones are
// stored from their second read on.
func (n *newcomers) crowded(fingerprint uint64) bool {
	return n.fingerprints[fingerprint%uint64(len(n.fingerprints))].texts.Load() >= textsOfOne
}
