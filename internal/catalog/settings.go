package catalog

import (
	"slices"
)

// settings is a set of server settings that a result depends on.
type settings uint32

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
	arrayNulls
	quoteAllIdentifiers
	timezoneAbbreviations
	ginFuzzySearchLimit

	// times are the settings that the text form of a date or time may depend
	// on.
	times = timeZone | dateStyle
	// allOutput are the settings that the text form of any value may depend on,
	// and allInput those for reading any value from text.
	allOutput = times | intervalStyle | extraFloatDigits | byteaOutput | lcMonetary | xmlBinary | xmlOption
	allInput  = allOutput | arrayNulls | timezoneAbbreviations
	// anySetting are the settings that a function with a hidden body may depend
	// on.
	anySetting = allInput | lcNumeric | lcTime | textSearchConfig | quoteAllIdentifiers | ginFuzzySearchLimit
)

var settingNames = [...]string{
	"TimeZone", "DateStyle", "IntervalStyle", "extra_float_digits", "bytea_output", "lc_monetary",
	"lc_numeric", "lc_time", "xmlbinary", "xmloption", "default_text_search_config",
	"pg_trgm.similarity_threshold", "pg_trgm.word_similarity_threshold", "pg_trgm.strict_word_similarity_threshold",
	"array_nulls", "quote_all_identifiers", "timezone_abbreviations", "gin_fuzzy_search_limit",
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

// textSettings returns the settings that the text form of a type's values
// depends on, in either direction. An unknown type may depend on all of them,
// as may arrays, ranges and composites, depending on their components.
func textSettings(typ uint32) settings {
	s, ok := typeSettings[typ]
	if !ok {
		return allOutput
	}
	return s
}

// typeSettings lists the types of pg_type.dat, whose oids never change.
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
