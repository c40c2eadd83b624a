package sqltext

import (
	"strings"
)

// AffectsNoResult reports whether no result depends on a setting: settings for
// monitoring, planning, logging, limits and writing. Results are assumed to
// depend on any setting not named here, including those of extensions and
// programs.
func AffectsNoResult(setting string) bool {
	if isOwn(setting) {
		return true
	}
	if strings.Contains(setting, ".") {
		return false
	}
	for _, prefix := range []string{
		"commit_", "cpu_", "debug_", "default_transaction_", "enable_", "geqo", "jit", "log_", "max_parallel_",
		"min_parallel_", "parallel_", "tcp_", "trace_", "track_", "vacuum_", "wal_",
	} {
		if strings.HasPrefix(setting, prefix) {
			return true
		}
	}
	return strings.HasSuffix(setting, "_timeout") || harmlessSettings[setting] || setting == "session characteristics"
}

// isOwn reports whether a setting is one in which this module counts.
func isOwn(setting string) bool { return strings.HasPrefix(setting, "headrace.") }

var harmlessSettings = wordSet(`
	allow_in_place_tablespaces allow_system_table_mods application_name backend_flush_after backtrace_functions
	check_function_bodies client_connection_check_interval client_min_messages compute_query_id constraint_exclusion
	constraints createrole_self_grant cursor_tuple_fraction default_statistics_target default_table_access_method
	default_tablespace default_toast_compression effective_cache_size effective_io_concurrency escape_string_warning
	event_triggers exit_on_error file_copy_method force_parallel_mode from_collapse_limit gin_pending_list_limit
	hash_mem_multiplier icu_validation_level io_combine_limit join_collapse_limit logical_decoding_work_mem
	maintenance_io_concurrency maintenance_work_mem max_stack_depth md5_password_warnings password_encryption
	plan_cache_mode random_page_cost recursive_worktable_factor scram_iterations seed seq_page_cost
	synchronize_seqscans synchronous_commit temp_buffers temp_file_limit temp_tablespaces transaction
	transaction_deferrable transaction_isolation transaction_read_only update_process_title work_mem`)

// resultSettings are the server settings that results depend on, or may depend
// on: how names are found, who asks, how values are read and written, what is
// checked.
var resultSettings = wordSet(`
	array_nulls backslash_quote bytea_output client_encoding datestyle default_text_search_config dynamic_library_path
	extension_control_path extension_destdir extra_float_digits gin_fuzzy_search_limit ignore_checksum_failure
	intervalstyle lc_messages lc_monetary lc_numeric lc_time lo_compat_privileges local_preload_libraries
	quote_all_identifiers restrict_nonsystem_relation_kind role row_security search_path session_authorization
	session_preload_libraries session_replication_role standard_conforming_strings stats_fetch_consistency timezone
	timezone_abbreviations transform_null_equals xmlbinary xmloption zero_damaged_pages`)

func wordSet(words string) map[string]bool {
	set := make(map[string]bool)
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}

// mayDoSettings reports whether a DO may change its session: a word of its
// body, outside of literals and comments, does so, or the body runs text that
// it builds. A body that cannot be split into tokens, or is not in PL/pgSQL,
// may do anything.
func mayDoSettings(text string) bool {
	tokens, ok := tokensOf(text)
	if !ok {
		return true
	}
	for i, token := range tokens {
		switch {
		case isWord(token, "language") && (i+1 == len(tokens) || !isWord(tokens[i+1], "plpgsql")):
			return true
		case token[0] == '\'' || token[0] == '$':
			if bodyMaySet(token) {
				return true
			}
		case len(token) > 1 && token[len(token)-1] == '\'': // E'', U&''
			return true
		}
	}
	return false
}

