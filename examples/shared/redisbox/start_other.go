//go:build !unix

package redisbox

import (
	"context"
	"errors"
)

func start(context.Context) (Server, error) {
	return nil, errors.New("starting a Redis is not supported on this system: pass the address of one")
}
