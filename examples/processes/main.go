// Command processes shows three processes that share a cache in Redis. They
// read from one warm cache, see each other's writes, and go on while Redis is
// away. It uses a new database, on the server in DATABASE_URL or on one that it
// starts, and a Redis that it starts.
//
//	go run ./examples/processes [-redis ADDRESS]
//
// With -redis it uses the Redis at the address, which it does not kill, and
// removes its keys at the end.
//
// It checks its claims, and exits with status 1 if one does not hold. Times are
// no claims, because other programs may keep the machine busy.
package main

import (
	"context"
	"errors"
	"flag"

	"github.com/headrace/headrace/examples/shared/program"
	"github.com/headrace/headrace/examples/shared/redisbox"
)

// processes is the number of processes.
const processes = 3

func main() {
	serveIfAsked()
	redis := flag.String("redis", redisbox.Local, "the `address` of a Redis; local starts one")
	flag.Parse()
	program.Main("processes", show(*redis))
}

// show returns the body of the example with the Redis at the address.
func show(redis string) program.Body {
	return func(ctx context.Context, connString string, a *program.Report) (err error) {
		box, err := redisbox.Open(ctx, "processes", redis)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, box.Close(context.WithoutCancel(ctx))) }()
		data, err := load(ctx, connString)
		if err != nil {
			return err
		}
		f := &fleet{connString: connString, redis: box}
		defer f.stop()
		for range processes {
			if err := f.start(ctx); err != nil {
				return err
			}
		}
		return (&tour{Report: a, fleet: f, redis: box, data: data}).run(ctx)
	}
}
