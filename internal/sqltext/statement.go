package sqltext

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// A Statement is the analysis of a text. It does not change after [Analyze] has
// returned it; goroutines may share it, and its slices are read-only.
//
// Its claims rest on the text alone. The text does not show what views, rules,
// triggers, row security and partitions add, nor what the functions of calls,
// operators, casts and types do.
type Statement struct {
	Text string // the original text
	Pos  int    // offset of Text in the argument of [Statements]

	// Normalized has exactly the meaning of Text, with uniform white space,
	// comments and case of unquoted words. It equals Text if that cannot be
	// split into tokens. (Only functions that show a query its own text can
	// tell the difference.)
	Normalized string
	// ID is the first half of the SHA-256 of Normalized.
	ID [16]byte
	// Identity identifies Normalized together with Name. Statements that are
	// sent as one text share an ID, and have different identities if their
	// names differ.
	Identity [16]byte
	// Fingerprint is the same for all statements that differ only in literals,
	// parameters and the length of lists.
	Fingerprint uint64

	Name string // from a leading comment "-- name: CityByID :one", as sqlc writes it
	Kind StatementKind
	// Count is the number of statements in the text. If there are several, Kind
	// is [Several], and the claims cover all of them.
	Count    int
	MaxParam int // the highest parameter number, 0 for none

	// ReadOnly reports whether running the statement leaves everything
	// unchanged: rows, row locks, sequences, settings, the state of session and
	// transaction. It is never Yes for a statement that calls functions. Yes
	// still assumes that operators, casts and types behave like those of
	// pg_catalog, and that the named relations are not views, or tables with
	// policies, that call functions.
	ReadOnly Claim
	// Reads and Writes list the named relations, each once, without names of
	// WITH queries. A target is in Reads only if it is also named as a source.
	Reads, Writes []Table
	// TablesKnown reports that Reads and Writes include all relations that the
	// text shows, and that the statement is not of a kind that affects others
	// (TRUNCATE ... CASCADE, DDL, DO, CALL, EXECUTE).
	TablesKnown bool
	// Cascade reports that the statement has the word CASCADE for relations
	// that depend on the named ones.
	Cascade bool
	// Calls lists the functions called by name, each once; also procedures,
	// TABLESAMPLE methods and functions that the server calls for special
	// syntax, such as EXTRACT and CURRENT_DATE. It may include words that only
	// look like calls, as in numeric(9, 2) '1'.
	Calls []Function

	// Inner is the statement within this one, by the grammar: the statement
	// that EXPLAIN explains, that COPY (query) TO copies, that DECLARE and
	// PREPARE name, and that fills or defines the relation of CREATE TABLE AS,
	// CREATE MATERIALIZED VIEW and CREATE VIEW. It is empty if there is none,
	// or none is found.
	Inner Span
	// Runs reports whether the statement runs Inner: EXPLAIN ANALYZE does, and
	// DECLARE does when rows are fetched.
	Runs Claim
	// DDL describes what a schema change does in addition. SELECT INTO, and
	// EXPLAIN ANALYZE of a statement that creates a relation, are schema
	// changes too.
	DDL DDLKind
	// MakesTemporary reports that the statement, or one of several in the text,
	// creates a relation that is temporary by the words TEMP or TEMPORARY or
	// the schema pg_temp.
	MakesTemporary bool

	// Target is the savepoint of Savepoint, RollbackTo and Release; the
	// transaction id of PrepareTransaction, CommitPrepared and
	// RollbackPrepared; the setting of Set, Reset and Show, under its name in
	// pg_settings if special syntax sets it ("all" for all; "transaction",
	// "session characteristics" and "constraints" are not settings); the
	// channel of Listen, Notify and Unlisten ("*" for all). Names are folded as
	// the server does.
	Target string
	// Local reports that Set ends with the transaction (SET LOCAL, SET
	// TRANSACTION, SET CONSTRAINTS).
	Local bool
	// Client reports that CopyFrom or CopyTo transfers its data from or to the
	// client: FROM STDIN, TO STDOUT.
	Client bool
	// Chain reports that Commit or Rollback begins the next transaction (AND
	// CHAIN).
	Chain bool

	Err error // an [*Error] if Text cannot be split into tokens; then nothing is claimed
}

