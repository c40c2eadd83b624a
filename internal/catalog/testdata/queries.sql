-- fingerprints
SELECT 'relation', q.oid::pg_catalog.text, pg_catalog.hashtextextended(ROW(
	(SELECT ROW(c.relname, c.relnamespace, c.relowner, c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
			c.relacl, c.reloptions, s.xmin)::pg_catalog.text
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid OPERATOR(pg_catalog.=) c.relnamespace WHERE c.oid OPERATOR(pg_catalog.=) q.oid),
	(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(a.attnum, a.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_attribute a WHERE a.attrelid OPERATOR(pg_catalog.=) q.oid),
	(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(d.oid, d.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_attrdef d WHERE d.adrelid OPERATOR(pg_catalog.=) q.oid),
	(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(i.indexrelid, i.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_index i WHERE i.indrelid OPERATOR(pg_catalog.=) q.oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)),
	(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(i.inhrelid, i.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_inherits i WHERE i.inhparent OPERATOR(pg_catalog.=) q.oid),
	(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(i.inhparent, i.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_inherits i WHERE i.inhrelid OPERATOR(pg_catalog.=) q.oid),
	(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(r.oid, r.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_rewrite r WHERE r.ev_class OPERATOR(pg_catalog.=) q.oid),
	(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(p.oid, p.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_policy p WHERE p.polrelid OPERATOR(pg_catalog.=) q.oid),
	(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(t.oid, t.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_trigger t WHERE t.tgrelid OPERATOR(pg_catalog.=) q.oid),
	(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(c.oid, c.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_constraint c WHERE c.conrelid OPERATOR(pg_catalog.=) q.oid))::pg_catalog.text, 0)
FROM pg_catalog.unnest($1::pg_catalog.oid[]) q (oid)
UNION ALL
SELECT 'function', q.oid::pg_catalog.text, pg_catalog.hashtextextended(ROW((SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(f.oid, f.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_proc f WHERE f.oid OPERATOR(pg_catalog.=) q.oid))::pg_catalog.text, 0)
FROM pg_catalog.unnest($2::pg_catalog.oid[]) q (oid)
UNION ALL
SELECT 'type', q.oid::pg_catalog.text, (
	WITH RECURSIVE used (oid) AS (
		SELECT q.oid
		UNION
		SELECT p.oid
		FROM used u CROSS JOIN LATERAL (
			SELECT pg_catalog.unnest(ARRAY[t.typelem, t.typbasetype]) FROM pg_catalog.pg_type t WHERE t.oid OPERATOR(pg_catalog.=) u.oid
			UNION ALL
			SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid OPERATOR(pg_catalog.=) u.oid
			UNION ALL
			SELECT a.atttypid
			FROM pg_catalog.pg_type t JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) t.typrelid
			WHERE t.oid OPERATOR(pg_catalog.=) u.oid AND t.typrelid OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
			OFFSET 0) p (oid)
		WHERE p.oid OPERATOR(pg_catalog.>=) 16384)
	SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(u.oid,
		(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(t.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_type t WHERE t.oid OPERATOR(pg_catalog.=) u.oid),
		(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(e.oid, e.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_enum e WHERE e.enumtypid OPERATOR(pg_catalog.=) u.oid),
		(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(c.oid, c.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_constraint c WHERE c.contypid OPERATOR(pg_catalog.=) u.oid),
		(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(a.attnum, a.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_attribute a WHERE a.attrelid OPERATOR(pg_catalog.=) (SELECT t.typrelid FROM pg_catalog.pg_type t WHERE t.oid OPERATOR(pg_catalog.=) u.oid)))::pg_catalog.text, 0))
	FROM used u)
FROM pg_catalog.unnest($3::pg_catalog.oid[]) q (oid)
UNION ALL
SELECT 'name', q.name, pg_catalog.hashtextextended(ROW((SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(c.oid, c.relkind, s.oid, s.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid OPERATOR(pg_catalog.=) c.relnamespace
		WHERE c.relname OPERATOR(pg_catalog.=) q.name::pg_catalog.name AND s.nspname OPERATOR(pg_catalog.!~~) 'pg\_temp\_%'),
	(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(f.oid, f.xmin, s.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_proc f JOIN pg_catalog.pg_namespace s ON s.oid OPERATOR(pg_catalog.=) f.pronamespace
		WHERE f.proname OPERATOR(pg_catalog.=) q.name::pg_catalog.name AND s.nspname OPERATOR(pg_catalog.!~~) 'pg\_temp\_%'),
	(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(t.oid, t.xmin, s.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace s ON s.oid OPERATOR(pg_catalog.=) t.typnamespace
		WHERE t.typname OPERATOR(pg_catalog.=) q.name::pg_catalog.name AND t.typrelid OPERATOR(pg_catalog.=) 0::pg_catalog.oid AND s.nspname OPERATOR(pg_catalog.!~~) 'pg\_temp\_%'))::pg_catalog.text, 0)
FROM pg_catalog.unnest($4::pg_catalog.text[]) q (name)
UNION ALL
SELECT 'always', '', pg_catalog.hashtextextended(ROW((SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(o.oid, o.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_operator o WHERE o.oid OPERATOR(pg_catalog.>=) 16384),
	(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(c.oid, c.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_cast c WHERE c.oid OPERATOR(pg_catalog.>=) 16384),
	(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(o.oid, o.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_opclass o WHERE o.oid OPERATOR(pg_catalog.>=) 16384),
	(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(c.oid, c.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_collation c WHERE c.oid OPERATOR(pg_catalog.>=) 16384),
	(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(c.oid, c.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_ts_config c WHERE c.oid OPERATOR(pg_catalog.>=) 16384),
	(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(a.oid, a.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_amop a WHERE a.amopopr OPERATOR(pg_catalog.>=) 16384),
	(SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(c.oid, c.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_constraint c WHERE c.contypid OPERATOR(pg_catalog.>=) 16384 AND c.contypid OPERATOR(pg_catalog.<=) 4294967295))::pg_catalog.text, 0)
UNION ALL
SELECT 'event triggers', '', pg_catalog.hashtextextended(ROW((SELECT pg_catalog.bit_xor(pg_catalog.hashtextextended(ROW(t.oid, t.xmin)::pg_catalog.text, 0)) FROM pg_catalog.pg_event_trigger t))::pg_catalog.text, 0);

-- locks of the own transaction
SELECT DISTINCT l.relation, n.nspname, c.relname, c.relkind::text OPERATOR(pg_catalog.||) c.relpersistence::text
FROM pg_catalog.pg_lock_status() l
	LEFT JOIN LATERAL (SELECT * FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) l.relation OFFSET 0) c ON true
	LEFT JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
WHERE l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND l.locktype OPERATOR(pg_catalog.=) 'relation' AND l.granted
	AND l.database OPERATOR(pg_catalog.=) (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
	AND l.mode OPERATOR(pg_catalog.<>) ALL ('{AccessShareLock, RowShareLock}')
	AND (c.relkind IS NULL OR c.relkind OPERATOR(pg_catalog.<>) ALL ('{i, I, t, v}'))
ORDER BY 1;

-- writes beyond these locks
WITH RECURSIVE own (oid) AS (
	SELECT pg_catalog.min(c.oid) FROM pg_catalog.pg_class c
	UNION ALL
	SELECT (SELECT c.oid FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.>) o.oid ORDER BY c.oid LIMIT 1) FROM own o WHERE o.oid OPERATOR(pg_catalog.<=) 16383)
SELECT pg_catalog.current_setting('track_counts') OPERATOR(pg_catalog.=) 'off'
	OR EXISTS (
		SELECT FROM own o CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) o.oid OFFSET 0) c
		WHERE c.relnamespace OPERATOR(pg_catalog.=) 'pg_catalog'::pg_catalog.regnamespace AND c.relkind::pg_catalog.text OPERATOR(pg_catalog.=) 'r'
			AND c.relname OPERATOR(pg_catalog.<>) ALL ('{pg_statistic, pg_largeobject, pg_largeobject_metadata, pg_shdepend}'::pg_catalog.name[])
			AND (pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) OPERATOR(pg_catalog.<>) 0
				OR pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) OPERATOR(pg_catalog.<>) 0
				OR pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) OPERATOR(pg_catalog.<>) 0))
	OR EXISTS (
		SELECT FROM pg_catalog.pg_lock_status() l
			CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_trigger t WHERE t.tgrelid OPERATOR(pg_catalog.=) l.relation OFFSET 0) t
		WHERE l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND t.tgdeferrable AND NOT t.tgisinternal)
	OR EXISTS (SELECT FROM pg_catalog.pg_language l WHERE l.lanispl AND NOT l.lanpltrusted)
	OR EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE e.extname OPERATOR(pg_catalog.=) 'dblink');

-- bodies of functions
SELECT prosqlbody FROM pg_catalog.pg_proc
WHERE pronamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema() AND proname OPERATOR(pg_catalog.=) $1;

-- operators and casts of users
SELECT o.oprcode::pg_catalog.oid, CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_amop a WHERE a.amopopr OPERATOR(pg_catalog.=) o.oid) THEN ''
		ELSE o.oprname::pg_catalog.text END,
	(SELECT e.extname::pg_catalog.text
		FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid OPERATOR(pg_catalog.=) d.refobjid
		WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_operator'::pg_catalog.regclass AND d.objid OPERATOR(pg_catalog.=) o.oid AND d.deptype OPERATOR(pg_catalog.=) 'e'::pg_catalog."char" LIMIT 1),
	EXISTS (SELECT FROM pg_catalog.pg_operator r WHERE r.oprname OPERATOR(pg_catalog.=) o.oprname AND r.oprnamespace OPERATOR(pg_catalog.<>) o.oprnamespace)::pg_catalog.text, 'operator'
FROM pg_catalog.pg_operator o
WHERE o.oid OPERATOR(pg_catalog.>=) 16384 AND o.oprcode OPERATOR(pg_catalog.<>) 0::pg_catalog.oid
UNION ALL
SELECT c.castfunc, '',
	(SELECT e.extname::pg_catalog.text
		FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid OPERATOR(pg_catalog.=) d.refobjid
		WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_cast'::pg_catalog.regclass AND d.objid OPERATOR(pg_catalog.=) c.oid AND d.deptype OPERATOR(pg_catalog.=) 'e'::pg_catalog."char" LIMIT 1),
	'false', 'cast'
FROM pg_catalog.pg_cast c WHERE c.oid OPERATOR(pg_catalog.>=) 16384;

-- relations by exact name
SELECT t.i, t.name::pg_catalog.regclass::pg_catalog.oid
FROM pg_catalog.unnest($3::pg_catalog.text[]) WITH ORDINALITY t (name, i)
WHERE $1::pg_catalog.text IS NOT NULL AND $2::pg_catalog.text IS NOT NULL;

-- relations on the search path
SELECT t.i, pg_catalog.to_regclass(t.name)::pg_catalog.oid
FROM pg_catalog.unnest($3::pg_catalog.text[]) WITH ORDINALITY t (name, i)
WHERE pg_catalog.to_regclass(t.name) IS NOT NULL AND $1::pg_catalog.text IS NOT NULL AND $2::pg_catalog.text IS NOT NULL;

-- relations anywhere
SELECT t.i, c.oid
FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) WITH ORDINALITY t (schema, name, i)
	CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_class c WHERE c.relname OPERATOR(pg_catalog.=) t.name::pg_catalog.name OFFSET 0) c
	JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
WHERE (n.nspname OPERATOR(pg_catalog.=) t.schema::pg_catalog.name OR t.schema OPERATOR(pg_catalog.=) ''
		OR t.schema OPERATOR(pg_catalog.=) 'pg_temp' AND pg_catalog.starts_with(n.nspname::pg_catalog.text, 'pg_temp_'))
	AND c.relkind::pg_catalog.text OPERATOR(pg_catalog.=) ANY (ARRAY['r', 'p', 'v', 'm', 'f', 'S', 't'])
	AND $3::pg_catalog.text IS NOT NULL;

-- functions by name
SELECT p.oid
FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) AS q (schema, name)
	CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_proc p WHERE p.proname OPERATOR(pg_catalog.=) q.name::pg_catalog.name OFFSET 0) p
	JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
WHERE q.schema OPERATOR(pg_catalog.=) '' OR n.nspname OPERATOR(pg_catalog.=) q.schema::pg_catalog.name;

-- whether columns can be examined
SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN 'the server is a standby'
	WHEN NOT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMP') THEN 'the role has no right TEMP on the database'
	WHEN EXISTS (SELECT FROM pg_catalog.pg_event_trigger t
		WHERE t.evtenabled OPERATOR(pg_catalog.<>) 'D' AND t.evtevent OPERATOR(pg_catalog.=) ANY ('{ddl_command_start,ddl_command_end}')
			AND (t.evttags IS NULL OR 'CREATE FUNCTION' OPERATOR(pg_catalog.=) ANY (t.evttags)))
		THEN 'event triggers would run' END;

-- labels of enums
SELECT e.enumtypid, e.enumlabel::pg_catalog.text FROM pg_catalog.pg_enum e WHERE e.enumtypid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[]);

