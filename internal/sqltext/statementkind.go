package sqltext

// StatementKind is the kind of a statement, by its first words.
type StatementKind uint8

// The kinds of statements.
const (
	Unrecognized StatementKind = iota // cannot be read, or begins with an unknown word
	Empty                             // no statement in the text
	Several                           // more than one statement in the text

	Select
	Values
	TableQuery // TABLE t
	Insert
	Update
	Delete
	Merge

	Begin // also START TRANSACTION
	Commit
	Rollback
	Savepoint
	RollbackTo
	Release
	PrepareTransaction
	CommitPrepared
	RollbackPrepared

	CopyFrom
	CopyTo
	Truncate
	Explain
	Call
	Do
	Set // SET LOCAL and SET TRANSACTION too
	Show
	Reset
	Discard
	Listen
	Notify
	Unlisten
	Prepare
	Execute
	Deallocate
	Declare
	Fetch // also MOVE
	Close
	Lock
	Maintain // VACUUM, ANALYZE, CLUSTER, REINDEX, CHECKPOINT, LOAD: results of reads stay the same
	DDL      // CREATE, ALTER, DROP, GRANT, COMMENT, REFRESH MATERIALIZED VIEW and their like
)

var kindNames = [...]string{
	Unrecognized: "unrecognized", Empty: "empty", Several: "several statements",
	Select: "SELECT", Values: "VALUES", TableQuery: "TABLE", Insert: "INSERT", Update: "UPDATE", Delete: "DELETE", Merge: "MERGE",
	Begin: "BEGIN", Commit: "COMMIT", Rollback: "ROLLBACK", Savepoint: "SAVEPOINT", RollbackTo: "ROLLBACK TO", Release: "RELEASE",
	PrepareTransaction: "PREPARE TRANSACTION", CommitPrepared: "COMMIT PREPARED", RollbackPrepared: "ROLLBACK PREPARED",
	CopyFrom: "COPY FROM", CopyTo: "COPY TO", Truncate: "TRUNCATE", Explain: "EXPLAIN", Call: "CALL", Do: "DO", Set: "SET",
	Show: "SHOW", Reset: "RESET", Discard: "DISCARD", Listen: "LISTEN", Notify: "NOTIFY", Unlisten: "UNLISTEN", Prepare: "PREPARE",
	Execute: "EXECUTE", Deallocate: "DEALLOCATE", Declare: "DECLARE", Fetch: "FETCH", Close: "CLOSE", Lock: "LOCK",
	Maintain: "maintenance", DDL: "DDL",
}

func (k StatementKind) String() string { return kindNames[k] }
