package sqltext

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// A Statement is what one look at a text tells. It is not changed after
// [Analyze] has returned it; goroutines may share it, and its slices are only
// to be read.
//
// What it claims is what the text shows by itself. The text does not show what
// views, rules, triggers, row security and partitions add, nor what the
// functions behind calls, operators, casts and types do.
type Statement struct {
	Text string // as given
	Pos  int    // where Text begins in the text that [Statements] was given

	// Normalized means exactly what Text means, with white space, comments and
	// the case of unquoted words settled. It equals Text where that cannot be
	// read. (Only functions that show a query its own text can tell the two
	// apart.)
	Normalized string
	// ID is the first half of the SHA-256 of Normalized.
	ID [16]byte
	// Identity identifies Normalized together with Name. Statements that are
	// sent as one text have one ID, and two identities where their names differ.
	Identity [16]byte
	// Fingerprint is one for all statements that differ only in literals,
	// parameters and the length of lists.
	Fingerprint uint64

	Name string // from a leading comment "-- name: CityByID :one", as sqlc writes it
	Kind StatementKind
	// Count is the number of statements in the text. With more than one, Kind
	// is [Several], and the claims hold for all of them together.
	Count    int
	MaxParam int // the highest parameter number, 0 for none

	// ReadOnly says whether running the statement leaves everything as it was:
	// rows, row locks, sequences, settings, the state of session and
	// transaction. A statement that calls functions is never known to. Yes still
	// presumes that operators, casts and types do as pg_catalog's do, and that
	// the relations named are not views or tables whose policies call others.
	ReadOnly Claim
	// Reads and Writes are the relations named, each once, names of WITH
	// queries apart. A target is in Reads only if it is named as a source too.
	Reads, Writes []Table
	// TablesKnown says that Reads and Writes name all relations that the text
	// shows, and that the statement is not one whose nature is to touch others
	// (TRUNCATE ... CASCADE, DDL, DO, CALL, EXECUTE).
	TablesKnown bool
	// Cascade says that the statement has the word CASCADE for relations that
	// depend on those named.
	Cascade bool
	// Calls are the functions called by name, each once; also procedures,
	// TABLESAMPLE methods and what the server calls by special syntax, such as
	// EXTRACT and CURRENT_DATE. Words that only look like calls may be among
	// them, as in numeric(9, 2) '1'.
	Calls []Function

	// Inner is the statement within this one, by the grammar: what EXPLAIN
	// explains, COPY (query) TO copies, DECLARE and PREPARE name, and what fills
	// or defines the relation of CREATE TABLE AS, CREATE MATERIALIZED VIEW and
	// CREATE VIEW. It is empty where there is none, or none is found.
	Inner Span
	// Runs says whether the statement runs Inner: EXPLAIN does with ANALYZE, and
	// DECLARE does by and by.
	Runs Claim
	// DDL says what a change of the schema does besides. SELECT INTO and EXPLAIN
	// ANALYZE of what makes a relation are such changes too.
	DDL DDLKind
	// MakesTemporary says that a relation is made that is temporary by the words
	// TEMP or TEMPORARY or the schema pg_temp. In a text of several statements one of
	// them does.
	MakesTemporary bool

	// Target is the savepoint of Savepoint, RollbackTo and Release; the
	// transaction's id of PrepareTransaction, CommitPrepared and
	// RollbackPrepared; the setting of Set, Reset and Show, by the name that
	// pg_settings has for it where a syntax of its own sets it ("all" for all;
	// "transaction", "session characteristics" and "constraints" are none); the
	// channel of Listen, Notify and Unlisten ("*" for all). Names are folded as
	// the server folds them.
	Target string
	// Local says that Set ends with the transaction (SET LOCAL, SET TRANSACTION,
	// SET CONSTRAINTS).
	Local bool
	// Client says that CopyFrom and CopyTo take their data from, and give it to,
	// the client: FROM STDIN, TO STDOUT.
	Client bool
	// Chain says that Commit or Rollback begins the next transaction (AND CHAIN).
	Chain bool

	Err error // an [*Error] where Text cannot be read; then nothing is claimed
}

// A Claim is an answer that says so when it does not know.
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

// A Table names a relation as the server folds names: unquoted ones in lower
// case, all cut to 63 bytes. Schema is empty where the text has none.
type Table struct{ Schema, Name string }

// A Function names a function as [Table] names a relation.
type Function struct{ Schema, Name string }

// Analyze looks at text once. Text of several statements is told by Count.
func Analyze(text string) *Statement {
	s := newScan(text)
	defer s.release()
	return describe(s)
}

// Statements splits a text at its semicolons, as the simple protocol does, and
// looks at each statement. Text that cannot be read is one statement.
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
		// Comments before a statement are its own, and so a name in them.
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
	if cap(out) <= maxKept {
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

// Lexed reports whether the text was split into tokens. One that was not is
// sent to the server as it is and never cached.
func (st *Statement) Lexed() bool { return st.Err == nil }

// Size returns the bytes of the text as given and normalized.
func (st *Statement) Size() int { return len(st.Text) + len(st.Normalized) }

// Label returns what messages call the statement: its name, or the beginning
// of its text.
func (st *Statement) Label() string {
	if st.Name != "" {
		return st.Name
	}
	return Shorten(st.Normalized)
}

// Shorten returns as much of sql as messages show.
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

// FingerprintText returns the text behind Fingerprint, for people. It shows no
// literal, whatever the statement.
func (st *Statement) FingerprintText() string {
	s := newScan(st.Text)
	defer s.release()
	return string(appendFingerprint(nil, s))
}
