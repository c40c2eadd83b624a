// Package catalog tells what a statement reads, writes and calls, as the
// server's own parser understands it.
//
// [Examine] has the server parse the statement as the body of a function in
// SQL-standard form (CREATE FUNCTION ... BEGIN ATOMIC, PostgreSQL 14 and
// later), which is never called and rolled back, and reads the parsed tree
// back from pg_proc. From there it follows what the catalogs say: the queries
// behind views, bodies of functions, policies, partitions, triggers, rules and
// the actions of foreign keys. [ExamineNames] tells less, of many statements at
// once. [Written] asks a transaction what it has locked
// for writing, where that is not enough. [Fingerprint] tells whether the
// definitions that all this was read from have changed.
//
// What is not known is said to be unknown: a user of the answer then has to
// take it that anything may be read or written.
//
// # Design notes
//
// The tree names all that it needs by object identifier, so no name is ever
// looked up here under the search path of somebody else, except by TRUNCATE,
// COPY and what the server does not plan. The form of the tree is the
// server's own affair: kinds of nodes that this package does not know make
// the effects unknown.
//
// A function whose body is SQL in standard form is followed. A function in C
// that is declared IMMUTABLE is believed to be. One in PL/pgSQL is not,
// whatever it says: a table looked up in an IMMUTABLE function is a common
// way to have an index on it.
//
// What a function does whose body is a string, its words tell: a statement in
// it has to name what it reads, changes and calls. So each relation of a name
// among the words counts as read, and as changed where the text holds INSERT,
// UPDATE or the like; each function of such a name is followed, and the checks
// of each type. The place of a word counts for nothing, since any word may be
// the name of a column or a variable: two exceptions are what the grammar leaves
// no choice about. EXECUTE, DO, FETCH, COPY, commands that change the schema,
// and languages other than SQL and PL/pgSQL leave all unknown. A function that
// is not VOLATILE changes nothing by itself, since the server refuses that;
// those it calls may. What such a body does with times is not seen, so its
// answer is kept for a time at most: see [HiddenFunction].
//
// A name without a schema is looked for under the search path of the session
// or that which the function sets, and in a schema that the body names, as long
// as nothing that the statement leads to sets a path or a role; in all schemas
// otherwise. A body in SQL is given to the server's parser too, which tells
// exactly what it does, if its names stand for the same under each path or the
// path is certain.
//
// Text that is read as a date or a time while the statement runs may hold a
// word like today, so such a cast is refused wherever it is; see conversion.go,
// which decides that from the types in the tree. Constants were read before:
// the text shows whether one of them may be such a word. Of parameters the
// caller has to look at the values where [Effects.TakesTime] says so.
//
// [ExamineNames] goes by the names in the statement itself in the same way,
// without the server's parser. It is for those who ask what statements changed
// that differ in their constants only.
//
// Casts to and from types of extensions run the type's input and output
// functions; these are taken to read no relation. So are comparison functions
// in operator classes.
//
// The connection sees no temporary table of any other. A statement that names
// one is examined as if it were not there: see [Effects.Temporary].
package catalog
