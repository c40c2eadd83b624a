package sqltext

import "slices"

// maxNames bounds the lists of names in a [Statement].
const maxNames = 1000

// fewNames are searched one by one; more have a map.
const fewNames = 16

// lists find the names that are in the lists of a [Statement] already.
type lists struct {
	reads, writes map[Table]struct{}
	calls         map[Function]struct{}
}

// add returns list with name in it once. seen has the names of a list that is
// not short. A list that is too long counts as incomplete.
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

// A scope has the names of the WITH queries that are visible, the innermost
// last. A name may be there several times.
type scope struct {
	names []string
	count map[string]int // nil while there are few
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

// leave takes the names away that were pushed after there were n.
func (s *scope) leave(n int) {
	if s.count != nil {
		for _, name := range s.names[n:] {
			s.count[name]--
		}
	}
	s.names = s.names[:n]
}

// emptied returns a scope without names that has the memory of s.
func (s *scope) emptied() scope { return scope{names: s.names[:0]} }
