package deepcopy

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"time"
)

// A location takes a few kilobytes, and programs load the same ones repeatedly:
// each time.LoadLocation and time.Parse makes another. Stored values share
// locations with equal rules, which are therefore not counted for them.
var locations struct {
	mu     sync.Mutex
	n      int
	byName map[string][]*time.Location // guarded by mu
}

// maxLocations bounds the locations that are never freed. There are about 600
// in the world.
const maxLocations = 1024

var errLocations = errors.New("more than 1024 different time.Locations are in use")

// canonical returns the shared location in place of loc.
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
	if l.n == maxLocations {
		return nil, errLocations
	}
	if l.byName == nil {
		l.byName = make(map[string][]*time.Location)
	}
	l.n++
	l.byName[loc.String()] = append(l.byName[loc.String()], loc)
	return loc, nil
}

// sameRules compares two locations, except for what they cache of the time at
// which they were loaded.
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
