package daemon

// Watchdog has nothing to guard on Windows, where only containers are run.
type Watchdog struct{}

// Dismiss does nothing.
func (*Watchdog) Dismiss() {}
