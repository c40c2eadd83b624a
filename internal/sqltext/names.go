package sqltext

import "slices"

// maxNames bounds the lists of names in a [Statement].
const maxNames = 1000

// fewNames is the length up to which a list is searched linearly; longer lists
// have a map.
const fewNames = 16

// lists finds names that are already in the lists of a [Statement].
type lists struct {
	reads, writes map[Table]struct{}
	calls         map[Function]struct{}
}

// add returns list with name in it once. seen is the map of a long list. A list
// that is too long counts as incomplete.
func add[T comparable](a *analysis, seen *map[T]struct{}, list []T, name T) []T {
	switch {
	case contains(a, seen, list, name):
		return list
	case len(list) >= maxNames:
		a.markUnclear()
		return list
	case *seen != nil:
		(*seen)[name] = struct{}{}
	}
	return append(list, name)
}

func contains[T comparable](a *analysis, seen *map[T]struct{}, list []T, name T) bool {
	if len(list) <= fewNames {
		a.work += len(list)
		return slices.Contains(list, name)
	}
	if *seen == nil {
		*seen = make(map[T]struct{})
		for _, name := range list {
			(*seen)[name] = struct{}{}
		}
		a.work += len(list)
	}
	a.work++
	_, ok := (*seen)[name]
	return ok
}

// A scope holds the visible names of WITH queries, innermost last. It may
// contain a name several times.
type scope struct {
	names []string
	count map[string]int // nil while there are few names
}

func (s *scope) has(name string) bool {
	if s.count != nil {
		return s.count[name] > 0
	}
	return slices.Contains(s.names, name)
}

func (s *scope) push(name string) {
	s.names = append(s.names, name)
	switch {
	case s.count != nil:
		s.count[name]++
	case len(s.names) > fewNames:
		s.count = make(map[string]int)
		for _, name := range s.names {
			s.count[name]++
		}
	}
}

// leave removes the names that were pushed after the first n.
func (s *scope) leave(n int) {
	if s.count != nil {
		for _, name := range s.names[n:] {
			s.count[name]--
		}
	}
	s.names = s.names[:n]
}

// emptied returns an empty scope that reuses the memory of s.
func (s *scope) emptied() scope { return scope{names: s.names[:0]} }
