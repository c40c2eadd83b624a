package querycache

import (
	"strings"

	"github.com/headrace/headrace/internal/sqltext"
)

// record returns the record of a statement, making one if there is none.
func (h *ReadThrough) record(text *sqltext.Statement, form uint64) *record {
	if text.Size() > 2*longestText {
		return h.tooLong()
	}
	id := identityOf(text, form, h.space)
	if r := h.cache.records.get(&id); r != nil {
		return r
	}
	h.noteName(text.Name)
	r := h.newRecord(text, form)
	if r.refused == none && h.cache.newcomers.first(text.Fingerprint, r.sent, &id) {
		return h.passing()
	}
	return h.cache.records.add(r)
}

// newRecord returns a new record of a statement, without adding it.
func (h *ReadThrough) newRecord(text *sqltext.Statement, form uint64) *record {
	r := (&record{
		sent: text.ID, length: text.Size(),
		label: text.Label(), name: strings.Clone(text.Name), source: h.source,
		tierName: tierNameOf(text),
	}).withID(identityOf(text, form, h.space))
	r.text.Store(text)
	r.policy, r.refused = h.policy(text)
	return r
}

// tierNameOf returns the name of a statement in tiers: from its own name, or
// else from its text.
func tierNameOf(text *sqltext.Statement) string {
	if text.Name != "" {
		return statementTierName(text.Name)
	}
	return textTierName(text.ID)
}

// passing returns the record that counts first reads of texts which are stored
// from their second read on.
func (h *ReadThrough) passing() *record {
	id := identity{Space: h.space, Rest: 1} // no text has this digest
	if r := h.cache.records.get(&id); r != nil {
		return r
	}
	return h.cache.records.add((&record{label: "(first reads of texts that resemble many others)", source: h.source, refused: MissFirstRead}).withID(id))
}

// tooLong returns the record that counts reads of texts which are too long to
// have records of their own.
func (h *ReadThrough) tooLong() *record {
	id := identity{Space: h.space} // no text has this digest
	if r := h.cache.records.get(&id); r != nil {
		return r
	}
	return h.cache.records.add((&record{label: "(texts longer than 64 KB)", source: h.source, refused: RefusedText}).withID(id))
}

// policy returns the statement's policy, or why there is none.
func (h *ReadThrough) policy(text *sqltext.Statement) (Policy, Reason) {
	if !text.Lexed() || text.Count != 1 || text.Size() > 2*longestText {
		return Policy{}, RefusedText
	}
	p, ok := h.choose.Choose(forChooser(text))
	if !ok || p.TTL == 0 || p.validate() != nil || p.TTL < 0 && !h.observed {
		return Policy{}, RefusedPolicy
	}
	return p, none
}

func forChooser(text *sqltext.Statement) Statement {
	return Statement{Name: text.Name, SQL: text.Normalized}
}
