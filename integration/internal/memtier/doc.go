// Package memtier has a further tier of caches that needs no server, for tests.
package memtier
