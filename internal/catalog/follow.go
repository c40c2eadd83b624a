package catalog

import (
	"slices"
	"strings"
)

// bodyFacts is what is known of a function whose body is a string.
type bodyFacts struct {
	body
	probed bool   // the server's parser was given it
	tree   string // as the server parsed it under the path of the session, or its own; none where it cannot be parsed so
	err    error  // why that could not be tried
}

// meansOneThing reports whether the names in a body stand for the same under each
// search path under which they stand for something.
func (f *facts) meansOneThing(b *body) bool {
	return !f.dependOnPath(b.operators) && !slices.ContainsFunc(b.words, func(word word) bool {
		n := f.named[word]
		return !oneSchema(n.relations) || !oneSchema(n.types) || !oneSchema(n.functions)
	})
}

// followBody follows a function whose body is a string. It is not bound to
// objects until it is called, and then under the search path and the role of
// the moment: those of the session, unless the function itself, or one that
// calls it, sets others.
func (w *walk) followBody(oid uint32) error {
	f, b := w.routines.functions[oid], w.bodies[oid]
	w.effects.ChangesNames = w.effects.ChangesNames || b.moves
	w.effects.LeavesTemporary = w.effects.LeavesTemporary || b.leavesTemporary()
	for _, typ := range f.types {
		w.enqueue(typeStep, typ, 0)
	}
	switch {
	case b.err != nil && !w.byNames:
		return b.err
	case w.byNames || b.tree == "":
		w.followWords(oid)
		return nil
	}
	w.dependsOnNames(textNames(f.body)...)
	if !w.meansOneThing(&b.body) {
		if w.pathOf(f) == nil || w.roleMoved {
			w.followWords(oid)
			return nil
		}
		w.assumed = append(w.assumed, oid)
	}
	w.texts = append(w.texts, f.body)
	return w.trees([]string{b.tree})
}

// notePath notes that from here on functions may run under another path or
// role than the session's.
func (w *walk) notePath(f *functionFacts) {
	switch {
	case f.definer || f.role || f.name == "set_config":
		w.move(true)
	case f.path != "":
		w.move(false)
	}
}

// move follows by all meanings of their words the functions that were followed
// as if the session's path, or the rights of its role, held for them.
func (w *walk) move(role bool) {
	if w.moved && (w.roleMoved || !role) {
		return
	}
	w.moved, w.roleMoved = true, w.roleMoved || role
	assumed := w.assumed
	w.assumed = nil
	for _, oid := range assumed {
		if !role && w.routines.functions[oid].path != "" {
			w.assumed = append(w.assumed, oid)
			continue
		}
		w.followWords(oid)
	}
}

// pathOf returns the schemas in which the unqualified names in a function's
// body are looked for, nil where these may be any.
func (w *walk) pathOf(f *functionFacts) []string {
	switch {
	case w.scope == AnyScope || f.definer || f.role:
		return nil
	case f.path != "":
		return schemasOf(f.path)
	case w.moved:
		return nil
	}
	return w.schemas
}

// schemasOf returns the schemas of a search path, and the server's own, nil
// where they depend on the role.
func schemasOf(path string) []string {
	list := []string{"pg_catalog"}
	for name := range strings.SplitSeq(path, ",") {
		name = strings.TrimSpace(name)
		quoted, ok := strings.CutPrefix(name, `"`)
		if ok {
			name = strings.ReplaceAll(strings.TrimSuffix(quoted, `"`), `""`, `"`)
		} else {
			name = lowerASCII(name)
		}
		if name == "" || name[0] == '$' || strings.Contains(name, `"`) || !isASCII(name) || len(name) > 63 {
			return nil
		}
		list = append(list, name)
	}
	return list
}
