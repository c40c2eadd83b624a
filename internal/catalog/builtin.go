package catalog

import "strings"

// stableBuiltins lists the built-in STABLE functions that depend only on
// settings, with those settings. Functions that are not listed read the
// catalogs or the server's state. A name without arguments stands for all
// functions of that name.
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

// immutableBuiltins lists the settings that some IMMUTABLE built-in functions
// depend on all the same: they take names of time zones, for which the session
// has its own abbreviations, or they quote names.
var immutableBuiltins = map[string]settings{
	"quote_ident(text)":                                                                   quoteAllIdentifiers,
	"timezone(text, timestamp with time zone)":                                            timeZone | timezoneAbbreviations,
	"timezone(text, timestamp without time zone)":                                         timeZone | timezoneAbbreviations,
	"date_trunc(text, timestamp with time zone, text)":                                    timeZone | timezoneAbbreviations,
	"date_add(timestamp with time zone, interval, text)":                                  timeZone | timezoneAbbreviations,
	"date_subtract(timestamp with time zone, interval, text)":                             timeZone | timezoneAbbreviations,
	"generate_series(timestamp with time zone, timestamp with time zone, interval, text)": timeZone | timezoneAbbreviations,
}

// toJSON are the built-in functions that convert any value to JSON. They look
// for a cast to json from the types of their values, so they may call
// user-defined casts.
var toJSON = set(
	"array_to_json", "row_to_json", "to_json", "to_jsonb",
	"json_agg", "json_agg_strict", "jsonb_agg", "jsonb_agg_strict",
	"json_object_agg", "json_object_agg_strict", "json_object_agg_unique", "json_object_agg_unique_strict",
	"jsonb_object_agg", "jsonb_object_agg_strict", "jsonb_object_agg_unique", "jsonb_object_agg_unique_strict",
	"json_build_array", "json_build_object", "jsonb_build_array", "jsonb_build_object",
)

// fromJSON are the built-in functions that make values of any type from their
// text form.
var fromJSON = set(
	"json_populate_record", "json_populate_recordset", "jsonb_populate_record",
	"jsonb_populate_record_valid", "jsonb_populate_recordset",
	"json_to_record", "json_to_recordset", "jsonb_to_record", "jsonb_to_recordset",
)

// timeBuiltins are the built-in functions that depend on the time or the
// transaction, or that apply today's offset of a zone to a time of day.
var timeBuiltins = set(
	"timetz(time without time zone)", "timezone(text, time with time zone)", "timezone(time with time zone)",
	"jsonb_path_exists_tz", "jsonb_path_query_tz", "jsonb_path_query_first_tz", "jsonb_path_query_array_tz", "jsonb_path_match_tz",
	"now", "transaction_timestamp", "statement_timestamp",
	"age", // of one argument: to today
	"txid_current", "txid_current_if_assigned", "txid_current_snapshot",
	"pg_current_snapshot", "pg_current_xact_id", "pg_current_xact_id_if_assigned",
	"pg_postmaster_start_time", "pg_conf_load_time",
)

// sessionBuiltins are the built-in functions that depend on the user, the
// client or settings.
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

// runsSQL reports whether a built-in function runs a statement that it is
// passed, or calls a function that only the catalogs name.
func runsSQL(name string) bool {
	switch name {
	case "ts_stat", "ts_rewrite", "brin_summarize_new_values", "brin_summarize_range":
		return true
	}
	return strings.Contains(name, "_to_xml")
}

// pureExtensions are extensions with no function that reads or writes a
// relation.
var pureExtensions = set(
	"autoinc", "btree_gin", "btree_gist", "citext", "cube", "earthdistance", "fuzzystrmatch", "hstore",
	"insert_username", "intarray", "isn", "ltree", "moddatetime", "pg_trgm", "pgcrypto", "seg", "tcn",
	"unaccent", "uuid-ossp", "vector",
)

// stableExtensions lists the settings that the STABLE functions of some pure
// extensions depend on. Those of others may depend on any setting.
var stableExtensions = map[string]settings{
	"citext":   0,
	"pg_trgm":  trgmSimilarity | trgmWordSimilarity | trgmStrictWordSimilarity,
	"unaccent": 0,
}
