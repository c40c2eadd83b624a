// Package daemon has what it takes to run other people's servers under tests: another user than root, a port, and an
// end to them when the tests die.
package daemon
