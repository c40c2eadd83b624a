package catalog_test

// schema is the schema for the statements of the tests.
const schema = `
CREATE TABLE country (code text PRIMARY KEY, name text);
CREATE TABLE city (id int PRIMARY KEY, name text, country text REFERENCES country ON DELETE CASCADE ON UPDATE CASCADE,
	founded timestamptz, tags text[], attributes jsonb);
CREATE TABLE street (id int PRIMARY KEY, city int REFERENCES city ON DELETE SET NULL, name text);
CREATE TABLE house (id int PRIMARY KEY, street int REFERENCES street ON DELETE RESTRICT);
CREATE TABLE plain (id int PRIMARY KEY, note text);

CREATE VIEW old_city AS SELECT id, name, country FROM city WHERE founded < '1800-01-01 00:00:00+00';
CREATE VIEW old_city_name AS SELECT o.name, c.name AS country FROM old_city o JOIN country c ON c.code = o.country;
CREATE VIEW drawn AS SELECT id, random() AS r FROM plain;
CREATE MATERIALIZED VIEW city_count AS SELECT country, count(*) AS n FROM city GROUP BY 1;

CREATE TABLE reading (at date, sensor int, value float8) PARTITION BY RANGE (at);
CREATE TABLE reading_2025 PARTITION OF reading FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY LIST (sensor);
CREATE TABLE reading_2025_1 PARTITION OF reading_2025 FOR VALUES IN (1);
CREATE TABLE reading_2026 PARTITION OF reading FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');

CREATE TABLE animal (name text);
CREATE TABLE cat (lives int) INHERITS (animal);
CREATE TABLE kitten () INHERITS (cat);

CREATE FUNCTION cities_of(c text) RETURNS bigint LANGUAGE sql STABLE
	BEGIN ATOMIC SELECT count(*) FROM city WHERE country = c; END;
CREATE FUNCTION hidden(c text) RETURNS bigint LANGUAGE plpgsql STABLE
	AS 'BEGIN RETURN (SELECT count(*) FROM city WHERE country = c); END';
CREATE FUNCTION liar(c text) RETURNS bigint LANGUAGE plpgsql IMMUTABLE
	AS 'BEGIN RETURN (SELECT count(*) FROM city WHERE country = c); END';
CREATE FUNCTION add_note() RETURNS int LANGUAGE sql
	BEGIN ATOMIC INSERT INTO plain VALUES (99, 'by add_note') RETURNING id; END;
CREATE VIEW busy AS SELECT code, cities_of(code) FROM country;
CREATE VIEW obscure AS SELECT code, hidden(code) FROM country;
CREATE AGGREGATE hidden_sum (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE FUNCTION hidden_step(a int, b int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN a + (SELECT count(*) FROM plain); END';
CREATE AGGREGATE hidden_total (int) (SFUNC = hidden_step, STYPE = int, INITCOND = '0');
CREATE FUNCTION hidden_eq(a text, b text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RETURN a = (SELECT min(note) FROM plain); END';
CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = hidden_eq);
CREATE FUNCTION known(code text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RETURN EXISTS (SELECT FROM country c WHERE c.code = known.code); END';
CREATE DOMAIN country_code AS text CHECK (known(VALUE));

CREATE TABLE account (id int PRIMARY KEY, owner name, balance numeric);
ALTER TABLE account ENABLE ROW LEVEL SECURITY;
CREATE TABLE member (name name, of_account int);
CREATE POLICY mine ON account USING (owner = current_user OR id IN (SELECT of_account FROM member WHERE name = current_user));

CREATE UNLOGGED TABLE scratch (id int);
CREATE SEQUENCE numbers;

CREATE TABLE audit (what text);
CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO audit VALUES (TG_OP); RETURN NEW; END';
CREATE TABLE watched (id int PRIMARY KEY, note text);
CREATE TRIGGER watch AFTER UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION note_change();

CREATE TABLE ruled (id int);
CREATE RULE copy AS ON INSERT TO ruled DO ALSO INSERT INTO audit VALUES ('ruled');
CREATE VIEW diverted AS SELECT id FROM plain;
CREATE RULE divert AS ON DELETE TO diverted DO INSTEAD UPDATE watched SET note = 'gone' WHERE id = OLD.id;

CREATE TABLE measured (id int) PARTITION BY LIST (id);
CREATE TABLE measured_1 PARTITION OF measured FOR VALUES IN (1);
CREATE TRIGGER measure AFTER INSERT ON measured FOR EACH ROW EXECUTE FUNCTION note_change();

CREATE TABLE quiet (id int);
CREATE SCHEMA headrace;
CREATE FUNCTION headrace.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER disabled AFTER DELETE ON quiet EXECUTE FUNCTION note_change();
ALTER TABLE quiet DISABLE TRIGGER disabled;
CREATE TRIGGER builtin BEFORE UPDATE ON quiet FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TRIGGER headrace AFTER INSERT ON quiet EXECUTE FUNCTION headrace.touch();

CREATE TABLE with_default (id int, note int DEFAULT add_note());
CREATE TABLE with_check (id int, code text CHECK (known(code)));
CREATE TABLE with_index (name text);
CREATE INDEX ON with_index (liar(name));
CREATE TYPE mood AS ENUM ('sad', 'happy now');
CREATE DOMAIN birthday AS date CHECK (VALUE > '1900-01-01');
CREATE TYPE event AS (id int, at date);
CREATE TABLE person (mood mood, moods mood[], born birthday, at event);
CREATE VIEW moved AS SELECT id FROM plain;
CREATE RULE move AS ON DELETE TO moved DO INSTEAD DELETE FROM audit;
CREATE TABLE parent (id int PRIMARY KEY) PARTITION BY LIST (id);
CREATE TABLE parent_1 PARTITION OF parent FOR VALUES IN (1);
CREATE TABLE child (id int REFERENCES parent ON DELETE CASCADE);
CREATE VIEW triggered AS SELECT DISTINCT id FROM plain;
CREATE TRIGGER instead INSTEAD OF DELETE ON triggered FOR EACH ROW EXECUTE FUNCTION note_change();

CREATE SCHEMA other;
CREATE TABLE other.plain (id int PRIMARY KEY, note text);
CREATE TABLE other.city (LIKE city);
`
