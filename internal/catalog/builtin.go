package catalog

import "strings"

// stableBuiltins tells of the server's own STABLE functions on which settings
// they depend, and on nothing else. Functions that are not listed look into
// the catalogs or at the server's state. Names are
// without arguments where all functions of the name are alike.
var stableBuiltins = map[string]settings{
	// Conversions between times with and without zone.
	"date(timestamp with time zone)":                    timeZone,
	"time(timestamp with time zone)":                    timeZone,
	"timestamp(timestamp with time zone)":               timeZone,
	"timestamptz(date)":                                 timeZone,
	"timestamptz(date, time without time zone)":         timeZone,
	"timestamptz(timestamp without time zone)":          timeZone,
	"timetz(timestamp with time zone)":                  timeZone,
	"timezone(timestamp with time zone)":                timeZone,
	"timezone(timestamp without time zone)":             timeZone,
	"make_timestamptz":                                  timeZone | timezoneAbbreviations,
	"date_part(text, timestamp with time zone)":         timeZone,
	"extract(text, timestamp with time zone)":           timeZone,
	"date_trunc(text, timestamp with time zone)":        timeZone,
	"timestamptz_pl_interval":                           timeZone,
	"timestamptz_mi_interval":                           timeZone,
	"interval_pl_timestamptz":                           timeZone,
	"date_add(timestamp with time zone, interval)":      timeZone,
	"date_subtract(timestamp with time zone, interval)": timeZone,
	"overlaps": timeZone,
	"in_range(timestamp with time zone, timestamp with time zone, interval, boolean, boolean)": timeZone,
	"generate_series(timestamp with time zone, timestamp with time zone, interval)":            timeZone,
	"generate_series(timestamp with time zone, timestamp with time zone, interval, text)":      timeZone | timezoneAbbreviations,

	// Text in and out.
	"to_char":         allOutput | lcNumeric | lcTime,
	"to_number":       lcNumeric,
	"to_date":         timeZone | timezoneAbbreviations | lcTime,
	"to_timestamp":    timeZone | timezoneAbbreviations | lcTime,
	"concat":          allOutput,
	"concat_ws":       allOutput,
	"format":          allOutput | quoteAllIdentifiers,
	"quote_literal":   allOutput,
	"quote_nullable":  allOutput,
	"textanycat":      allOutput,
	"anytextcat":      allOutput,
	"array_to_string": allOutput,
	"numeric":         lcMonetary,
	"money":           lcMonetary,
	"convert":         0,
	"convert_from":    0,
	"convert_to":      0,

	// Enums, whose values the catalogs hold.
	"enum_first": 0,
	"enum_last":  0,
	"enum_range": 0,

	// XML.
	"xml":                xmlOption,
	"xml_is_well_formed": xmlOption,

	// Text search with the configuration of the session.
	"to_tsvector":          textSearchConfig,
	"json_to_tsvector":     textSearchConfig,
	"jsonb_to_tsvector":    textSearchConfig,
	"to_tsquery":           textSearchConfig,
	"plainto_tsquery":      textSearchConfig,
	"phraseto_tsquery":     textSearchConfig,
	"websearch_to_tsquery": textSearchConfig,
	"ts_headline":          textSearchConfig,
	"ts_match_tt":          textSearchConfig,
	"ts_match_tq":          textSearchConfig,

	"getdatabaseencoding": 0,
	"version":             0,
}

// immutableBuiltins tells on which settings some of the server's IMMUTABLE
// functions depend all the same: they name time zones, of which the session
// has abbreviations of its own, or quote names.
var immutableBuiltins = map[string]settings{
	"quote_ident(text)":                                                                   quoteAllIdentifiers,
	"timezone(text, timestamp with time zone)":                                            timeZone | timezoneAbbreviations,
	"timezone(text, timestamp without time zone)":                                         timeZone | timezoneAbbreviations,
	"date_trunc(text, timestamp with time zone, text)":                                    timeZone | timezoneAbbreviations,
	"date_add(timestamp with time zone, interval, text)":                                  timeZone | timezoneAbbreviations,
	"date_subtract(timestamp with time zone, interval, text)":                             timeZone | timezoneAbbreviations,
	"generate_series(timestamp with time zone, timestamp with time zone, interval, text)": timeZone | timezoneAbbreviations,
}

