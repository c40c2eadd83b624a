package catalog

import (
	"fmt"
	"strings"
)

// call follows a function.
func (w *walk) call(oid uint32) error {
	f := w.routines.functions[oid]
	if f == nil {
		return fmt.Errorf("look up function %d: %w", oid, errVanished)
	}
	if err := w.trees(f.trees); err != nil {
		return err
	}
	for _, part := range f.support {
		w.enqueue(functionStep, part, 0)
	}
	switch {
	case oid < firstNormalOID:
		w.callBuiltin(f)
		return nil
	case f.parsed || len(f.support) > 0:
		return nil
	case f.schema == "headrace" && f.name == "touch":
		// The trigger by which this library tells what changed: writes nothing.
		return nil
	case f.language == "sql" && !w.byNames:
		w.enqueue(bodyStep, oid, 0)
		return nil
	}
	w.callOpaque(oid, f)
	return nil
}

// callOpaque judges a function whose body cannot be seen. One in C that is
// declared IMMUTABLE is taken at its word, as the server's indexes take it;
// one in a language in which anybody may write queries is not. One that is
// VOLATILE, as a function is that is not declared anything, may write: its
// answer is for one call.
//
// Whatever it reads, its text tells what it may change: see followWords.
func (w *walk) callOpaque(oid uint32, f *functionFacts) {
	compiled := f.language == "c" || f.language == "internal"
	pure := pureExtensions[f.extension]
	switch {
	case f.volatility == 'i' && (compiled || pure):
	case pure && f.volatility == 'v':
		w.volatile(f)
	case pure:
		s, ok := stableExtensions[f.extension]
		if !ok {
			w.refuse(SessionFunction, f.String())
		}
		w.settings |= s
	default:
		if f.volatility == 'v' {
			w.refuse(VolatileFunction, f.String())
		} else {
			w.refuse(UnknownFunction, f.String())
		}
		w.effects.ReadsKnown, w.effects.ReadOnly = false, false
		w.followWords(oid)
	}
}

// callBuiltin judges one of the server's own functions.
func (w *walk) callBuiltin(f *functionFacts) {
	switch f.volatility {
	case 's':
		w.callStable(f)
	case 'v':
		w.volatile(f)
	}
	if f.volatility != 'i' && runsSQL(f.name) {
		w.unknown(UnknownFunction, f.String())
	}
	if toJSON[f.name] {
		for _, oid := range w.routines.jsonCasts {
			w.enqueue(functionStep, oid, 0)
		}
	}
}

func (w *walk) volatile(f *functionFacts) {
	w.refuse(VolatileFunction, f.String())
	w.effects.ReadOnly = false
}

func (w *walk) callStable(f *functionFacts) {
	switch {
	case toJSON[f.name] || fromJSON[f.name]:
		w.settings |= allOutput
		return
	case comparesTimes(f.name):
		w.settings |= timeZone
		return
	}
	s, ok := stableBuiltins[f.name+"("+f.arguments+")"]
	if !ok {
		s, ok = stableBuiltins[f.name]
	}
	switch {
	case ok:
		w.settings |= s
	case timeBuiltins[f.name]:
		w.refuse(TimeFunction, f.String())
	case sessionBuiltins[f.name]:
		w.refuse(SessionFunction, f.String())
	default:
		w.refuse(CatalogFunction, f.String())
	}
}

// comparesTimes tells whether a function is one of those behind < and = of a
// date or a timestamp with a timestamp with time zone, such as
// timestamptz_lt_date.
func comparesTimes(name string) bool {
	from, rest, ok := strings.Cut(name, "_")
	if !ok {
		return false
	}
	_, to, ok := strings.Cut(rest, "_")
	return ok && from != to && timeNames[from] && timeNames[to]
}

var timeNames = set("date", "timestamp", "timestamptz")