// A Claim is yes, no or unknown.
type Claim uint8

// The claims.
const (
	Unknown Claim = iota
	Yes
	No
)

func (c Claim) String() string {
	switch c {
	case Yes:
		return "yes"
	case No:
		return "no"
	}
	return "unknown"
}

// A Table names a relation as the server folds names: unquoted names in lower
// case, all truncated to 63 bytes. Schema is empty if the text has none.
type Table struct{ Schema, Name string }

// A Function names a function as [Table] names a relation.
type Function struct{ Schema, Name string }

// Analyze analyzes text. Count shows whether it is a multi-statement text.
func Analyze(text string) *Statement {
	s := newScan(text)
	defer s.release()
	return describe(s)
}

// Statements splits a text at its semicolons, as the simple protocol does, and
// analyzes each statement. A text that cannot be split into tokens is one
// statement.
func Statements(text string) []*Statement {
	s := newScan(text)
	defer s.release()
	if s.err != nil {
		return []*Statement{describe(s)}
	}
	var list []*Statement
	from := 0
	for _, part := range split(s.items) {
		if len(part) == 0 {
			continue
		}
		// Comments before a statement belong to it, and so does a name in them.
		end := int(part[len(part)-1].end)
		for from < int(part[0].pos) && (class[text[from]] == blank || text[from] == ';') {
			from++
		}
		st := Analyze(text[from:end])
		st.Pos = from
		list = append(list, st)
		from = end
	}
	return list
}

func describe(s *scan) *Statement {
	st := &Statement{Text: s.text, Normalized: s.text, Name: leadingName(s.text)}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)

	out := appendFingerprint(slices.Grow((*buffer)[:0], len(s.text)), s)
	sum := sha256.Sum256(out)
	st.Fingerprint = binary.BigEndian.Uint64(sum[:])
	if s.err != nil {
		st.Err = s.err
		sum = sha256.Sum256(append(out[:0], s.text...))
		copy(st.ID[:], sum[:])
		st.Identity = identityOf(st)
		return st
	}
	out = appendNormalized(out[:0], s)
	if string(out) != s.text {
		st.Normalized = string(out)
	}
	sum = sha256.Sum256(out)
	copy(st.ID[:], sum[:])
	st.Identity = identityOf(st)
	if cap(out) <= maxPooled {
		*buffer = out
	}
	analyze(st, s)
	return st
}

func identityOf(st *Statement) [16]byte {
	if st.Name == "" {
		return st.ID
	}
	sum := sha256.Sum256(append(st.ID[:], st.Name...))
	return [16]byte(sum[:16])
}

// Lexed reports whether the text was split into tokens. Otherwise it is sent to
// the server unchanged and never cached.
func (st *Statement) Lexed() bool { return st.Err == nil }

// Size returns the size in bytes of the original and the normalized text.
func (st *Statement) Size() int { return len(st.Text) + len(st.Normalized) }

// Label returns the label of the statement for messages: its name, or the
// beginning of its text with constants replaced.
func (st *Statement) Label() string {
	if st.Name != "" {
		return st.Name
	}
	return Shorten(st.FingerprintText())
}

// Shorten truncates sql for messages.
func Shorten(sql string) string {
	const long = 80
	if len(sql) <= long {
		return sql
	}
	cut := long
	for cut > 0 && sql[cut]&0xC0 == 0x80 { // do not cut a character in two
		cut--
	}
	return sql[:cut] + "..."
}

// CheckSingle returns an error unless the text is one statement. A text that
// cannot be split into tokens passes: the server decides.
func (st *Statement) CheckSingle() error {
	switch {
	case !st.Lexed() || st.Count == 1:
		return nil
	case st.Count == 0:
		return errors.New("the text holds no statement")
	}
	return fmt.Errorf("the text holds %d statements, want one", st.Count)
}

// FingerprintText returns the text that Fingerprint was made from. It contains
// no literals.
func (st *Statement) FingerprintText() string {
	s := newScan(st.Text)
	defer s.release()
	return string(appendFingerprint(nil, s))
}
