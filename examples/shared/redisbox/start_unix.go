//go:build unix

package redisbox

import (
	"context"

	"github.com/headrace/headrace/integration/redisserver"
)

func start(ctx context.Context) (Server, error) { return redisserver.Start(ctx, nil) }
