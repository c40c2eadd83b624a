// Package measure runs the same work by several subjects, in turn and in an
// order shuffled anew each round, and tells what each of them needed.
package measure
