//go:build !mutants

package main

import (
	"context"

	"github.com/headrace/headrace/integration/pgserver"
)

// breakEach has nothing to break in a build without the tag.
func breakEach(context.Context, *pgserver.Server, options) error { return nil }
