// Package measure lets several subjects do the same work in turns, in an order
// that is shuffled each round, and reports the cost of each.
package measure