// bodyMaySet is mayDoSettings for the constant that contains the body.
func bodyMaySet(constant string) bool {
	body := strings.ReplaceAll(strings.Trim(constant, "'"), "''", "'")
	if constant[0] == '$' {
		tag := constant[:strings.IndexByte(constant[1:], '$')+2]
		body = strings.TrimSuffix(strings.TrimPrefix(constant, tag), tag)
	}
	tokens, ok := tokensOf(body)
	if !ok {
		return true
	}
	for i, token := range tokens {
		switch word := strings.ToLower(strings.Trim(token, `"`)); word {
		case "set_config", "execute", "authorization", "zone", "temp", "temporary", "pg_temp":
			return true
		case "set":
			if setsOwn(tokens[i+1:]) {
				return true
			}
		default:
			if resultSettings[word] || isEscaped(token) {
				return true
			}
		}
	}
	return false
}

// setsOwn reports whether the tokens after SET name a custom setting, which has
// a dot.
func setsOwn(tokens []string) bool {
	if len(tokens) > 0 && isWord(tokens[0], "session") {
		tokens = tokens[1:]
	}
	return len(tokens) > 1 && tokens[1] == "."
}

// A config is a call of set_config.
type config struct {
	setting string
	local   bool // ends with the transaction
}

// configsIn returns the calls of set_config in a statement. It reports false if
// one may set a setting that the text does not show.
func configsIn(st *Statement) (list []config, ok bool) {
	later := st.Kind == DDL || st.Kind == Declare // may run in another transaction
	tokens, ok := tokensOf(st.Text)
	for i, word := range tokens {
		switch {
		case isEscaped(word):
			return nil, false
		case !isWord(word, "set_config") || i+2 >= len(tokens) || tokens[i+1] != "(":
			continue
		case !isPlain(tokens[i+2]) || tokens[min(i+3, len(tokens)-1)] != ",":
			return nil, false
		}
		list = append(list, config{
			setting: strings.ToLower(strings.Trim(tokens[i+2], "'")),
			local:   !later && isTrue(lastArgument(tokens[i+2:])),
		})
	}
	return list, ok && len(list) > 0
}

// lastArgument returns the tokens between the last comma of a call's arguments
// and the closing parenthesis.
func lastArgument(tokens []string) []string {
	depth, from := 0, 0
	for i, token := range tokens {
		switch token {
		case "(", "[":
			depth++
		case ")", "]":
			if depth--; depth < 0 {
				return tokens[from:i]
			}
		case ",":
			if depth == 0 {
				from = i + 1
			}
		}
	}
	return nil
}

// isTrue reports whether an argument is the constant true.
func isTrue(argument []string) bool {
	return len(argument) == 1 && strings.EqualFold(argument[0], "true")
}

// isWord reports whether a token is a name, quoted or not.
func isWord(token, name string) bool { return strings.EqualFold(strings.Trim(token, `"`), name) }

// isEscaped reports whether a token is a name written with escapes (U&"...").
func isEscaped(token string) bool {
	return len(token) > 2 && strings.EqualFold(token[:2], "u&") && token[2] == '"'
}

// isPlain reports whether a token is a constant without prefix (E”, U&”),
// quotes, line ends and backslashes.
func isPlain(token string) bool {
	return token[0] == '\'' && !strings.ContainsAny(strings.Trim(token, "'"), "' \n\\")
}

// tokensOf returns the tokens of a text without space and comments. It reports
// false if the text cannot be split into tokens.
func tokensOf(text string) (tokens []string, ok bool) {
	for l := NewLexer(text); ; {
		token, more := l.Next()
		switch {
		case !more:
			return tokens, l.Err() == nil
		case token.Kind != Space && token.Kind != Comment:
			tokens = append(tokens, text[token.Pos:token.End])
		}
	}
}

// setsBack reports whether SET restores the initial value of a setting: SET ...
// TO DEFAULT, SET TIME ZONE LOCAL.
func setsBack(text string) bool {
	tokens, ok := tokensOf(strings.TrimRight(text, "; \n\t"))
	if !ok || len(tokens) < 2 {
		return false
	}
	before, last := tokens[len(tokens)-2], tokens[len(tokens)-1]
	switch {
	case strings.EqualFold(last, "default"):
		return before == "=" || isWord(before, "to") || isWord(before, "zone") || isWord(before, "authorization")
	case strings.EqualFold(last, "local"):
		return isWord(before, "zone")
	}
	return false
}
