// Package deepcopy copies Go values with everything they refer to, and tells
// exactly how much memory a copy takes.
//
// A copy is an image of its original: what two pointers share they share in the
// copy, values that lead back to each other do so there, and a pointer into a
// struct or an array points to the same place in its copy. Each part is visited
// once, however many ways lead to it, without recursion.
//
// [Keep] makes copies that are to stay: they refer to nothing that is larger than
// what is seen of it. A string that is a piece of a long text, a slice with room
// behind it and a map that has shrunk keep all that alive; their copies do not,
// so the size of a copy is known. [Clone] makes copies for callers, which share
// strings with the original.
//
// # What is not copied
//
// Functions, channels, unsafe pointers and whatever a lock guards cannot be
// copied, and pointers that are errors must not be, since errors are compared by
// identity. [Check] names them. Shared with the original, because nobody changes
// them, are types (reflect.Type), what package unique makes, and locations of
// times; of locations with equal rules, kept values share one.
//
// # Design notes
//
// A copy is made in two passes. The first finds the ranges of memory that a value
// refers to, and merges those that overlap. The second copies them and replaces
// each reference. Ranges of one type become one array, so that a graph of 100,000
// nodes is one allocation, and the account needs no guess at how the allocator
// packs small ones. Types whose references lead no further than to strings need
// no note of what was visited, since there cannot be more of it than of the
// references.
package deepcopy
