// Package pgcopy turns Go structs into the bytes of PostgreSQL's binary COPY
// format, and of its binary arrays.
//
// An [Encoder] is compiled once for a Go type and the columns it goes to. It
// reads fields through their offsets and appends to a buffer that its caller
// owns: no reflection, no boxing and no allocation per row for the types in
// fast.go. Every other type goes through pgtype's own encode plan. Both ways
// give the bytes that pgx.CopyFrom sends, NaN apart; the tests hold each type to
// that.
//
// [Stream] is the io.Reader over rows that a COPY reads; [Arrays] collects the
// same rows column by column for INSERT ... SELECT FROM unnest(...).
//
// # Design notes
//
// What pgx lets through and this package refuses, because the server would
// store something else than was given: times and dates outside of the server's
// range (pgx lets them wrap), a finite float64 that is infinite as a float4,
// text with a NUL byte or invalid UTF-8 (the server refuses it as well, at the
// price of the whole COPY, and without naming the row's field).
//
// COPY's format is described in "COPY", section "Binary Format", of the
// PostgreSQL manual; the values' forms are those of the types' send functions.
package pgcopy
