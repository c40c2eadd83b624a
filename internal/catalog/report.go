package catalog

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// finish stores the findings in the effects.
func (w *walk) finish() {
	e := w.effects
	e.Writes = w.relationList(w.writes)
	e.Ancestors = slices.DeleteFunc(slices.Clone(e.Writes), func(r Relation) bool {
		return !w.done[step{kind: ancestorStep, oid: r.OID}] || w.changed[r.OID]
	})
	e.RowsOnly = w.counted && w.onlyRows()
	e.Dependencies = w.dependencies()
	if w.byNames {
		return
	}
	if w.plain != nil {
		w.endPlain()
	}
	if w.constants && slices.ContainsFunc(w.texts, namesTime) {
		w.refuse(TimeConstant, "")
	}
	e.Reads = w.relationList(w.reads)
	e.Only = slices.DeleteFunc(slices.Clone(e.Reads), func(r Relation) bool {
		return w.done[step{kind: readStep, oid: r.OID}] || !w.done[step{kind: readOnlyStep, oid: r.OID}]
	})
	e.Views = w.relationList(w.views())
	e.Settings = w.settings.names()
	if len(e.Writes) > 0 || !e.WritesKnown {
		e.ReadOnly = false
	}
	e.Refusals = slices.SortedFunc(maps.Keys(w.refused), func(a, b Refusal) int {
		return cmp.Or(-cmp.Compare(a.Reason, b.Reason), strings.Compare(a.Object, b.Object))
	})
	e.Cacheable = len(e.Refusals) == 0 && e.ReadsKnown
}

func (w *walk) relationList(oids map[uint32]bool) []Relation {
	list := make([]Relation, 0, len(oids))
	for oid := range oids {
		list = append(list, w.relations[oid].Relation)
	}
	slices.SortFunc(list, func(a, b Relation) int {
		return cmp.Or(strings.Compare(a.Schema, b.Schema), strings.Compare(a.Name, b.Name), cmp.Compare(a.OID, b.OID))
	})
	return list
}

// views returns the user-defined views that were looked up.
func (w *walk) views() map[uint32]bool {
	views := map[uint32]bool{}
	for s := range w.done {
		if f := w.relations[s.oid]; s.kind.ofRelation() && f != nil && f.Kind == View && s.oid >= firstNormalOID {
			views[s.oid] = true
		}
	}
	return views
}

// dependencies returns everything that was looked up.
func (w *walk) dependencies() Dependencies {
	relations, functions, types := map[uint32]bool{}, map[uint32]bool{}, maps.Clone(w.results)
	for s := range w.done {
		switch {
		case s.kind.ofRelation() && s.oid >= firstNormalOID:
			relations[s.oid] = true
			for _, oid := range w.relations[s.oid].types {
				types[oid] = true
			}
		case s.kind == functionStep:
			functions[s.oid] = true
		case s.kind.ofType() && s.oid >= firstNormalOID:
			types[s.oid] = true
		}
	}
	return Dependencies{
		Relations:     sorted(relations),
		Functions:     sorted(functions),
		Types:         sorted(types),
		Names:         slices.Sorted(maps.Keys(w.names)),
		EventTriggers: w.events,
	}
}

// columnQuery returns the names of all columns of relations.
const columnQuery = `
SELECT q.oid, attnum, attname
FROM unnest($1::oid[]) q (oid) CROSS JOIN LATERAL (
	SELECT attnum, attname FROM pg_attribute WHERE attrelid = q.oid AND attnum > 0 AND NOT attisdropped OFFSET 0) a`

// columnRelations adds the relations with columns that are read.
func (w *walk) columnRelations(relations map[uint32]bool) {
	for use := range w.columns {
		if w.relations[use.relation] != nil && use.relation >= firstNormalOID {
			relations[use.relation] = true
		}
	}
}

// nameColumns stores the columns that are read in the effects.
func (w *walk) nameColumns(names map[columnUse]string) {
	uses := slices.SortedFunc(maps.Keys(w.columns), func(a, b columnUse) int {
		return cmp.Or(cmp.Compare(a.relation, b.relation), cmp.Compare(a.number, b.number))
	})
	for _, use := range uses {
		f := w.relations[use.relation]
		name, ok := names[use]
		if f != nil && use.relation >= firstNormalOID && (ok || use.number == 0) {
			w.effects.Columns = append(w.effects.Columns, Column{f.Relation, name})
		}
	}
}

// columnNames processes the rows of columnQuery.
func columnNames(rows [][][]byte) (map[columnUse]string, error) {
	names := make(map[columnUse]string, len(rows))
	for _, row := range rows {
		oid, err := parseOID(row[0])
		if err != nil {
			return nil, err
		}
		names[columnUse{oid, value{word: string(row[1])}.number()}] = string(row[2])
	}
	return names, nil
}
