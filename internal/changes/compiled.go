package changes

import (
	"runtime"
	"sync"
	"weak"

	"github.com/headrace/headrace/internal/sqltext"
)

// compiledTexts are the texts of all compiled statements, so that a handle that
// is followed can ask what they do before they run. It holds on to none.
var compiledTexts sync.Map // of weak.Pointer[sqltext.Statement] to nothing

// Compiled makes a compiled statement known, for as long as the program holds
// it.
func Compiled(t *sqltext.Statement) {
	compiledNames.add(t)
	known := weak.Make(t)
	compiledTexts.Store(known, nil)
	runtime.AddCleanup(t, func(known weak.Pointer[sqltext.Statement]) { compiledTexts.Delete(known) }, known)
}

// maxCompiled is how many compiled statements are examined before they run.
const maxCompiled = 2048

// examineCompiled asks in the background what compiled statements do. Those
// that are meant for another database fail, each by itself.
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
