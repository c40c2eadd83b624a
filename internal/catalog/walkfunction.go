package catalog

import (
	"fmt"
	"slices"
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
	w.notePath(f)
	w.effects.ChangesNames = w.effects.ChangesNames || f.parsed && slices.ContainsFunc(f.trees, callsSetConfig)
	switch {
	case oid < firstNormalOID:
		w.callBuiltin(f)
		return nil
	case f.parsed || len(f.support) > 0:
		return nil
	case f.schema == "headrace" && f.name == "touch":
		// The trigger by which this library tracks changes writes nothing.
		return nil
	}
	w.callOpaque(oid, f)
	return nil
}

// callsSetConfig reports whether a node tree has a call of set_config (oid 2078
// in pg_proc.dat).
func callsSetConfig(tree string) bool { return strings.Contains(tree, ":funcid 2078 ") }

// callOpaque evaluates a function with no parsed body. A function in C that is
// declared IMMUTABLE is trusted, as the server's indexes trust it. A function
// in a language for queries is not; its text shows what it may do: see
// followBody.
func (w *walk) callOpaque(oid uint32, f *functionFacts) {
	compiled := f.language == "c" || f.language == "internal"
	pure := pureExtensions[f.extension]
	switch {
	case pure && f.name == "populate_record": // of hstore: reads columns of any type from text
		w.refuseFunction(f, UnknownFunction)
		w.effects.ReadsKnown = false
	case f.volatility == 'i' && (compiled || pure):
	case pure && f.volatility == 'v':
		w.volatile(f)
	case pure:
		s, ok := stableExtensions[f.extension]
		if !ok {
			w.refuse(SessionFunction, f.String())
		}
		w.settings |= s
	case compiled || f.body == "":
		w.refuseFunction(f, UnknownFunction)
		w.effects.ReadsKnown, w.effects.WritesKnown = false, false
	default:
		w.enqueue(bodyStep, oid, 0)
	}
}

// refuseFunction refuses a function for the given reason, or as VOLATILE, which
// is also the default of a function that declares nothing.
func (w *walk) refuseFunction(f *functionFacts, reason Reason) {
	if f.volatility == 'v' {
		reason = VolatileFunction
	}
	w.refuse(reason, f.String())
	w.effects.ReadOnly = false
}

// callBuiltin evaluates a built-in function.
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
	if f.volatility == 'i' {
		w.callImmutable(f)
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

// callImmutable evaluates a built-in function that is declared IMMUTABLE and
// may not be.
func (w *walk) callImmutable(f *functionFacts) {
	w.settings |= immutableBuiltins[f.name+"("+f.arguments+")"]
	if f.name == "satisfies_hash_partition" {
		w.refuse(CatalogFunction, f.String())
	}
}

func (w *walk) callStable(f *functionFacts) {
	switch {
	case toJSON[f.name]:
		w.settings |= allOutput
		return
	case fromJSON[f.name]: // the call shows the types of its result: see makesRecords
		w.settings |= allInput
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
	case timeBuiltins[f.name], timeBuiltins[f.name+"("+f.arguments+")"]:
		w.refuse(TimeFunction, f.String())
	case sessionBuiltins[f.name]:
		w.refuse(SessionFunction, f.String())
	default:
		w.refuse(CatalogFunction, f.String())
	}
}

// comparesTimes reports whether a function implements an operator such as < and
// = on a date or a timestamp and a timestamp with time zone, for example
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
