package db

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/headrace/headrace/internal/sqltext"
)

// leavesAnswers reports whether no answer depends on a setting: those by which
// a session is watched over, planned, logged, and kept within bounds, and those
// of writing. What is not named here counts as if answers depended on it,
// settings of extensions and of programs among them.
func leavesAnswers(setting string) bool {
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

// isOwn reports whether a setting is one of those in which this module counts.
func isOwn(setting string) bool { return strings.HasPrefix(setting, "headrace.") }

var harmlessSettings = setOf(`
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

// answerSettings are those of the server on which answers depend, or may: how
// names are found and who asks, how values are read and written, what is
// checked.
var answerSettings = setOf(`
	array_nulls backslash_quote bytea_output client_encoding datestyle default_text_search_config dynamic_library_path
	extension_control_path extension_destdir extra_float_digits gin_fuzzy_search_limit ignore_checksum_failure
	intervalstyle lc_messages lc_monetary lc_numeric lc_time lo_compat_privileges local_preload_libraries
	quote_all_identifiers restrict_nonsystem_relation_kind role row_security search_path session_authorization
	session_preload_libraries session_replication_role standard_conforming_strings stats_fetch_consistency timezone
	timezone_abbreviations transform_null_equals xmlbinary xmloption zero_damaged_pages`)

func setOf(words string) map[string]bool {
	set := make(map[string]bool)
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}

// ownSetting finds a setting of a program's own that is set in the body of a
// DO.
var ownSetting = regexp.MustCompile(`(?i)\bset\s+(session\s+)?"?[a-z_]\w*"?\s*\.`)

// mayDoSettings reports whether a DO may change its session: a word of it says
// so, or it runs text that it makes.
func mayDoSettings(text string) bool {
	return ownSetting.MatchString(text) || slices.ContainsFunc(wordsOf(text), func(word string) bool {
		switch word = strings.ToLower(word); word {
		case "set_config", "execute", "authorization", "zone", "temp", "temporary", "pg_temp":
			return true
		}
		return answerSettings[word]
	})
}

// wordsOf returns the words of a text, those in constants and comments
// included.
func wordsOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool {
		return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// A config is a call of set_config.
type config struct {
	setting string
	local   bool // it ends with the transaction
}

// configsIn returns the calls of set_config in a statement. It reports false
// where one may be of a setting that the text does not show.
func configsIn(st *sqltext.Statement) (list []config, ok bool) {
	later := st.Kind == sqltext.DDL || st.Kind == sqltext.Declare // it may run in another transaction
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
// and the parenthesis that ends them.
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

// isTrue reports whether an argument is no more than the constant.
func isTrue(argument []string) bool {
	return len(argument) == 1 && strings.EqualFold(argument[0], "true")
}

// isWord reports whether a token is a name, quoted or not.
func isWord(token, name string) bool { return strings.EqualFold(strings.Trim(token, `"`), name) }

// isEscaped reports whether a token is a name written with escapes (U&"...").
func isEscaped(token string) bool {
	return len(token) > 2 && strings.EqualFold(token[:2], "u&") && token[2] == '"'
}

// isPlain reports whether a token is a constant without prefix (E”, U&”) that
// is no more than its letters.
func isPlain(token string) bool {
	return token[0] == '\'' && !strings.ContainsAny(strings.Trim(token, "'"), "' \n\\")
}

// tokensOf returns the tokens of a text without space and comments. It reports
// false where the text cannot be taken apart.
func tokensOf(text string) (tokens []string, ok bool) {
	for l := sqltext.NewLexer(text); ; {
		token, more := l.Next()
		switch {
		case !more:
			return tokens, l.Err() == nil
		case token.Kind != sqltext.Space && token.Kind != sqltext.Comment:
			tokens = append(tokens, text[token.Pos:token.End])
		}
	}
}

// setsBack reports whether SET puts a setting back to what the session began
// with: SET ... TO DEFAULT, SET TIME ZONE LOCAL.
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
