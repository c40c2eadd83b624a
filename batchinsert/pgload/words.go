package main

import (
	"strconv"
	"strings"
	"unicode"
)

// flagWords replaces names of the library by flags.
var flagWords = strings.NewReplacer(
	"LoadOptions.AsyncCommit", "asynchronous commit",
	"LoadOptions.Columns", "-columns",
	"LoadOptions.DropIndexes", "-drop-indexes",
	"LoadOptions.Encoding", "-encoding",
	"LoadOptions.ID", "-resume",
	"LoadOptions.KeepIdentity", "-keep-identity",
	"LoadOptions.MaxBadShare", "-max-bad",
	"LoadOptions.MaxBad", "-max-bad",
	"LoadOptions.NoQuote", "-quote none",
	"LoadOptions.OnConflict", "-on-conflict",
	"LoadOptions.Rename", "-map",
	"LoadOptions.Skip", "-skip",
	"Records.Columns names", "the file has",
	"OnConflict.Keys names", "-on-conflict names",
	"batchinsert.Forget", "-forget",
	"LoadOptions.Truncate", "-truncate",
	"LoadOptions.Verify", "-verify",
	"whether the rows were written is not known", "the answer to a commit was lost", // the lines before say what is known
	"call batchinsert.RestoreIndexes", "the same command puts them back",
	"call migrations.Install", "pgload -install makes them",
)

// shownError bounds the text of an error, which may contain a whole field of a
// file.
const shownError = 600

// words returns the text of an error in terms of the command line, on one line.
func words(err error) string {
	text := flagWords.Replace(err.Error())
	if len(text) > shownError { // the end has the SQLSTATE
		text = strings.ToValidUTF8(text[:shownError*3/4], "") + " ... " + strings.ToValidUTF8(text[len(text)-shownError/4:], "")
	}
	return printable(strings.ReplaceAll(text, "\n", `\n`))
}

// printable escapes characters that a terminal would interpret or not show.
func printable(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\n' || unicode.IsPrint(r) && r != unicode.ReplacementChar:
			b.WriteRune(r)
		case r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], string(r)): // an invalid byte
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[i])|0x100, 16)[1:])
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}
