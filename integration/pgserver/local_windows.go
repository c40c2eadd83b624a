package pgserver

import "context"

// startLocal has nothing to offer here: pausing and killing a server, and ending it with its program, are done with
// what Unix has for it.
func startLocal(context.Context, *Options) (*Server, error) {
	return nil, absent("not on Windows")
}

func startDownloaded(context.Context, *Options) (*Server, error) {
	return nil, absent("not on Windows")
}
