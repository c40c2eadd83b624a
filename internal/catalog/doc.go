// Package catalog determines what a statement reads, writes and calls, as the
// server's own parser understands it.
//
// [Examine] has the server parse the statement as the body of a function in
// SQL-standard form (CREATE FUNCTION ... BEGIN ATOMIC, PostgreSQL 14 and
// later). The function is never called, and its creation is rolled back.
// Examine reads the parsed tree from pg_proc and then follows the catalogs: the
// queries of views, bodies of functions, policies, partitions, triggers, rules
// and the actions of foreign keys. [ExamineNames] finds out less, by the names
// in the text. [Written] asks a transaction which relations it has locked for
// writing, where that is not enough. [Fingerprint] shows whether the
// definitions behind the effects have changed. [Nullable] determines from the
// same tree which columns of the result may be NULL.
//
// Effects that cannot be determined are reported as unknown: the statement may
// then read or write anything.
//
// By file: examine.go and examineall.go ask for effects, probe.go holds the
// function that the server parses, and pipeline.go the requests of a round trip.
// nodetree.go and references.go read the parsed tree. walk.go follows what it
// refers to: walkrelation.go and walkfunction.go by what relationfacts.go and
// functionfacts.go read from the catalogs, body.go and words.go by the words of
// bodies. refusal.go has the reasons why a result must not be cached; report.go
// stores the findings. nullable.go asks which columns may be NULL: nullfacts.go
// reads the catalogs for it, nullscope.go and nullexpr.go evaluate a query and
// its expressions, nullregions.go its joins and nullforced.go its conditions.
//
// # Design notes
//
// The tree refers to everything by object identifier, so no name is looked up
// under another search path, except for TRUNCATE, COPY and statements that the
// server does not plan. The tree's format is internal to the server: kinds of
// nodes that this package does not know make the effects unknown.
//
// A function with a body in SQL-standard form is followed. A function in C that
// is declared IMMUTABLE is trusted to be. One in PL/pgSQL is never trusted: a
// table lookup in an IMMUTABLE function is a common way to put an index on it.
//
// For a function whose body is a string, the words of the body are evaluated: a
// statement in it has to name what it reads, changes and calls. Each relation
// named by a word counts as read, and as changed where the text contains
// INSERT, UPDATE or the like. Each function of such a name is followed, and so
// are the checks of each type. The position of a word is ignored, since any
// word may be the name of a column or a variable, with two exceptions that the
// grammar leaves no choice about. EXECUTE, DO, FETCH, COPY, commands that
// change the schema, and languages other than SQL and PL/pgSQL make everything
// unknown. A function that is not VOLATILE changes nothing itself, since the
// server rejects that, but functions that it calls may. How such a body uses
// times is not determined, so its result may be cached for a limited time at
// most: see [HiddenFunction].
//
// A name without a schema is looked up in the search path of the session, or
// the one that the function sets, and in schemas that the body names, as long
// as nothing that the statement calls sets a path or a role; in all schemas
// otherwise. The server's parser also parses a body in SQL, and shows exactly
// what it does, if its names resolve equally under each path or the path is
// certain.
//
// Text that is converted to a date or a time while the statement runs may
// contain a word such as today, so the entry of such a cast is refused;
// conversion.go decides that from the types in the tree. Constants were
// converted before: the text shows whether one may be such a word. For
// parameters, the caller has to check the values where [Effects.TakesTime] is
// set.
//
// [ExamineNames] evaluates the names in the statement itself in the same way,
// without the server's parser. It serves callers that need to know what
// statements with different constants changed.
//
// Casts to and from types of extensions run the type's input and output
// functions, which are assumed to read no relation. So are comparison functions
// in operator classes.
//
// A column is reported as NULL only if the definitions of the tables show that
// it may be: a false alarm would keep a program from starting. So a condition
// excludes NULL from every column that it mentions, except in a few forms that
// a NULL is known to pass. Without this rule, strictness of each function and
// operator would decide, and EXISTS, IN and COALESCE would be false alarms. The
// planner's output (EXPLAIN) knows the reduced joins too, but only as text in
// which columns have aliases, and not at all which columns of tables are NOT
// NULL.
//
// The connection does not see temporary tables of other sessions. A statement
// that names one is examined as if the table did not exist: see
// [Effects.Temporary].
package catalog
