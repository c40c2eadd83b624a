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

// A statement is what a handle knows about a text that ran on it.
type statement struct {
	*sqltext.Statement
	escapes      bool                                        // the text has a backslash
	stats        *stmtstats.Statement                        // of the text by itself
	named        atomic.Pointer[[]*stmtstats.Statement]      // figures of the compiled statements that are sent as this text; nil if none
	effects      atomic.Pointer[effects]                     // as the server's parser reported them; nil until examined
	writeEffects [catalog.NameScopes]atomic.Pointer[effects] // with at least the writes, by name scope; nil until examined

	// numbered is the statement with named arguments replaced by parameters;
	// nil until it runs with named arguments.
	numbered atomic.Pointer[statement]

	// parts holds the statements of a multi-statement text, or the statement
	// itself; nil until first needed.
	parts atomic.Pointer[[]*statement]
}

// statementTable remembers the texts that ran, as they were sent, and the figures
// of their fingerprints. Both are bounded, so that texts with inlined values
// cannot fill the memory.
type statementTable struct {
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
	maxStoredText   = 64 << 10 // longer texts are analyzed each time they run
)

func newStatementTable() *statementTable {
	t := &statementTable{seed: maphash.MakeSeed(), fingerprints: stmtstats.NewTable()}
	for i := range t.shards {
		t.shards[i].byText = make(map[string]*statement)
	}
	return t
}

// get returns the statement of sql, which it analyzes if it is new.
func (t *statementTable) get(sql string) *statement {
	shard := &t.shards[maphash.String(t.seed, sql)%statementShards]
	shard.mu.RLock()
	st := shard.byText[sql]
	shard.mu.RUnlock()
	if st != nil {
		return st
	}
	return t.add(shard, sql)
}

// add analyzes sql and remembers it. A full shard forgets another text.
func (t *statementTable) add(shard *statementShard, sql string) *statement {
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
		for victim := range shard.byText { // Go's iteration order is random
			delete(shard.byText, victim)
			break
		}
	}
	shard.byText[sql] = st
	return st
}

// sample returns a remembered text of a fingerprint and name, as it was sent.
func (t *statementTable) sample(fingerprint uint64, name string) (sql string, ok bool) {
	for i := range t.shards {
		shard := &t.shards[i]
		shard.mu.RLock()
		for text, st := range shard.byText {
			if st.Fingerprint == fingerprint && st.Err == nil && (name == "" || st.Name == name || compiledNames.of(text) == name) {
				shard.mu.RUnlock()
				return text, true
			}
		}
		shard.mu.RUnlock()
	}
	return "", false
}

// ownStats collects the figures of this package's own statements, which are not
// reported.
var ownStats = stmtstats.Named("")

// statsOf returns the figures of a statement that is sent as sql.
func (t *statementTable) statsOf(st *statement, sql string) *stmtstats.Statement {
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
	if stats.Name() != name { // the table is full: counted with others
		return stats
	}
	all := []*stmtstats.Statement{stats}
	if named != nil {
		all = append(all, *named...)
	}
	st.named.CompareAndSwap(named, &all) // on failure the next call tries again
	return stats
}

// partsOf returns the statements in the text of st.
func (t *statementTable) partsOf(st *statement) []*statement {
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
