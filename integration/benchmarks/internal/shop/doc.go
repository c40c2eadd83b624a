// Package shop has the rows that the peers read, as a program would declare
// them by hand.
package shop
