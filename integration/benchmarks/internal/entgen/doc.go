// Package entgen is the code that ent generates from its schema.
package entgen

// ent's packages hook, runtime and enttest were left out: nothing here needs them.
//go:generate go run -mod=mod entgo.io/ent/cmd/ent generate ./schema
