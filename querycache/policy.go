package querycache

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/headrace/headrace/db"
)

// A Policy defines whether the results of a statement are stored, and how old
// they may be when they are returned. The zero Policy stores nothing.
type Policy struct {
	// TTL bounds the age of an entry, counted from the beginning of its load.
	// 0 stores nothing. -1 is no bound: an entry stays until an observed change
	// invalidates it or it is evicted, and changes by other programs stay
	// unseen.
	TTL time.Duration

	// EmptyTTL bounds the age of an entry without rows in place of TTL, also that
	// of an error that an Aside stores. At most TTL. Default 0: TTL.
	EmptyTTL time.Duration

	// Jitter shortens the TTL of each entry by a random part of up to Jitter,
	// so that entries stored at the same time expire at different times. At
	// most TTL. Default 0.
	Jitter time.Duration

	// StaleFor is how long after its TTL an entry may still be returned while
	// one load in the background replaces it. Invalidated entries are never
	// returned. Default 0: callers wait for the load.
	StaleFor time.Duration

	// StaleIfError is how long after its TTL an entry may be returned when the
	// server cannot be reached or cannot execute any statement. Errors about
	// the statement itself are returned as usual. Default 0: never.
	StaleIfError time.Duration

	// MaxRows is the greatest number of rows in a stored result. Default 0: no
	// bound.
	MaxRows int

	// MaxBytes is the greatest size of a stored result. Default 0: one shard's
	// part of the budget.
	MaxBytes int64

	// MemoryOnly keeps results out of Options.Tiers: for statements that cost the
	// server no more than a tier would.
	MemoryOnly bool

	// Shared returns the stored value itself instead of a copy, without an
	// allocation. Callers must then never change the value or anything that it
	// points to; Options.CheckShared detects callers that do. Rows read through
	// Query are not affected. Without Shared, values with a pointer or an
	// interface in an unexported field are not stored: copies would share the
	// memory that the field points to, and a method may change it.
	Shared bool

	// Tables are additional dependencies of the results. For a statement that
	// calls functions with hidden bodies they declare what the functions read;
	// without them, every observed change invalidates the entries of such a
	// statement.
	//
	// Names are written as in SQL: cities and Cities are equal, "Cities" is
	// another name, geo.cities names its schema, and a name without a schema is
	// resolved along the search_path of the pool's sessions. A view stands for
	// its tables, and a table includes its partitions and children. REFRESH
	// changes a materialized view, and writes through a foreign table change
	// it. The server must know each name, and it must not name a sequence or a
	// catalog, whose changes are not reported; otherwise nothing is stored,
	// Explain gives the reason, and reads of an Aside fail.
	Tables []string
}

// Choose implements [Chooser]. It returns p for every statement.
func (p Policy) Choose(Statement) (Policy, bool) { return p, true }

// A Chooser returns the policy of a statement. The cache calls it at the first
// read of a statement in each form (One, All, Query and so on), not at each
// read; Explain calls it too. With ok false nothing is stored.
type Chooser interface {
	Choose(stmt Statement) (p Policy, ok bool)
}

// A Statement is the argument of a [Chooser].
type Statement struct {
	Name string // from the comment "-- name: CityByID :one", as sqlc writes it; "" without one
	SQL  string // the normalized text, as [db.Stmt.SQL] returns it
}

// ByName maps the names of statements to policies. Names come from comments
// such as "-- name: CityByID :one", as sqlc writes them. The policy under ""
// applies to all other statements; without it their results are not stored. Two
// statements with the same text and different names have separate policies.
type ByName map[string]Policy

// Choose implements [Chooser].
func (m ByName) Choose(stmt Statement) (Policy, bool) {
	p, ok := m[stmt.Name]
	if !ok {
		p, ok = m[""]
	}
	return p, ok
}

// Check returns an error that lists the names in m that no statement has, such
// as misspelt ones. Call it when a program starts, with the statements that the
// policies are for. Queries that sqlc generates are not compiled statements;
// see [ReadThrough.UnusedPolicies] for those.
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

// longest bounds the durations of a policy. A longer duration is a mistake in
// the unit, and would overflow when the clock is added.
const longest = 10 * 365 * 24 * time.Hour

// validate returns an error that names the first invalid field.
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
	}{{"Policy.EmptyTTL", p.EmptyTTL, emptyMost(p.TTL)}, {"Policy.Jitter", p.Jitter, max(p.TTL, 0)}, {"Policy.StaleFor", p.StaleFor, longest}, {"Policy.StaleIfError", p.StaleIfError, longest}} {
		switch {
		case field.value < 0:
			return fmt.Errorf("%s: %v is negative", field.name, field.value)
		case field.value > 0 && p.TTL <= 0 && field.name != "Policy.EmptyTTL":
			return fmt.Errorf("%s: %v needs a bounded TTL; Policy.TTL is %v", field.name, field.value, p.TTL)
		case field.value > field.most:
			return fmt.Errorf("%s: %v is more than %v", field.name, field.value, field.most)
		}
	}
	for _, name := range p.Tables {
		if _, ok := splitName(name); !ok {
			return fmt.Errorf("Policy.Tables: %q is not a table name as in SQL, such as cities, geo.cities or \"Cities\"", name)
		}
	}
	return nil
}

// emptyMost returns the greatest EmptyTTL.
func emptyMost(ttl time.Duration) time.Duration {
	if ttl < 0 {
		return longest
	}
	return ttl
}

// ttl returns the bound of the age of an entry, which is empty or not, and -1
// for no bound.
func (p Policy) ttl(empty bool) time.Duration {
	if empty && p.EmptyTTL > 0 {
		return p.EmptyTTL
	}
	return p.TTL
}

// shortened returns ttl shortened by Jitter.
func (p Policy) shortened(ttl time.Duration) time.Duration {
	if p.Jitter == 0 {
		return ttl
	}
	return ttl - time.Duration(rand.Int64N(int64(min(p.Jitter, ttl))+1))
}

// expiry returns the time at which an entry expires whose load began at the
// given time.
func (p Policy) expiry(begun int64, empty bool) int64 {
	ttl := p.ttl(empty)
	if ttl < 0 {
		return never
	}
	return begun + int64(p.shortened(ttl))
}
