package sqltext

// A keyword is a key word that matters to this package, or a symbol. A symbol
// or operator of one character is that character.
type keyword uint16

const (
	none keyword = iota

	kwTypecast keyword = ':' + 0x80 // ::
	kwAssign   keyword = '=' + 0x80 // :=
	kwTwoDots  keyword = '.' + 0x80 // ..
	kwFirstOne keyword = 0x100
)

// The key words. Their class, by the manual's appendix "SQL Key Words",
// determines where they can be names.
const (
	kwAbort keyword = kwFirstOne + iota
	kwAll
	kwAlter
	kwAnalyse
	kwAnalyze
	kwAnd
	kwAny
	kwArray
	kwAs
	kwAsc
	kwAtomic
	kwBegin
	kwBetween
	kwBinary
	kwBy
	kwCall
	kwCascade
	kwCase
	kwCast
	kwChain
	kwCharacteristics
	kwCheckpoint
	kwClose
	kwCluster
	kwCoalesce
	kwCollate
	kwCollation
	kwComment
	kwCommit
	kwConcurrently
	kwConflict
	kwCopy
	kwCreate
	kwCross
	kwCube
	kwCurrent
	kwCurrentCatalog
	kwCurrentDate
	kwCurrentRole
	kwCurrentSchema
	kwCurrentTime
	kwCurrentTimestamp
	kwCurrentUser
	kwDeallocate
	kwDeclare
	kwDefault
	kwDelete
	kwDesc
	kwDiscard
	kwDistinct
	kwDo
	kwDrop
	kwElse
	kwEnd
	kwExcept
	kwExecute
	kwExists
	kwExplain
	kwExtract
	kwFalse
	kwFetch
	kwFilter
	kwFor
	kwForeign
	kwFrom
	kwFull
	kwFunction
	kwGlobal
	kwGrant
	kwGreatest
	kwGroup
	kwGrouping
	kwHaving
	kwIf
	kwIlike
	kwImport
	kwIn
	kwIndex
	kwInner
	kwInsert
	kwIntersect
	kwInterval
	kwInto
	kwIs
	kwJoin
	kwKey
	kwLateral
	kwLeast
	kwLeft
	kwLike
	kwLimit
	kwListen
	kwLoad
	kwLocal
	kwLocaltime
	kwLocaltimestamp
	kwLock
	kwMatched
	kwMaterialized
	kwMerge
	kwMove
	kwNatural
	kwNo
	kwNot
	kwNotify
	kwNull
	kwNullif
	kwOf
	kwOffset
	kwOn
	kwOnly
	kwOr
	kwOrder
	kwOrdinality
	kwOuter
	kwOver
	kwOverlay
	kwOverriding
	kwPartition
	kwPosition
	kwPrecision
	kwPrepare
	kwPrepared
	kwProcedure
	kwProgram
	kwReassign
	kwRecursive
	kwRefresh
	kwReindex
	kwRelease
	kwReplace
	kwReset
	kwReturning
	kwRevoke
	kwRight
	kwRollback
	kwRollup
	kwRow
	kwRows
	kwSavepoint
	kwSecurity
	kwSelect
	kwSession
	kwSessionUser
	kwSet
	kwSets
	kwShare
	kwShow
	kwSimilar
	kwSome
	kwStart
	kwStdin
	kwStdout
	kwSubstring
	kwSystemUser
	kwTable
	kwTablesample
	kwTemp
	kwTemporary
	kwThen
	kwTime
	kwTo
	kwTransaction
	kwTrim
	kwTrue
	kwTruncate
	kwUescape
	kwUnion
	kwUnlisten
	kwUnlogged
	kwUpdate
	kwUser
	kwUsing
	kwVacuum
	kwValues
	kwVarying
	kwVerbose
	kwView
	kwWhen
	kwWhere
	kwWindow
	kwWith
	kwWithin
	kwWork
	kwZone
	kwEndOfList
)

// spellings lists the key words in the order of their constants.
var spellings = [kwEndOfList - kwFirstOne]string{
	"abort", "all", "alter", "analyse", "analyze", "and", "any", "array", "as", "asc", "atomic",
	"begin", "between", "binary", "by",
	"call", "cascade", "case", "cast", "chain", "characteristics", "checkpoint", "close", "cluster", "coalesce", "collate", "collation",
	"comment", "commit", "concurrently", "conflict", "copy", "create", "cross", "cube", "current", "current_catalog",
	"current_date", "current_role", "current_schema", "current_time", "current_timestamp", "current_user",
	"deallocate", "declare", "default", "delete", "desc", "discard", "distinct", "do", "drop",
	"else", "end", "except", "execute", "exists", "explain", "extract",
	"false", "fetch", "filter", "for", "foreign", "from", "full", "function",
	"global", "grant", "greatest", "group", "grouping", "having",
	"if", "ilike", "import", "in", "index", "inner", "insert", "intersect", "interval", "into", "is",
	"join", "key",
	"lateral", "least", "left", "like", "limit", "listen", "load", "local", "localtime", "localtimestamp", "lock",
	"matched", "materialized", "merge", "move",
	"natural", "no", "not", "notify", "null", "nullif",
	"of", "offset", "on", "only", "or", "order", "ordinality", "outer", "over", "overlay", "overriding",
	"partition", "position", "precision", "prepare", "prepared", "procedure", "program",
	"reassign", "recursive", "refresh", "reindex", "release", "replace", "reset", "returning", "revoke", "right",
	"rollback", "rollup", "row", "rows",
	"savepoint", "security", "select", "session", "session_user", "set", "sets", "share", "show", "similar", "some",
	"start", "stdin", "stdout", "substring", "system_user",
	"table", "tablesample", "temp", "temporary", "then", "time", "to", "transaction", "trim", "true", "truncate",
	"uescape", "union", "unlisten", "unlogged", "update", "user", "using",
	"vacuum", "values", "varying", "verbose", "view",
	"when", "where", "window", "with", "within", "work", "zone",
}

