package catalog

import (
	"slices"
	"strings"
)

// bodyFacts describes a function whose body is a string.
type bodyFacts struct {
	body
	probed bool   // the server's parser has seen it
	tree   string // as the server parsed it under the session's path, or its own; empty if that failed
	err    error  // why parsing could not be attempted
}

// meansOneThing reports whether the names in a body resolve to the same objects
// under every search path under which they resolve.
func (f *facts) meansOneThing(b *body) bool {
	return !f.dependOnPath(b.operators) && !slices.ContainsFunc(b.words, func(word word) bool {
		n := f.named[word]
		return !oneSchema(n.relations) || !oneSchema(n.types) || !oneSchema(n.functions)
	})
}

// followBody follows a function whose body is a string. The body is resolved
// when the function is called, under the search path and role of that moment:
// those of the session, unless the function or a caller of it sets others.
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

// notePath records that functions may run under a search path or role other
// than the session's from here on.
func (w *walk) notePath(f *functionFacts) {
	switch {
	case f.definer || f.role || f.name == "set_config":
		w.move(true)
	case f.path != "":
		w.move(false)
	}
}

// move records that search path or role may change. It follows functions again
// whose bodies were followed under the assumption that they do not, this time
// in all schemas.
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

// pathOf returns the schemas in which unqualified names in a function's body
// are looked up, nil for all schemas.
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

// schemasOf returns the schemas of a search path and pg_catalog, nil if they
// depend on the role.
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
