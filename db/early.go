package db

import (
	"runtime"
	"sync"
	"weak"

	"github.com/headrace/headrace/internal/sqltext"
)

// compiledTexts are the texts of all compiled statements, so that a handle that
// is followed can ask what they do before they run. It holds on to none.
var compiledTexts sync.Map // of weak.Pointer[sqltext.Statement] to nothing

func addCompiled(t *sqltext.Statement) {
	compiledNames.add(t)
	known := weak.Make(t)
	compiledTexts.Store(known, nil)
	runtime.AddCleanup(t, func(known weak.Pointer[sqltext.Statement]) { compiledTexts.Delete(known) }, known)
}

// mostCompiled is how many compiled statements are examined before they run.
const mostCompiled = 2048

// examineCompiled asks in the background what compiled statements do. Those
// that are meant for another database fail, each by itself.
func (d *DB) examineCompiled() {
	var keys []inquiryKey
	for known := range compiledTexts.Range {
		if t := known.(weak.Pointer[sqltext.Statement]).Value(); t != nil && t.Lexed() && len(keys) < mostCompiled {
			keys = append(keys, inquiryKey{st: d.statements.get(t.Normalized), reads: true})
		}
	}
	d.inquireIdly(keys)
}
