// Package retry runs what failed again, after a random wait, where another
// attempt may succeed.
package retry
