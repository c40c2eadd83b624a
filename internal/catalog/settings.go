package catalog

import (
	"slices"
	"strings"
)

// settings is a set of the server's settings on which an answer depends.
type settings uint16

const (
	timeZone settings = 1 << iota
	dateStyle
	intervalStyle
	extraFloatDigits
	byteaOutput
	lcMonetary
	lcNumeric
	lcTime
	xmlBinary
	xmlOption
	textSearchConfig
	trgmSimilarity
	trgmWordSimilarity
	trgmStrictWordSimilarity

	// allOutput is what the text form of any value may depend on.
	allOutput = timeZone | dateStyle | intervalStyle | extraFloatDigits | byteaOutput | lcMonetary | xmlBinary | xmlOption
)

var settingNames = [...]string{
	"TimeZone", "DateStyle", "IntervalStyle", "extra_float_digits", "bytea_output", "lc_monetary",
	"lc_numeric", "lc_time", "xmlbinary", "xmloption", "default_text_search_config",
	"pg_trgm.similarity_threshold", "pg_trgm.word_similarity_threshold", "pg_trgm.strict_word_similarity_threshold",
}

// names returns the settings' names, sorted.
func (s settings) names() []string {
	var names []string
	for i, name := range settingNames {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// textSettings tells on what the text form of a type's values depends, in
// either direction. A type that it does not know may depend on all of them:
// arrays, ranges and composites among them, which depend on what they hold.
func textSettings(typ uint32) settings {
	s, ok := typeSettings[typ]
	if !ok {
		return allOutput
	}
	return s
}

// typeSettings has the types of pg_type.dat, whose oids never change.
var typeSettings = map[uint32]settings{
	16: 0, 18: 0, 19: 0, 20: 0, 21: 0, 23: 0, 25: 0, 26: 0, 27: 0, 28: 0, // bool char name int8 int2 int4 text oid tid xid
	114: 0, 650: 0, 705: 0, 774: 0, 829: 0, 869: 0, 1042: 0, 1043: 0, // json cidr unknown macaddr8 macaddr inet bpchar varchar
	1560: 0, 1562: 0, 1700: 0, 2950: 0, 3220: 0, 3614: 0, 3615: 0, 3802: 0, 4072: 0, // bit varbit numeric uuid pg_lsn tsvector tsquery jsonb jsonpath
	17:  byteaOutput,
	700: extraFloatDigits, 701: extraFloatDigits, // float4 float8
	790:  lcMonetary,
	1082: timeZone | dateStyle, 1083: timeZone, 1114: timeZone | dateStyle, // date time timestamp
	1184: timeZone | dateStyle, 1266: timeZone | dateStyle, // timestamptz timetz
	1186: intervalStyle,
	// Arrays, ranges, multiranges and arrays of ranges of the same.
	1182: timeZone | dateStyle, 1183: timeZone, 1115: timeZone | dateStyle,
	1185: timeZone | dateStyle, 1270: timeZone | dateStyle, 1187: intervalStyle,
	3912: timeZone | dateStyle, 3908: timeZone | dateStyle, 3910: timeZone | dateStyle,
	4535: timeZone | dateStyle, 4533: timeZone | dateStyle, 4534: timeZone | dateStyle,
}

// namesObjects are the types whose text form is the name of an object in the
// catalogs: regproc, regprocedure, regoper, regoperator, regclass, regtype,
// regconfig, regdictionary, regnamespace, regrole, regcollation.
var namesObjects = map[uint32]bool{
	24: true, 2202: true, 2203: true, 2204: true, 2205: true, 2206: true,
	3734: true, 3769: true, 4089: true, 4096: true, 4191: true,
}

// timeTypes are the types whose constants the server reads with the session's
// settings, and for which it knows words such as today: date, time,
// timestamp, timestamptz, interval, timetz, and arrays, ranges and
// multiranges of them.
var timeTypes = map[uint32]bool{
	1082: true, 1083: true, 1114: true, 1184: true, 1186: true, 1266: true,
	1182: true, 1183: true, 1115: true, 1185: true, 1187: true, 1270: true,
	3912: true, 3908: true, 3910: true, 3913: true, 3909: true, 3911: true,
	4535: true, 4533: true, 4534: true, 6155: true, 6152: true, 6153: true,
}

// NamesTime tells whether a text holds one of the words that the server reads
// as a time that moves, in a date or a timestamp: now, today, tomorrow,
// yesterday. A parameter of such a type that is given one of them makes the
// answer depend on when it was asked for.
func NamesTime(text string) bool {
	for i := 0; i < len(text); i++ {
		begin := i
		for i < len(text) && isLetter(text[i]) {
			i++
		}
		switch strings.ToLower(text[begin:i]) {
		case "now", "today", "tomorrow", "yesterday":
			return true
		}
	}
	return false
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
