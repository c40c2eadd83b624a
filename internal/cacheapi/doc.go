// Package cacheapi is what packages db and querycache share and programs do not
// see: how a cached handle answers the typed reads of db, and what it has to
// know of the handle that it reads from. Package db registers itself when it is
// initialized.
package cacheapi
