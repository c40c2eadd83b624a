// Package tiertest tests implementations of [querycache.Tier] against the
// contract of that interface.
package tiertest
