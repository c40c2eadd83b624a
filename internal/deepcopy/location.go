package deepcopy

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"time"
)

// Locations are a few kilobytes each, and programs load the same ones over and
// over: time.LoadLocation and time.Parse make another one each time. Kept values
// share those whose rules are equal, and so those are not charged to them.
var locations struct {
	mu     sync.Mutex
	n      int
	byName map[string][]*time.Location // guarded by mu
}

// mostLocations bounds what is never let go of. There are about 600 in the world.
const mostLocations = 1024

var errLocations = errors.New("more than 1024 different time.Locations are in use")

// canonical returns the location that kept values have in place of loc.
func canonical(loc *time.Location) (*time.Location, error) {
	if loc == time.UTC || loc == time.Local || loc == nil {
		return loc, nil
	}
	l := &locations
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, known := range l.byName[loc.String()] {
		if known == loc || sameRules(known, loc) {
			return known, nil
		}
	}
	if l.n == mostLocations {
		return nil, errLocations
	}
	if l.byName == nil {
		l.byName = make(map[string][]*time.Location)
	}
	l.n++
	l.byName[loc.String()] = append(l.byName[loc.String()], loc)
	return loc, nil
}

// sameRules compares two locations, but for what they remember of the time that
// they were loaded at.
func sameRules(a, b *time.Location) bool {
	for f := range reflect.TypeFor[time.Location]().Fields() {
		if strings.HasPrefix(f.Name, "cache") {
			continue
		}
		c, d := cellOf(a).add(f.Offset).value(f.Type), cellOf(b).add(f.Offset).value(f.Type)
		if !reflect.DeepEqual(c.Interface(), d.Interface()) {
			return false
		}
	}
	return true
}
