package db

import (
	"testing"

	"github.com/headrace/headrace/internal/changes"
)

// OnChange converts the states of the tracker by their numbers.
func TestChangeStatesAreThoseOfTheTracker(t *testing.T) {
	for state, tracked := range map[ChangeState]changes.ChangeState{
		Committed: changes.Committed, InDoubt: changes.InDoubt, Resolved: changes.Resolved, Unchanged: changes.Unchanged,
	} {
		if ChangeState(tracked) != state {
			t.Errorf("the tracker's %d is %d, want %d", tracked, ChangeState(tracked), state)
		}
	}
}