// toJSON are the server's functions that make JSON of any value. They look
// for a cast to json of the types they meet, so a cast that somebody made is
// among the functions they may call.
var toJSON = set(
	"array_to_json", "row_to_json", "to_json", "to_jsonb",
	"json_agg", "json_agg_strict", "jsonb_agg", "jsonb_agg_strict",
	"json_object_agg", "json_object_agg_strict", "json_object_agg_unique", "json_object_agg_unique_strict",
	"jsonb_object_agg", "jsonb_object_agg_strict", "jsonb_object_agg_unique", "jsonb_object_agg_unique_strict",
	"json_build_array", "json_build_object", "jsonb_build_array", "jsonb_build_object",
)

// fromJSON make values of any type from their text form.
var fromJSON = set(
	"json_populate_record", "json_populate_recordset", "jsonb_populate_record",
	"jsonb_populate_record_valid", "jsonb_populate_recordset",
	"json_to_record", "json_to_recordset", "jsonb_to_record", "jsonb_to_recordset",
)

// timeBuiltins tell the time or the transaction, or give a time of the day the
// offset that its zone has today.
var timeBuiltins = set(
	"timetz(time without time zone)", "timezone(text, time with time zone)", "timezone(time with time zone)",
	"jsonb_path_exists_tz", "jsonb_path_query_tz", "jsonb_path_query_first_tz", "jsonb_path_query_array_tz", "jsonb_path_match_tz",
	"now", "transaction_timestamp", "statement_timestamp",
	"age", // of one argument: to today
	"txid_current", "txid_current_if_assigned", "txid_current_snapshot",
	"pg_current_snapshot", "pg_current_xact_id", "pg_current_xact_id_if_assigned",
	"pg_postmaster_start_time", "pg_conf_load_time",
)

// sessionBuiltins tell who asks, from where, and with which settings.
var sessionBuiltins = set(
	"current_user", "session_user", "system_user", "getpgusername", "current_database",
	"current_schema", "current_schemas", "current_setting", "pg_client_encoding",
	"inet_client_addr", "inet_client_port", "inet_server_addr", "inet_server_port", "pg_backend_pid",
	"has_table_privilege", "has_sequence_privilege", "has_column_privilege", "has_any_column_privilege",
	"has_database_privilege", "has_function_privilege", "has_language_privilege", "has_schema_privilege",
	"has_tablespace_privilege", "has_foreign_data_wrapper_privilege", "has_server_privilege",
	"has_type_privilege", "has_parameter_privilege", "has_largeobject_privilege", "pg_has_role",
	"row_security_active", "get_current_ts_config",
	"pg_show_all_settings", "show_all_settings", "pg_cursor", "pg_prepared_statement", "pg_listening_channels", "pg_my_temp_schema",
	"pg_is_other_temp_schema",
)

// runsSQL tells of the server's own functions whether they run a statement
// that they are given, or call what the catalogs name.
func runsSQL(name string) bool {
	switch name {
	case "ts_stat", "ts_rewrite", "brin_summarize_new_values", "brin_summarize_range":
		return true
	}
	return strings.Contains(name, "_to_xml")
}

// pureExtensions are extensions none of whose functions reads or writes a
// relation.
var pureExtensions = set(
	"autoinc", "btree_gin", "btree_gist", "citext", "cube", "earthdistance", "fuzzystrmatch", "hstore",
	"insert_username", "intarray", "isn", "ltree", "moddatetime", "pg_trgm", "pgcrypto", "seg", "tcn",
	"unaccent", "uuid-ossp", "vector",
)

// stableExtensions tells on which settings the STABLE functions of some pure
// extensions depend. Those of others may depend on any.
var stableExtensions = map[string]settings{
	"citext":   0,
	"pg_trgm":  trgmSimilarity | trgmWordSimilarity | trgmStrictWordSimilarity,
	"unaccent": 0,
}
