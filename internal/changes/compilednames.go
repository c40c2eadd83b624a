package changes

import (
	"runtime"
	"sync"
	"weak"

	"github.com/headrace/headrace/internal/sqltext"
)

// This is the only file of the package that imports unsafe. Memory is compared
// by its address here and never read through it.

// compiledNames are the names of compiled statements, which are sent without
// the comment that has the name: with it, each name would have a prepared
// statement of its own.
//
// It is one for the process, as a compiled statement is: that belongs to no
// handle, and may reach one through a pool, a connection, a transaction or a
// wrapper of the program's, none of which leads back to the handle.
var compiledNames nameTable

// A nameTable finds a name by the place of the text in memory. Two statements
// of one text have a copy of it each, and whatever hands a text on hands on its
// place. A text of the same letters elsewhere has no name here.
type nameTable struct {
	byPlace sync.Map // of *byte to namedText
}

type namedText struct {
	name string
	text weak.Pointer[sqltext.Statement] // the program may drop the statement
}

// add makes the statement's name known until the program drops the statement.
// The key keeps the text where it is until then, so that no other text can have
// its place.
func (n *nameTable) add(t *sqltext.Statement) {
	if t.Name == "" || t.Normalized == t.Text { // what is sent has the name
		return
	}
	place := textData(t.Normalized)
	n.byPlace.Store(place, namedText{t.Name, weak.Make(t)})
	runtime.AddCleanup(t, func(place *byte) { n.byPlace.Delete(place) }, place)
}

// of returns the name of the compiled statement that is sent as sql, or "".
func (n *nameTable) of(sql string) string {
	if one, ok := n.byPlace.Load(textData(sql)); ok {
		return one.(namedText).name
	}
	return ""
}

// text returns the text of that statement, or nil.
func (n *nameTable) text(sql string) *sqltext.Statement {
	if one, ok := n.byPlace.Load(textData(sql)); ok {
		return one.(namedText).text.Value()
	}
	return nil
}
