package querycache

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/headrace/headrace/db"
)

// A Policy says whether the answers of a statement are kept, and how old they
// may be when they are handed out. The zero Policy keeps nothing.
type Policy struct {
	// TTL bounds the age of an answer: none is handed out that was asked for
	// more than TTL ago. 0 keeps nothing. -1 is no bound: answers stay until a
	// change that the cache hears of makes them stale, or they are evicted;
	// what others change is not seen then.
	TTL time.Duration

	// Jitter shortens the TTL of each answer by a random part of up to
	// Jitter, so that answers kept at one time do not end at one time. At most
	// TTL. Default 0.
	Jitter time.Duration

	// StaleFor is how long after its TTL an answer may still be handed out
	// while a new one is loaded behind it, once. What a change made stale is
	// never handed out. Default 0: callers wait for the load.
	StaleFor time.Duration

	// StaleIfError is how long after its TTL an answer may be handed out where
	// the server cannot be reached or cannot answer anything now. A statement
	// that the server refuses fails as ever. Default 0: never.
	StaleIfError time.Duration

	// MaxRows keeps answers of at most so many rows. Default 0: any number.
	MaxRows int

	// MaxBytes keeps answers of at most so many bytes. Default 0: whatever
	// fits into the part of the budget that one shard has.
	MaxBytes int64

	// Shared hands out the kept value itself instead of a copy, without an
	// allocation. Whoever reads must then change nothing of it, nor of what it
	// points to, ever; Options.CheckShared finds who does. Rows read through
	// Query are not concerned. Without it values are not kept that have a
	// pointer or an interface in a field that is not exported: copies would
	// share what it leads to, and a method may change it.
	Shared bool

	// Tables are further tables that the answer depends on. For a statement
	// that calls functions which cannot be looked into they say what those
	// read: without them, every change that the cache hears of drops the
	// statement's answers.
	//
	// Names are as in SQL: cities and Cities are one, "Cities" is another,
	// geo.cities has its schema, and one without is looked for along the
	// search_path of the pool's sessions. A view stands for the tables behind
	// it, and a table for its partitions and children. A materialized view is
	// changed by REFRESH, a foreign table by what is written through it. A name
	// that the server does not know, or knows as a sequence or a catalog, whose
	// changes are not told, keeps nothing: Explain says so, and an Aside fails.
	Tables []string
}

// Choose implements [Chooser]: the policy of all statements.
func (p Policy) Choose(Statement) (Policy, bool) { return p, true }

// A Chooser gives each statement its policy. It is asked when a statement is
// met, in each form of answer, and not for each read; Explain asks as well. ok
// false keeps nothing.
type Chooser interface {
	Choose(stmt Statement) (p Policy, ok bool)
}

// A Statement is what a [Chooser] chooses by.
type Statement struct {
	Name string // from the comment "-- name: CityByID :one", as sqlc writes it; "" without one
	SQL  string // the normalized text, as [db.Stmt.SQL] returns it
}

// ByName gives policies to statements by the names in their
// "-- name: CityByID :one" comments, as sqlc writes them. The policy under ""
// is for all others; without it those are not kept. Of two statements with one
// text and different names each has the policy of its own name.
type ByName map[string]Policy

// Choose implements [Chooser].
func (m ByName) Choose(stmt Statement) (Policy, bool) {
	p, ok := m[stmt.Name]
	if !ok {
		p, ok = m[""]
	}
	return p, ok
}

// Check returns an error that names the keys which none of the statements has:
// a policy under a misspelt name says nothing. Call it when a program starts,
// with the statements that the policies are for; those that sqlc generates are
// not known as statements, and [ReadThrough.UnusedPolicies] tells about them.
func (m ByName) Check(stmts ...db.Compiled) error {
	names := make(map[string]bool)
	for _, stmt := range stmts {
		names[stmt.Name()] = true
	}
	if unknown := m.without(names); len(unknown) > 0 {
		return fmt.Errorf("querycache: policies for names that no statement has: %q", unknown)
	}
	return nil
}

// without returns the keys that are not among names, sorted.
func (m ByName) without(names map[string]bool) []string {
	var missing []string
	for name := range m {
		if name != "" && !names[name] {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return missing
}

// longest bounds the durations of a policy: what is longer is a mistake in the
// unit, and would overflow with the clock.
const longest = 10 * 365 * 24 * time.Hour

// validate returns an error that names the field which is invalid.
func (p Policy) validate() error {
	switch {
	case p.TTL < -1:
		return fmt.Errorf("Policy.TTL: %v is negative (-1 is no bound)", p.TTL)
	case p.TTL > longest:
		return fmt.Errorf("Policy.TTL: %v is more than %v (-1 is no bound)", p.TTL, longest)
	case p.MaxRows < 0:
		return fmt.Errorf("Policy.MaxRows: %d is negative", p.MaxRows)
	case p.MaxBytes < 0:
		return fmt.Errorf("Policy.MaxBytes: %d is negative", p.MaxBytes)
	}
	for _, field := range []struct {
		name  string
		value time.Duration
		most  time.Duration
	}{{"Jitter", p.Jitter, max(p.TTL, 0)}, {"StaleFor", p.StaleFor, longest}, {"StaleIfError", p.StaleIfError, longest}} {
		switch {
		case field.value < 0:
			return fmt.Errorf("Policy.%s: %v is negative", field.name, field.value)
		case field.value > 0 && p.TTL <= 0:
			return fmt.Errorf("Policy.%s: %v needs a bounded TTL; Policy.TTL is %v", field.name, field.value, p.TTL)
		case field.value > field.most:
			return fmt.Errorf("Policy.%s: %v is more than %v", field.name, field.value, field.most)
		}
	}
	for _, name := range p.Tables {
		if _, ok := splitName(name); !ok {
			return fmt.Errorf("Policy.Tables: %q is not a table name as in SQL, such as cities, geo.cities or \"Cities\"", name)
		}
	}
	return nil
}

// expiry returns until when an answer may be handed out whose load began at
// the given time.
func (p Policy) expiry(begun int64) int64 {
	if p.TTL < 0 {
		return never
	}
	ttl := int64(p.TTL)
	if p.Jitter > 0 {
		ttl -= rand.Int64N(int64(p.Jitter) + 1)
	}
	return begun + ttl
}
