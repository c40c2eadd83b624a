package dbdebug_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// shots is the folder into which tests write screenshots of the page.
var shots = flag.String("shots", "", "write screenshots of the page into this `folder`")

// A browser shows one page.
type browser struct {
	*testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string // of the console, and exceptions; guarded by mu
}

// browse starts a browser. If none is installed, it skips the test, or fails it
// if the environment variable CI is set.
func browse(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	switch {
	case path == "" && os.Getenv("CI") == "":
		t.Skip("no browser: chromium, chromium-browser or google-chrome is not installed")
	case path == "":
		t.Fatal("no browser: chromium, chromium-browser or google-chrome is not installed")
	}
	alloc := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()))
	ctx, cancel := chromedp.NewContext(context.WithoutCancel(t.Context()), chromedp.WithAllocatorOptions(alloc...))
	b := &browser{T: t, ctx: ctx}
	messages := chromedp.Console(ctx)
	var listening sync.WaitGroup
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil { // waits for the browser
			t.Log(err)
		}
		cancel()
		listening.Wait()
	})
	listening.Go(func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			b.mu.Lock()
			b.problems = append(b.problems, fmt.Sprintf("%s %s (%s)", m.Type, m.Text, m.URL))
			b.mu.Unlock()
		}
	})
	return b
}

// noProblems fails the test if the console showed anything.
func (b *browser) noProblems() {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		b.Error(p)
	}
	b.problems = nil
}

func (b *browser) run(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// show shows a page.
func (b *browser) show(url string) {
	b.Helper()
	b.run(chromedp.Navigate(url))
}

// size sets the size of the window, and the colours.
func (b *browser) size(width, height int, scheme string) {
	b.Helper()
	b.run(chromedp.EmulateViewport(int64(width), int64(height)))
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err != nil {
		b.Fatal(err)
	}
}

// value returns what a JavaScript expression, or its promise, evaluates to.
func value[T any](b *browser, expression string) T {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits until a JavaScript expression is true. Exceptions count as false:
// the page may be loading.
func (b *browser) until(expression string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("(() => { try { return Boolean("+expression+") } catch { return false } })()"))
		if err != nil {
			b.Fatalf("wait for %s: %v", expression, err)
		}
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			b.Fatalf("waited for %s", expression)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// shot writes a screenshot of the whole page, if screenshots are wanted.
func (b *browser) shot(name string) {
	b.Helper()
	if *shots == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, strings.ReplaceAll(name, " ", "-")+".png"), png, 0o644); err != nil {
		b.Fatal(err)
	}
}
