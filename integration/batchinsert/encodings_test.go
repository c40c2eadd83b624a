package batchinsert_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/headrace/headrace/batchinsert"
)

// utf16File is a text in UTF-16, where ? is half a character.
func utf16File(text string) string {
	out := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(text)) {
		if unit == '?' {
			unit = 0xd800
		}
		out = append(out, byte(unit), byte(unit>>8))
	}
	return string(out)
}

// Bytes that an encoding has no character for make a bad line, as bytes that are
// not UTF-8 do; no text is loaded in their place.
func TestUndecodableBytesAreBadLines(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, "CREATE TABLE t (a text, b text); CREATE TABLE odd (a text, b text, e int[])")
	for _, c := range []struct{ name, encoding, file, message string }{
		{"utf-8", "", "a,b\n1,x\n\xff,x\n2,y\n", "not valid UTF-8"},
		{"windows-1252", "Windows-1252", "a,b\n1,x\n\x81,x\n2,y\n", "Windows 1252"},
		{"windows-1252 in quotes", "Windows-1252", "a,b\n1,x\n\"\x81\",x\n2,y\n", "Windows 1252"},
		{"windows-1252 with carriage returns", "Windows-1252", "a,b\r1,x\r\x81,x\r2,y\r", "Windows 1252"},
		{"bytes that would be UTF-8", "windows-1253", "a,b\n1,x\n\xd2\x81,x\n2,y\n", "Windows 1253"},
		{"iso-8859-7", "ISO-8859-7", "a,b\n1,x\nx,\xff\n2,y\n", "ISO 8859-7"},
		{"windows-874", "windows-874", "a,b\n1,x\nx,\xdb\n2,y\n", "Windows 874"},
		{"half a character", "", utf16File("a,b\n1,x\nx?,x\n2,y\n"), "UTF-16"},
		{"json", "Windows-1252", "\n{\"a\":\"1\",\"b\":\"x\"}\n{\"a\":\"\x81\",\"b\":\"x\"}\n{\"a\":\"2\",\"b\":\"y\"}\n", "Windows 1252"},
		{"json with half a character", "utf16", utf16File("{\"a\":\"1\",\"b\":\"x\"}\n\n{\"a\":\"x\",\"b\":\"?\"}\n{\"a\":\"2\",\"b\":\"y\"}\n"), "UTF-16"},
		{"cut within a unit", "", utf16File("a,b\n1,x\n2,y\n") + "3", "UTF-16"},
		{"cut within a pair", "", utf16File("a,b\n1,x\n2,y\n3,?"), "UTF-16"},
	} {
		line := int64(3)
		if strings.HasPrefix(c.name, "cut") {
			line = 4
		}
		input := func() batchinsert.Input { return batchinsert.CSV(strings.NewReader(c.file)) }
		if strings.HasPrefix(c.name, "json") {
			input = func() batchinsert.Input { return batchinsert.NDJSON(strings.NewReader(c.file)) }
		}
		for _, table := range []string{"t", "odd"} { // with parsers for all types, and without
			refused := func(way string, err error) {
				t.Helper()
				at, ok := errors.AsType[*batchinsert.LineError](err)
				if !ok || at.Line != line || c.encoding != "" && !strings.Contains(err.Error(), c.message) {
					t.Errorf("%s, %s, %s: %v, want line %d and %s", c.name, table, way, err, line, c.message)
				}
				wantCount(t, pg, table, 0)
			}
			_, err := batchinsert.Load(t.Context(), pg, table, input(), &batchinsert.LoadOptions{Encoding: c.encoding})
			refused("load", err)
			_, err = batchinsert.Load(t.Context(), pg, table, input(), &batchinsert.LoadOptions{Encoding: c.encoding, Verify: true, Jobs: 2, ChunkBytes: 1})
			refused("verify", err)
			_, err = batchinsert.Infer(t.Context(), input(), table, &batchinsert.LoadOptions{Encoding: c.encoding})
			refused("infer", err)
			dry, err := batchinsert.Load(t.Context(), pg, table, input(), &batchinsert.LoadOptions{Encoding: c.encoding, DryRun: true})
			if err != nil || dry.Rows != 2 || dry.Bad != 1 || dry.BadLines[0].Line != line {
				t.Errorf("%s, %s, dry run: %+v, %v", c.name, table, dry, err)
			}
			report, err := batchinsert.Load(t.Context(), pg, table, input(), &batchinsert.LoadOptions{Encoding: c.encoding, OnBad: batchinsert.Quarantine})
			if err != nil || report.Rows != 2 || report.Bad != 1 || report.BadLines[0].Line != line {
				t.Errorf("%s, %s, quarantine: %+v, %v", c.name, table, report, err)
			}
			if got := get[string](t, pg, "SELECT string_agg(a || b, ' ' ORDER BY a) FROM "+table); got != "1x 2y" {
				t.Errorf("%s, %s: the table has %q", c.name, table, got)
			}
			if got := get[string](t, pg, "SELECT sqlstate || ' ' || message FROM headrace.quarantine"); !strings.HasPrefix(got, "22021 ") || c.encoding != "" && !strings.Contains(got, c.message) {
				t.Errorf("%s, %s: quarantine says %s", c.name, table, got)
			}
			exec(t, pg, "TRUNCATE headrace.quarantine, "+table)
		}
	}
	// A header.
	_, err := batchinsert.Load(t.Context(), pg, "t", batchinsert.CSV(strings.NewReader("a,b\x81\n1,x\n")), &batchinsert.LoadOptions{Encoding: "Windows-1252"})
	wantError(t, err, "input:1", "field 2", "LoadOptions.Encoding")
	// What is wrong with a line is not what is wrong with another.
	_, err = batchinsert.Load(t.Context(), pg, "t", batchinsert.CSV(strings.NewReader("a,b\n1,\x00\n\x81,x\n")), &batchinsert.LoadOptions{Encoding: "Windows-1252"})
	if wantError(t, err, "input:2", "0x00"); strings.Contains(err.Error(), "Windows") {
		t.Error(err)
	}
}

// A U+FFFD that the file has is text as any other.
func TestReplacementCharactersAreText(t *testing.T) {
	t.Parallel()
	pg := open(t, "CREATE TABLE t (a text, b text)")
	for name, file := range map[string]string{"utf-8": "a,b\n\uFFFD,x\n", "utf-16": utf16File("a,b\n\uFFFD,x\n")} {
		exec(t, pg, "TRUNCATE t")
		report, err := batchinsert.Load(t.Context(), pg, "t", batchinsert.CSV(strings.NewReader(file)), &batchinsert.LoadOptions{Verify: true, Jobs: 2})
		if err != nil || report.Rows != 1 {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
		if got := get[string](t, pg, "SELECT a FROM t"); got != "\uFFFD" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
