package querycache

import "sync/atomic"

// newcomers keep texts that are read once from costing more than the read. To
// keep the answer to a new text, the server has to be asked what the statement
// does, which takes longer than most reads, and one such question waits for the
// other. A program that writes values into its texts makes a new one for each
// read. So of a fingerprint that has had many texts a new one is kept from its
// second read on.
//
// Fingerprints and texts share places: a text may then be kept a read too late,
// or too early.
type newcomers struct {
	fingerprints [1 << 9]newcomersFingerprint
	once         atomic.Pointer[[onceRead]atomic.Uint64] // texts by what identifies them; nil until there is one
}

type newcomersFingerprint struct {
	texts atomic.Uint32 // that were kept, or could have been
	last  atomic.Uint64 // of these, so that forms of one text are not counted as several
}

const (
	textsOfOne = 16      // texts of a fingerprint that are kept from their first read on
	onceRead   = 1 << 11 // places for texts that were read once of late
)

// first reports whether the read of a text that the cache does not know is only
// to be noted.
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
// kept from their second read on.
func (n *newcomers) crowded(fingerprint uint64) bool {
	return n.fingerprints[fingerprint%uint64(len(n.fingerprints))].texts.Load() >= textsOfOne
}
