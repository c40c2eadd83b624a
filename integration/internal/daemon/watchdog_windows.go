package daemon

// Watchdog does nothing on Windows, where servers run only in containers.
type Watchdog struct{}

// Dismiss does nothing.
func (*Watchdog) Dismiss() {}
