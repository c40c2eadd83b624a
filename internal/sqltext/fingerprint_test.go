package sqltext

import "testing"

// Generated names count as literals, and optional words are dropped: such
// statements cannot fill a table of fingerprints.
func TestFingerprintsOfMadeUpNames(t *testing.T) {
	for want, texts := range map[string][]string{
		"savepoint ?":       {"SAVEPOINT a", `savepoint "B c"`},
		"release ?":         {"RELEASE a", "RELEASE SAVEPOINT b", "RELEASE savepoint"},
		"rollback to ?":     {"ROLLBACK TO a", "rollback work to savepoint b", "ROLLBACK TRANSACTION TO savepoint"},
		"rollback":          {"ROLLBACK", "ROLLBACK WORK", "ROLLBACK TRANSACTION AND NO CHAIN"},
		"commit":            {"COMMIT", "COMMIT WORK", "COMMIT TRANSACTION", "COMMIT AND NO CHAIN"},
		"commit and chain":  {"COMMIT AND CHAIN", "COMMIT WORK AND CHAIN"},
		"commit prepared ?": {"COMMIT PREPARED 'a'", "COMMIT PREPARED 'b'"},
		"begin":             {"BEGIN", "BEGIN WORK", "BEGIN TRANSACTION"},
		"begin read only":   {"BEGIN READ ONLY", "BEGIN TRANSACTION READ ONLY"},
		"declare ? scroll cursor for select id from t where id = ?": {"DECLARE a SCROLL CURSOR FOR SELECT id FROM t WHERE id = 1", `DECLARE "B" SCROLL CURSOR FOR SELECT id FROM t WHERE id = 2`},
		"fetch ?":                          {"FETCH a", "FETCH b"},
		"fetch forward ? from ?":           {"FETCH FORWARD 10 FROM a", "FETCH FORWARD 20 FROM b"},
		"move all in ?":                    {"MOVE ALL IN a", "MOVE ALL IN b"},
		"close ?":                          {"CLOSE a", "CLOSE b"},
		"close all":                        {"CLOSE ALL"},
		"delete from t where current of ?": {"DELETE FROM t WHERE CURRENT OF a", "DELETE FROM t WHERE CURRENT OF b"},
		"execute ? (?, ?)":                 {"EXECUTE a(1, 'x')", "EXECUTE b(2, 'y')"},
		"explain analyze execute ?":        {"EXPLAIN ANALYZE EXECUTE a", "EXPLAIN ANALYZE EXECUTE b"},
		"create table t as execute ?":      {"CREATE TABLE t AS EXECUTE a", "CREATE TABLE t AS EXECUTE b"},
		"deallocate ?":                     {"DEALLOCATE a", "DEALLOCATE PREPARE b", "DEALLOCATE prepare"},
		"deallocate all":                   {"DEALLOCATE ALL", "DEALLOCATE PREPARE ALL"},
		"listen ?":                         {"LISTEN a", "LISTEN b"},
		"unlisten *":                       {"UNLISTEN *"},
		"notify ?, ?":                      {"NOTIFY a, 'x'", "NOTIFY b, 'y'"},
		"set x to ?":                       {"SET x TO 1", "SET x = 2", "SET x TO 'a', b", "SET x TO DEFAULT", "SET x = off"},
		"set local my.x to ?":              {"SET LOCAL my.x = 'a'", "SET LOCAL my.x TO b"},
		"set session time zone ?":          {"SET SESSION TIME ZONE 'UTC'", "SET SESSION TIME ZONE INTERVAL '1' HOUR", "SET SESSION TIME ZONE LOCAL"},
		"set role ?":                       {"SET ROLE a", "SET ROLE 'b'"},
		"set session authorization ?":      {"SET SESSION AUTHORIZATION a", "SET SESSION AUTHORIZATION DEFAULT"},
		"set transaction isolation level serializable": {"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"},
		"set constraints a, b deferred":                {"SET CONSTRAINTS a, b DEFERRED"},
		"begin; savepoint ?; update t set a = ?; release ?; commit": {
			"BEGIN; SAVEPOINT a; UPDATE t SET a = 1; RELEASE a; COMMIT", "BEGIN WORK; SAVEPOINT b; UPDATE t SET a = 2; RELEASE SAVEPOINT b; COMMIT WORK",
		},
		"create trigger a after insert on t execute function f()": {"CREATE TRIGGER a AFTER INSERT ON t EXECUTE FUNCTION f()"},
		"select current of, b from t for update of t":             {"SELECT current of, b FROM t FOR UPDATE OF t"},
	} {
		for _, text := range texts {
			if got := Analyze(text).FingerprintText(); got != want {
				t.Errorf("%s: %s, want %s", text, got, want)
			}
		}
	}
}
