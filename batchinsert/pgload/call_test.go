package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// output is written to by several goroutines.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// call is pgload with these arguments, and what it wrote.
type call struct {
	ctx      context.Context
	stdin    io.Reader
	terminal bool
	stdout   string
	stderr   string
}

func (c *call) run(t *testing.T, want int, args ...string) *call {
	t.Helper()
	var stdout, stderr output
	if c.ctx == nil {
		c.ctx = t.Context()
	}
	p := &program{stdin: c.stdin, stdout: &stdout, stderr: &stderr, terminal: c.terminal}
	got := p.run(c.ctx, args)
	c.stdout, c.stderr = stdout.String(), stderr.String()
	if got != want {
		t.Fatalf("pgload %q: exit status %d, want %d\n%s", args, got, want, c.stderr)
	}
	return c
}

// says checks what pgload wrote for people.
func (c *call) says(t *testing.T, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(c.stderr, w) {
			t.Errorf("it does not say %q:\n%s", w, c.stderr)
		}
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// numbers is a CSV file of n rows, without those in bad.
func numbers(n int, bad map[int]string) string {
	var b strings.Builder
	b.WriteString("id,name\n")
	for i := 1; i <= n; i++ {
		if line, isBad := bad[i]; isBad {
			b.WriteString(line + "\n")
			continue
		}
		fmt.Fprintf(&b, "%d,name %d\n", i, i)
	}
	return b.String()
}
