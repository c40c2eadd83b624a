package pgserver

import "context"

// startLocal is not available on Windows: pausing and killing a server, and
// ending it with its program, use Unix signals.
func startLocal(context.Context, *Options) (*Server, error) {
	return nil, absent("not on Windows")
}

func startDownloaded(context.Context, *Options) (*Server, error) {
	return nil, absent("not on Windows")
}
