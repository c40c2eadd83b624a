package db

import (
	"runtime"
	"sync"
	"weak"
)

// compiledNames are the names of compiled statements by the text that is sent:
// normalized, and so without the comment that has the name. Sending the comment
// would give each name a prepared statement of its own.
//
// It is one for the process, as a compiled statement is: that belongs to no
// handle, and may reach one through a pool, a connection, a transaction or a
// wrapper of the program's, none of which leads back to the handle. It is asked
// when a handle meets a text for the first time.
var compiledNames nameTable

// A nameTable holds on to no statement: one that the program drops is forgotten.
type nameTable struct {
	bySQL sync.Map // of string to weak.Pointer[Text]
}

// add makes the statement's name known. Of two names for one text the last one
// counts.
func (n *nameTable) add(t *Text) {
	if t.Name() == "" {
		return
	}
	known := weak.Make(t)
	n.bySQL.Store(t.SQL(), known)
	runtime.AddCleanup(t, func(sql string) { n.bySQL.CompareAndDelete(sql, known) }, t.SQL())
}

// of returns the name of the text: its own, or that of the compiled statement
// that is sent as this text, or "".
func (n *nameTable) of(t *Text) string {
	if name := t.Name(); name != "" {
		return name
	}
	if known, ok := n.bySQL.Load(t.st.Text); ok {
		if compiled := known.(weak.Pointer[Text]).Value(); compiled != nil {
			return compiled.Name()
		}
	}
	return ""
}
