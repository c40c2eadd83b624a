// Package sqltext analyzes the text of PostgreSQL statements.
//
// [Lexer] splits a text into tokens. [Analyze] determines, in one pass over the
// tokens, a statement's normalized text, fingerprint, name, kind, and the
// relations and functions that it names. [Outline] locates the parts of a
// query. [Placeholders] numbers a builder's question marks.
//
// Do not confuse three products. The normalized text has the same meaning as
// the text and may be prepared in its place. A fingerprint covers all texts
// that differ only in literals; it is for statistics. A cache key is made by
// the caller, from the statement's ID, the arguments, and everything else that
// the result depends on.
//
// The claims about a statement are certain by its text, or else "unknown",
// which means that the statement may read or write anything.
//
// # Design notes
//
// The lexer assumes standard_conforming_strings = on, as pgx does: it is the
// default of all supported server versions.
//
// The analysis is not a full parser. It follows the grammar where that
// determines which names are relations, with the help of reserved words, which
// cannot be names, and skips everything else. It claims nothing about a text
// that does not follow the grammar. The server's own parser has the last word.
package sqltext
