package changes

import (
	"runtime"
	"sync"
	"weak"

	"github.com/headrace/headrace/internal/sqltext"
)

// compiledTexts holds the texts of all compiled statements, so that a handle
// with listeners can examine them before they run. It keeps none alive.
var compiledTexts sync.Map // of weak.Pointer[sqltext.Statement] to nothing

// Compiled registers a compiled statement for as long as the program holds it.
func Compiled(t *sqltext.Statement) {
	compiledNames.add(t)
	known := weak.Make(t)
	compiledTexts.Store(known, nil)
	runtime.AddCleanup(t, func(known weak.Pointer[sqltext.Statement]) { compiledTexts.Delete(known) }, known)
}

// maxCompiled bounds the compiled statements that are examined before they run.
const maxCompiled = 2048

// examineCompiled examines compiled statements in the background. Statements
// for another database fail, each by itself.
func (t *Tracker) examineCompiled() {
	var keys []requestKey
	for known := range compiledTexts.Range {
		st := known.(weak.Pointer[sqltext.Statement]).Value()
		if st != nil && st.Lexed() && len(keys) < maxCompiled {
			keys = append(keys, requestKey{st: t.statements.get(st.Normalized), reads: true})
		}
	}
	t.requestIdly(keys)
}
