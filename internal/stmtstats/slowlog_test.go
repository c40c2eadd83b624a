package stmtstats

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace/headrace/internal/sqltext"
)

func TestSlowLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		text := sqltext.Analyze("-- name: Secret :many\nSELECT * FROM t WHERE token = 'hunter2'")
		stats := NewTable().Of(text, text.Name)
		l := SlowLog{Logger: slog.New(slog.NewTextHandler(&out, nil)), From: time.Second}

		l.Note(t.Context(), stats, Call{Took: time.Second - 1, Rows: 1})
		if out.Len() > 0 {
			t.Errorf("a quick statement was logged: %s", out.String())
		}
		for range slowLinesPerSecond + 5 {
			l.Note(t.Context(), stats, Call{Took: 2 * time.Second, Wait: time.Millisecond, Rows: 7})
		}
		if lines := strings.Count(out.String(), "\n"); lines != slowLinesPerSecond {
			t.Errorf("%d lines in a second, want %d", lines, slowLinesPerSecond)
		}
		if text := out.String(); strings.Contains(text, "hunter2") || !strings.Contains(text, fmt.Sprint("fingerprint=", stats.fingerprint)) || !strings.Contains(text, "name=Secret") || !strings.Contains(text, "rows=7") {
			t.Errorf("the log says %s", text)
		}
		time.Sleep(time.Second)
		out.Reset()
		l.Note(t.Context(), stats, Call{Took: 2 * time.Second, Rows: 7})
		if !strings.Contains(out.String(), "not_logged_before=5") {
			t.Errorf("the log does not count the dropped lines: %s", out.String())
		}
	})
}
