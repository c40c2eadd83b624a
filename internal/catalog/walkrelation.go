package catalog

// read follows a relation that is read.
func (w *walk) read(f *relationFacts, only bool) error {
	if f.OID < firstNormalOID {
		w.reads[f.OID] = true
		w.refuse(CatalogRows, f.String())
	}
	if w.plain != nil {
		w.checkColumns(f)
	}
	if f.Kind == View {
		return w.readView(f)
	}
	w.reads[f.OID] = true
	if f.gin {
		w.settings |= ginFuzzySearchLimit
	}
	w.refuseRows(f)
	if !only {
		for _, child := range f.children {
			w.enqueue(readStep, child, 0)
		}
	}
	if err := w.trees(f.virtual); err != nil {
		return err
	}
	return w.readPolicies(f)
}

// refuseRows records why the rows of a relation may change unnoticed.
func (w *walk) refuseRows(f *relationFacts) {
	switch f.Kind {
	case MaterializedView:
		w.refuse(MaterializedRows, f.String())
	case ForeignTable:
		w.refuse(ForeignRows, f.String())
	case Sequence:
		w.refuse(SequenceState, f.String())
	}
	switch f.Persistence {
	case Temporary:
		w.refuse(TemporaryTable, f.Name)
		w.effects.ReadOnly = false
	case Unlogged:
		w.refuse(UnloggedTable, f.String())
		w.effects.ReadOnly = false
	}
}

// readView follows the query behind a view.
func (w *walk) readView(f *relationFacts) error {
	for _, rule := range f.rules {
		if rule.event == '1' {
			if err := w.trees(rule.trees); err != nil {
				return err
			}
		}
	}
	return nil
}

// readPolicies follows the policies of a relation, whether or not they apply to
// this role: a view reads with the policies of its owner.
func (w *walk) readPolicies(f *relationFacts) error {
	if !f.security {
		return nil
	}
	w.refuse(RowSecurity, f.String())
	return w.trees(f.trees)
}

// write follows a relation that is changed.
func (w *walk) write(f *relationFacts, on event) error {
	if f.OID < firstNormalOID {
		w.writes[f.OID] = true
		w.unknown(CatalogRows, f.String())
		w.effects.DDL = true
		return nil
	}
	if on&byCopy == 0 {
		if err := w.writeRules(f, on); err != nil {
			return err
		}
	}
	facts := w.targets[f.OID]
	w.fire(facts, on)
	if f.Kind == View {
		return w.writeView(f, on)
	}
	if f.Kind == ForeignTable {
		w.unknown(ForeignRows, f.String()) // it may lead to any table, even of this database
	}
	w.writes[f.OID], w.changed[f.OID] = true, true
	w.writeChildren(f, on)
	for _, parent := range facts.parents {
		w.enqueue(ancestorStep, parent, 0)
	}
	w.followKeys(facts, on)
	w.checkColumns(f)
	if err := w.readPolicies(f); err != nil {
		return err
	}
	return w.trees(facts.trees)
}

// checkColumns follows the checks of the types of a relation's columns.
func (w *walk) checkColumns(f *relationFacts) {
	for _, typ := range f.types {
		if typ >= firstUnfixedOID {
			w.enqueue(typeStep, typ, 0)
		}
	}
}

// ancestor records that rows of a child of the relation changed. A reader that
// examined its statement before the child existed depends on the relation only.
func (w *walk) ancestor(f *relationFacts) error {
	w.writes[f.OID] = true
	for _, parent := range w.targets[f.OID].parents {
		w.enqueue(ancestorStep, parent, 0)
	}
	return nil
}

// writeChildren follows writes into the tables that inherit from f, ignoring
// ONLY. An insert reaches the partitions of a partitioned table and no children
// of other tables; an update may move a row from one partition to another.
func (w *walk) writeChildren(f *relationFacts, on event) {
	if f.Kind == PartitionedTable {
		if on&onUpdate != 0 {
			on |= onInsert | onDelete
		}
	} else {
		on &^= onInsert
	}
	if on == 0 {
		return
	}
	for _, child := range f.children {
		w.enqueue(writeStep, child, on)
	}
}

// fire follows triggers. A user-defined trigger may do anything.
func (w *walk) fire(facts *writeFacts, on event) {
	for _, trigger := range facts.triggers {
		if trigger.event&on != 0 {
			w.enqueue(functionStep, trigger.function, 0)
		}
	}
}

// followKeys follows the actions of foreign keys that reference the relation.
// TRUNCATE fails if there are such keys, unless it names the other tables or
// cascades to them.
func (w *walk) followKeys(facts *writeFacts, on event) {
	for _, key := range facts.keys {
		var does event
		if on&onDelete != 0 {
			does |= action(key.onDelete)
		}
		if on&onUpdate != 0 && action(key.onUpdate) != 0 {
			does |= onUpdate
		}
		does |= on & onTruncate
		if does != 0 {
			w.move(true) // runs as the table's owner
			w.enqueue(writeStep, key.from, does)
		}
	}
}

// action returns the event of a pg_constraint.confdeltype: cascade, set null or
// set default; the other actions change nothing.
func action(code byte) event {
	switch code {
	case 'c':
		return onDelete
	case 'n', 'd':
		return onUpdate
	}
	return 0
}

// ruleEvents maps pg_rewrite.ev_type to events.
var ruleEvents = map[byte]event{'2': onUpdate, '3': onInsert, '4': onDelete}

// writeRules follows what rules do in addition to a command, or instead of it.
func (w *walk) writeRules(f *relationFacts, on event) error {
	for _, rule := range f.rules {
		if ruleEvents[rule.event]&on == 0 {
			continue
		}
		if err := w.trees(rule.trees); err != nil {
			return err
		}
	}
	return nil
}

// writeView follows a write through a view to the relations under it, unless a
// rule replaces the write.
func (w *walk) writeView(f *relationFacts, on event) error {
	for _, rule := range f.rules {
		if rule.instead {
			on &^= ruleEvents[rule.event]
		}
	}
	if err := w.readView(f); err != nil || on == 0 {
		return err
	}
	for _, rule := range f.rules {
		if rule.event != '1' {
			continue
		}
		for _, oid := range sources(rule.trees[0]) {
			w.enqueue(writeStep, oid, on)
		}
	}
	return nil
}

// sources returns the relations in the FROM list of a view's query. A view that
// can be written through has one.
func sources(tree string) []uint32 {
	v, err := parseTree(tree)
	if err != nil || len(v.list) == 0 || v.list[0].node == nil {
		return nil
	}
	query := v.list[0].node
	from := query.get("jointree").node
	if from == nil {
		return nil
	}
	var oids []uint32
	entries := query.get("rtable").list
	for _, item := range from.get("fromlist").list {
		if item.node == nil || item.node.kind != "RANGETBLREF" {
			continue
		}
		if i := item.node.get("rtindex").number() - 1; i >= 0 && i < len(entries) && entries[i].node != nil {
			oids = append(oids, entries[i].node.oid("relid"))
		}
	}
	return oids
}
