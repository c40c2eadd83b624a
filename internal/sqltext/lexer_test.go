package sqltext

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// lexed returns the tokens of text except white space, each as "kind:token".
func lexed(text string) []string {
	names := [...]string{"invalid", "space", "comment", "word", "name", "string", "number", "param", "op", "sym"}
	var list []string
	l := NewLexer(text)
	for {
		token, ok := l.Next()
		if !ok {
			return list
		}
		if token.Kind != Space {
			list = append(list, names[token.Kind]+":"+text[token.Pos:token.End])
		}
	}
}

func TestLexer(t *testing.T) {
	tests := []struct {
		text string
		want string // tokens, separated by " | "
	}{
		// Strings.
		{`'it''s'x`, `string:'it''s' | word:x`},
		{`'a\' b`, `string:'a\' | word:b`},
		{`E'\'' e'\\'`, `string:E'\'' | string:e'\\'`},
		{`B'01' x'1F' N'ü' n''`, `string:B'01' | string:x'1F' | string:N'ü' | string:n''`},
		{`B'0''1' N'0''1'`, `string:B'0' | string:'1' | string:N'0''1'`},
		{`U&'d\0061' uescape '!'`, `string:U&'d\0061' | word:uescape | string:'!'`},
		{`u &'x'`, `word:u | op:& | string:'x'`},
		{`e 'x'`, `word:e | string:'x'`},
		{`be'x'`, `word:be | string:'x'`},
		{"'foo'\n'bar'", "string:'foo'\n'bar'"},
		{"'foo' -- c\n\t -- d\n 'bar' 'baz'", "string:'foo' -- c\n\t -- d\n 'bar' | string:'baz'"},
		{"E'a'\r'\\''", "string:E'a'\r'\\''"},
		{"'foo' 'bar'", "string:'foo' | string:'bar'"},
		{"'foo' /* \n */ 'bar'", "string:'foo' | comment:/* \n */ | string:'bar'"},
		{"'foo' \n/**/'bar'", "string:'foo' | comment:/**/ | string:'bar'"},
		{"'foo'\n E'bar'", "string:'foo' | string:E'bar'"},
		{"'foo' -- c", "string:'foo' | comment:-- c"},
		{`$$ it's $a$ $$`, `string:$$ it's $a$ $$`},
		{`$tag$ $$ $tagg$ $tag$x`, `string:$tag$ $$ $tagg$ $tag$ | word:x`},
		{`$a$ $b$a$`, `string:$a$ $b$a$`},
		{`$ä1$x$ä1$`, `string:$ä1$x$ä1$`},
		{`a$1 $1 $23`, `word:a$1 | param:$1 | param:$23`},
		{`a$$b$$`, `word:a$$b$$`},
		// Names.
		{`"a""b"."C"`, `name:"a""b" | sym:. | name:"C"`},
		{`U&"d\0061t" u&"x"`, `name:U&"d\0061t" | name:u&"x"`},
		{`Straße _x été2`, `word:Straße | word:_x | word:été2`},
		// Comments.
		{"a --b\nc", "word:a | comment:--b | word:c"},
		{"a --b\rc", "word:a | comment:--b | word:c"},
		{"a/* /* b */ * / */c", "word:a | comment:/* /* b */ * / */ | word:c"},
		{"/*/ a */b", "comment:/*/ a */ | word:b"},
		{"/***/a", "comment:/***/ | word:a"},
		// Operators.
		{`a->'b'`, `word:a | op:-> | string:'b'`},
		{`a#>>'{x}'`, `word:a | op:#>> | string:'{x}'`},
		{`a @>b ?|c`, `word:a | op:@> | word:b | op:?| | word:c`},
		{`a=-1`, `word:a | op:= | op:- | number:1`},
		{`a*-1`, `word:a | op:* | op:- | number:1`},
		{`a<>-+1`, `word:a | op:<> | op:- | op:+ | number:1`},
		{`a @-1`, `word:a | op:@- | number:1`},
		{`a->-1`, `word:a | op:-> | op:- | number:1`},
		{`a+--b`, `word:a | op:+ | comment:--b`},
		{`a*/*b*/c`, `word:a | op:* | comment:/*b*/ | word:c`},
		{`a=>b<=c>=d!=e`, `word:a | op:=> | word:b | op:<= | word:c | op:>= | word:d | op:!= | word:e`},
		{`a::int`, `word:a | sym::: | word:int`},
		{`f(a:=1)`, `word:f | sym:( | word:a | sym::= | number:1 | sym:)`},
		{`a[1:2]`, `word:a | sym:[ | number:1 | sym:: | number:2 | sym:]`},
		{`a=?`, `word:a | op:=?`},
		// Numbers.
		{`1e10 1E+1 1.5e-3`, `number:1e10 | number:1E+1 | number:1.5e-3`},
		{`1. .5 1.,2`, `number:1. | number:.5 | number:1. | sym:, | number:2`},
		{`0x1F 0X_f 0o17 0b10`, `number:0x1F | number:0X_f | number:0o17 | number:0b10`},
		{`1_000 1_0.0_1e1_0`, `number:1_000 | number:1_0.0_1e1_0`},
		{`1..10`, `number:1 | sym:.. | number:10`},
		{`t.a.5`, `word:t | sym:. | word:a | number:.5`},
		{`1.5.3`, `number:1.5 | number:.3`},
	}
	for _, test := range tests {
		want := strings.Split(test.want, " | ")
		if got := lexed(test.text); !slices.Equal(got, want) {
			t.Errorf("%s\n got %q\nwant %q", test.text, got, want)
		}
	}
}

func TestLexerErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"select\n  'abc", "line 2, column 3: unterminated quoted string"},
		{`ü E'a\'`, "line 1, column 3: unterminated quoted string"},
		{"'a'\n'b", "line 1, column 1: unterminated quoted string"},
		{`a "b`, "line 1, column 3: unterminated quoted identifier"},
		{`""`, "line 1, column 1: empty quoted identifier"},
		{`U&""`, "line 1, column 1: empty quoted identifier"},
		{"/* /* */", "line 1, column 1: unterminated /* comment"},
		{"$a$ $b$", "line 1, column 1: unterminated dollar-quoted string"},
		{"$a", "line 1, column 1: unexpected character '$'"},
		{"a $ b", "line 1, column 3: unexpected character '$'"},
		{"1a", "line 1, column 1: trailing junk after numeric literal"},
		{"1$2", "line 1, column 1: trailing junk after numeric literal"},
		{"1_", "line 1, column 1: trailing junk after numeric literal"},
		{"1__0", "line 1, column 1: trailing junk after numeric literal"},
		{"0x", "line 1, column 1: trailing junk after numeric literal"},
		{"0b12", "line 1, column 1: trailing junk after numeric literal"},
		{"1e", "line 1, column 1: trailing junk after numeric literal"},
		{"1e+", "line 1, column 1: trailing junk after numeric literal"},
		{"$1a", "line 1, column 1: trailing junk after parameter"},
		{"$65536", "line 1, column 1: parameter number too large"},
		{"$18446744073709551617", "line 1, column 1: parameter number too large"},
		{"{", "line 1, column 1: unexpected character '{'"},
		{"a\x00b", `line 1, column 2: unexpected character '\x00'`},
		{`\d`, `line 1, column 1: unexpected character '\\'`},
	}
	for _, test := range tests {
		l := NewLexer(test.text)
		for {
			if _, ok := l.Next(); !ok {
				break
			}
		}
		got := ""
		if err := l.Err(); err != nil {
			got = err.Error()
			var lexError *Error
			if !errors.As(err, &lexError) || lexError.Pos >= len(test.text) {
				t.Errorf("%q: error is %#v", test.text, err)
			}
		}
		if got != test.want {
			t.Errorf("%q: got %q, want %q", test.text, got, test.want)
		}
	}
}

func TestKeywordsAreSpelledInOrder(t *testing.T) {
	if !slices.IsSorted(spellings[:]) || slices.Contains(spellings[:], "") {
		t.Errorf("spellings are not in order, or too few: %q", spellings)
	}
	for _, pair := range []struct {
		word string
		want keyword
	}{
		{"ABORT", kwAbort}, {"Current_Timestamp", kwCurrentTimestamp}, {"only", kwOnly}, {"zone", kwZone},
		{"cities", none}, {"current_timestamps", none}, {"x", none},
	} {
		if got := keywordOf(pair.word); got != pair.want {
			t.Errorf("%s is %d, want %d", pair.word, got, pair.want)
		}
	}
}
