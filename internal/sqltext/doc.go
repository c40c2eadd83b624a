// Package sqltext reads the text of PostgreSQL statements.
//
// [Lexer] cuts a text into tokens. [Analyze] tells, from one pass over the
// tokens, a statement's normalized text, fingerprint, name, kind, and the
// relations and functions it names. [Outline] tells where the parts of a query
// are. [Placeholders] numbers a builder's question marks.
//
// Three products are never to be mixed. Normalized text means the same as the
// text and may be prepared in its place. A fingerprint merges what differs only
// in literals and belongs in statistics. A cache key is the caller's: the
// statement's ID, arguments, and what the answer depends on besides.
//
// What a statement claims is certain by its text, or else "unknown"; unknown is
// to be taken as "may read anything, may write anything".
//
// # Design notes
//
// The lexer presumes standard_conforming_strings on, as pgx does: no server of
// the supported versions has it off by default.
//
// The analysis is no full parser. It follows the grammar where that decides
// which names are relations, leaning on the reserved words, which cannot be
// names. Everything else it passes over; where a text is not as the grammar has
// it, nothing is claimed. The server's own parser decides in the end.
package sqltext
