// Package schema is what ent generates its client from.
package schema
