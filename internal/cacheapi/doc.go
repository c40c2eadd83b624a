// Package cacheapi is the interface between packages db and querycache that
// programs do not see: how a cached handle serves the typed reads of db, and
// what it needs to know about its source handle. Package db registers itself at
// initialization.
package cacheapi
