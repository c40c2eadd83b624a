// Package deepcopy copies Go values with everything they refer to, and computes
// exactly how much memory a copy takes.
//
// A copy has the structure of its original: memory that two pointers share is
// shared in the copy, values that refer to each other do so in the copy, and a
// pointer into a struct or an array points to the same place in its copy. Each
// part is visited once, however many paths lead to it, without recursion.
//
// [Keep] makes copies for long-term storage: they refer to nothing larger than
// their visible content. A string that is part of a long text, a slice with
// spare capacity and a map that has shrunk keep all of that alive; their copies
// do not, so the size of a copy is known. [Clone] makes copies for callers,
// which share strings with the original.
//
// # What is not copied
//
// Functions, channels, unsafe pointers and values guarded by locks cannot be
// copied, and pointers that are errors must not be, since errors are compared
// by identity. [Check] names them. Immutable values are shared with the
// original: types (reflect.Type), values of package unique, and locations of
// times. Stored values share one of several locations with equal rules.
//
// # Design notes
//
// A copy is made in two passes. The first finds the ranges of memory that a
// value refers to, and merges overlapping ones. The second copies them and
// replaces each reference. Ranges of one type become one array, so that a graph
// of 100,000 nodes is one allocation, and the size does not depend on how the
// allocator packs small objects. Types whose references lead no further than
// strings need no record of visited memory, which is bounded by the references.
package deepcopy
