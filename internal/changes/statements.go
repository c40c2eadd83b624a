package changes

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/sqltext"
	"github.com/headrace/headrace/internal/stmtstats"
)

// A statement is what one handle knows about one text that ran on it.
type statement struct {
	*sqltext.Statement
	escapes      bool                                        // the text has a backslash
	stats        *stmtstats.Statement                        // of the text by itself
	named        atomic.Pointer[[]*stmtstats.Statement]      // of the compiled statements that are sent as this text; nil until there is one
	effects      atomic.Pointer[effects]                     // by the server's parser; nil until asked for
	writeEffects [catalog.NameScopes]atomic.Pointer[effects] // that tell at least what it changes; likewise

	// numbered is the text with parameters in place of named arguments; nil
	// until it is run with such.
	numbered atomic.Pointer[statement]

	// parts are the statements of a text that holds several, else st itself;
	// nil until asked for.
	parts atomic.Pointer[[]*statement]
}

// Statements remembers the texts that ran, as they were sent, and the
// statistics of their fingerprints. Both are bounded, so that texts built with
// values pasted in cannot fill the memory.
type Statements struct {
	seed         maphash.Seed
	shards       [statementShards]statementShard
	fingerprints *stmtstats.Table
}

type statementShard struct {
	mu     sync.RWMutex
	byText map[string]*statement // guarded by mu
}

const (
	statementShards = 16
	textsPerShard   = 256
	maxStoredText   = 64 << 10 // a longer text is analyzed each time it runs
)

func NewStatements() *Statements {
	t := &Statements{seed: maphash.MakeSeed(), fingerprints: stmtstats.NewTable()}
	for i := range t.shards {
		t.shards[i].byText = make(map[string]*statement)
	}
	return t
}

// get returns what is known about sql, looking at it now if it is new.
func (t *Statements) get(sql string) *statement {
	shard := &t.shards[maphash.String(t.seed, sql)%statementShards]
	shard.mu.RLock()
	st := shard.byText[sql]
	shard.mu.RUnlock()
	if st != nil {
		return st
	}
	return t.add(shard, sql)
}

// add looks at sql and remembers it, forgetting some other text when full.
func (t *Statements) add(shard *statementShard, sql string) *statement {
	text := sqltext.Analyze(sql)
	st := &statement{Statement: text, escapes: strings.Contains(sql, `\`), stats: t.fingerprints.Of(text, text.Name)}
	if len(sql) > maxStoredText {
		return st
	}
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if known := shard.byText[sql]; known != nil {
		return known
	}
	if len(shard.byText) >= textsPerShard {
		for victim := range shard.byText { // any one: Go begins at a random place
			delete(shard.byText, victim)
			break
		}
	}
	shard.byText[sql] = st
	return st
}

// ownStats has the figures of this package's own statements, which nobody sees.
var ownStats = stmtstats.Named("")

// statsOf returns the figures of a statement that is sent as sql.
func (t *Statements) statsOf(st *statement, sql string) *stmtstats.Statement {
	if strings.HasPrefix(sql, OwnMark) {
		return ownStats
	}
	name := compiledNames.of(sql)
	if name == "" || st.stats == t.fingerprints.Other() {
		return st.stats
	}
	named := st.named.Load()
	if named != nil {
		for _, stats := range *named {
			if stats.Name() == name {
				return stats
			}
		}
	}
	stats := t.fingerprints.Of(st.Statement, name)
	if stats.Name() != name { // they are counted together with others
		return stats
	}
	all := []*stmtstats.Statement{stats}
	if named != nil {
		all = append(all, *named...)
	}
	st.named.CompareAndSwap(named, &all) // losing to another only means to look again
	return stats
}

// partsOf returns the statements that the text of st holds.
func (t *Statements) partsOf(st *statement) []*statement {
	if parts := st.parts.Load(); parts != nil {
		return *parts
	}
	parts := []*statement{st}
	if st.Count > 1 {
		parts = parts[:0]
		for _, one := range sqltext.Statements(st.Text) {
			parts = append(parts, t.get(one.Text))
		}
	}
	st.parts.Store(&parts)
	return parts
}
