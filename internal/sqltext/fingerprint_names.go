package sqltext

// command appends the beginning of the statement at i, as far as it contains
// generated names or optional words, and returns the index of the next item.
// Names that programs generate for each transaction or session count as
// literals: names of savepoints, cursors, prepared statements and channels, and
// the values of settings.
func (f *fingerprinter) command(items []item, i int) int {
	f.first = items[i].key
	switch f.first {
	case kwSavepoint, kwDeclare, kwExecute, kwListen, kwUnlisten, kwNotify:
		return f.generatedName(items, f.word(items, i))
	case kwRelease:
		return f.generatedName(items, f.leaveOut(items, f.word(items, i), kwSavepoint))
	case kwDeallocate:
		return f.generatedName(items, f.leaveOut(items, f.word(items, i), kwPrepare))
	case kwPrepare:
		if keyAt(items, i+1) != kwTransaction {
			return f.generatedName(items, f.word(items, i))
		}
	case kwClose:
		return f.generatedName(items, f.word(items, i))
	case kwBegin, kwCommit, kwEnd, kwRollback, kwAbort:
		return f.transaction(items, i)
	case kwFetch, kwMove:
		return f.fetch(items, i)
	case kwSet:
		return f.set(items, i)
	}
	return i
}

// word appends the item at i as it is.
func (f *fingerprinter) word(items []item, i int) int {
	f.emit(items[i])
	return i + 1
}

// generatedName appends the name at i, if there is one, as a literal. ALL
// stands for all names.
func (f *fingerprinter) generatedName(items []item, i int) int {
	if !isNameAt(items, i) || items[i].key == kwAll {
		return i
	}
	f.literal()
	return i + 1
}

// leaveOut steps over an optional word before a name.
func (f *fingerprinter) leaveOut(items []item, i int, key keyword) int {
	if keyAt(items, i) == key && isNameAt(items, i+1) {
		return i + 1
	}
	return i
}

// transaction appends the words of BEGIN, COMMIT and ROLLBACK, and the name in
// ROLLBACK TO.
func (f *fingerprinter) transaction(items []item, i int) int {
	i = f.word(items, i)
	if key := keyAt(items, i); key == kwWork || key == kwTransaction {
		i++
	}
	switch {
	case keyAt(items, i) == kwAnd && keyAt(items, i+1) == kwNo && keyAt(items, i+2) == kwChain:
		return i + 3
	case keyAt(items, i) == kwTo:
		return f.generatedName(items, f.leaveOut(items, f.word(items, i), kwSavepoint))
	}
	return i
}

// fetch appends FETCH or MOVE, whose last word is the cursor.
func (f *fingerprinter) fetch(items []item, i int) int {
	end := statementEnd(items, i)
	for i = f.word(items, i); i < end-1; i++ {
		i = f.add(items, i)
	}
	if i == end-1 {
		return f.generatedName(items, i)
	}
	return i
}

// set appends SET, with TO for = and one literal for the whole value. Settings
// of the transaction have keywords as values, which stay.
func (f *fingerprinter) set(items []item, i int) int {
	i = f.word(items, i)
	if key := keyAt(items, i); (key == kwSession || key == kwLocal) && isNameAt(items, i+1) {
		i = f.word(items, i)
	}
	end := statementEnd(items, i)
	words := 1
	for ; keyAt(items, i+words) == '.' && isNameAt(items, i+words+1); words += 2 {
	}
	assigned := keyAt(items, i+words) == kwTo || keyAt(items, i+words) == '='
	switch {
	case !isNameAt(items, i):
		return i
	case assigned:
	case keyAt(items, i) == kwTime && keyAt(items, i+1) == kwZone:
		words = 2
	case f.isWord(items[i], "role"), f.isWord(items[i], "schema"), f.isWord(items[i], "names"), f.isWord(items[i], "authorization"):
	default:
		return i
	}
	for range words {
		i = f.word(items, i)
	}
	if assigned {
		f.write(item{kind: Word, key: kwTo, look: lookOf(Word, kwTo)}, "to")
		i++
	}
	if i < end {
		f.literal()
	}
	return max(i, end)
}

// named appends the name after a word within a statement, as a literal if it is
// a generated one.
func (f *fingerprinter) named(items []item, i int) int {
	if i >= len(items) || items[i].key.reserved() {
		return i
	}
	before, key := f.beforePrev, f.prev.key
	switch {
	case key == kwOf && before == kwCurrent:
	case key == kwDeclare && f.first == kwExplain:
	case key == kwExecute && (f.first == kwExplain || f.first == kwCreate && before == kwAs):
	default:
		return i
	}
	return f.generatedName(items, i)
}

// statementEnd returns the index after the last item of the statement at i.
func statementEnd(items []item, i int) int {
	for i < len(items) && items[i].key != ';' {
		i++
	}
	return i
}

func keyAt(items []item, i int) keyword {
	if i < len(items) {
		return items[i].key
	}
	return none
}

func isNameAt(items []item, i int) bool {
	return i < len(items) && (items[i].kind == Word || items[i].kind == QuotedName)
}
