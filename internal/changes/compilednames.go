package changes

import (
	"runtime"
	"sync"
	"weak"

	"github.com/headrace/headrace/internal/sqltext"
)

// The names of texts are found by the address of the text. The address is
// compared and never read through; see unsafe.go.

// compiledNames holds the names of compiled statements, which are sent without
// the comment that contains the name: with it, each name would need a prepared
// statement of its own.
//
// There is one table for the process. A compiled statement belongs to no
// handle, and may run through a pool, a connection, a transaction or a wrapper
// of the program, none of which leads to the handle.
var compiledNames nameTable

// A nameTable finds a name by the address of the text. Two statements with
// equal texts have a copy each, and passing on a string passes on its address.
// An equal text at another address has no name here.
type nameTable struct {
	byPlace sync.Map // of *byte to namedText
}

type namedText struct {
	name string
	text weak.Pointer[sqltext.Statement] // keeps no statement alive
}

// add registers the name of t until the program drops t. The key keeps the text
// in place until then, so that no other text can have its address.
func (n *nameTable) add(t *sqltext.Statement) {
	if t.Name == "" || t.Normalized == t.Text { // the text that is sent contains the name
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

// text returns that statement, or nil.
func (n *nameTable) text(sql string) *sqltext.Statement {
	if one, ok := n.byPlace.Load(textData(sql)); ok {
		return one.(namedText).text.Value()
	}
	return nil
}