// keywords is a hash table of the key words, with so many buckets that most
// words of statements need at most one comparison.
var keywords = func() (table [1024]keyword) {
	for i, spelling := range spellings {
		at := hash(spelling)
		for table[at] != none {
			at = (at + 1) % len(table)
		}
		table[at] = kwFirstOne + keyword(i)
	}
	return table
}()

// hash hashes the length and three letters of word, in any case. word has at
// least two letters.
func hash(word string) int {
	n := len(word)
	first, middle, last := word[0]|0x20, word[n/2]|0x20, word[n-1]|0x20
	return (int(first)*41 + int(middle)*7 + int(last)*271 + n*67) % 1024
}

const maxKeyword = len("current_timestamp")

// keywordOf returns the key word for word, in any case, or none.
func keywordOf(word string) keyword {
	if len(word) < 2 || len(word) > maxKeyword {
		return none
	}
	for at := hash(word); keywords[at] != none; at = (at + 1) % len(keywords) {
		if equalFold(word, spellings[keywords[at]-kwFirstOne]) {
			return keywords[at]
		}
	}
	return none
}

// equalFold reports whether word equals spelling, which is in lower case.
func equalFold(word, spelling string) bool {
	if len(word) != len(spelling) {
		return false
	}
	for i := range len(word) {
		if lower(word[i]) != spelling[i] {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// reserved reports whether an unquoted k cannot name a relation or be its
// alias.
func (k keyword) reserved() bool {
	switch k {
	case kwAll, kwAnalyse, kwAnalyze, kwAnd, kwAny, kwArray, kwAs, kwAsc, kwCase, kwCast, kwCollate, kwCreate,
		kwCurrentCatalog, kwCurrentDate, kwCurrentRole, kwCurrentTime, kwCurrentTimestamp, kwCurrentUser, kwDefault,
		kwDesc, kwDistinct, kwDo, kwElse, kwEnd, kwExcept, kwFalse, kwFetch, kwFor, kwForeign, kwFrom, kwGrant, kwGroup,
		kwHaving, kwIn, kwIntersect, kwInto, kwLateral, kwLimit, kwLocaltime, kwLocaltimestamp, kwNot, kwNull, kwOffset,
		kwOn, kwOnly, kwOr, kwOrder, kwReturning, kwSelect, kwSessionUser, kwSome, kwSystemUser, kwTable, kwThen, kwTo,
		kwTrue, kwUnion, kwUser, kwUsing, kwWhen, kwWhere, kwWindow, kwWith:
		return true
	}
	return k.routine()
}

// routine reports whether k is reserved except for functions and types, as in
// LEFT JOIN and left(name, 1).
func (k keyword) routine() bool {
	switch k {
	case kwBinary, kwCollation, kwConcurrently, kwCross, kwCurrentSchema, kwFull, kwIlike, kwInner, kwIs, kwJoin, kwLeft,
		kwLike, kwNatural, kwOuter, kwRight, kwSimilar, kwTablesample, kwVerbose:
		return true
	}
	return false
}

// callable reports whether k before a parenthesis can be the name of a
// function, either an ordinary one or one with special syntax.
func (k keyword) callable() bool {
	switch k {
	case kwBetween, kwCoalesce, kwExists, kwGreatest, kwGrouping, kwInterval, kwLeast, kwNullif, kwRow, kwValues:
		return false
	}
	return k.routine() || !k.reserved()
}

// spaced reports whether normalized text has a blank between k and a
// parenthesis. This is cosmetic.
func (k keyword) spaced() bool {
	switch k {
	case none:
		return false
	case kwBy, kwConflict, kwFilter, kwIlike, kwJoin, kwKey, kwLike, kwMaterialized, kwOver, kwSet, kwSets:
		return true
	case kwCast, kwCoalesce, kwExists, kwGreatest, kwLeast, kwNullif, kwRow, kwGrouping:
		return false
	}
	return !k.callable()
}

// special reports whether k before a parenthesis is a function with special
// syntax, which the server finds in pg_catalog whatever the search path.
func (k keyword) special() bool {
	return k == kwExtract || k == kwPosition || k == kwTrim
}

// valueFunction reports whether k is a function that is called without
// parentheses.
func (k keyword) valueFunction() bool {
	switch k {
	case kwCurrentCatalog, kwCurrentDate, kwCurrentRole, kwCurrentSchema, kwCurrentTime, kwCurrentTimestamp,
		kwCurrentUser, kwLocaltime, kwLocaltimestamp, kwSessionUser, kwSystemUser, kwUser:
		return true
	}
	return false
}
