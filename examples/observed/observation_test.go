package main

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// An observation is a service under load.
type observation struct {
	*testing.T

	address string
	count   tally
}

const window = 100 * time.Millisecond

// observe runs a service under load while look is called.
func observe(t *testing.T, connString string, faults faultSet, load map[fault]visitor, look func(*observation)) {
	t.Helper()
	s, err := open(t.Context(), connString, options{faults: faults, interval: window, heldFor: 5 * window})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &observation{T: t, address: listener.Addr().String()}
	loading, stopLoad := context.WithCancel(t.Context())
	serving, stopServing := context.WithCancel(t.Context())
	driven, served := make(chan error, 1), make(chan error, 1)
	go func() { served <- serve(serving, s, listener) }()
	go func() { driven <- drive(loading, o.address, load, &o.count) }()
	defer func() {
		stopLoad()
		if err := <-driven; err != nil {
			t.Errorf("%d of %d requests failed; the first: %v", o.count.failed.Load(), o.count.sent.Load(), err)
		}
		stopServing()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if !faults[leak] {
			wantReturned(t, s)
		}
	}()
	look(o)
}

// wantReturned checks that all connections return to the pool after the last
// request, whose statement may still have to be canceled.
func wantReturned(t *testing.T, s *service) {
	t.Helper()
	for began := time.Now(); s.pg.Pool().Stat().AcquiredConns() > 0; time.Sleep(time.Millisecond) {
		if time.Since(began) > patience {
			t.Errorf("after all requests %d connections are in use", s.pg.Pool().Stat().AcquiredConns())
			return
		}
	}
}

// get reads a page of the service.
func (o *observation) get(path string) string {
	o.Helper()
	r, err := http.NewRequestWithContext(o.Context(), http.MethodGet, "http://"+o.address+path, nil)
	if err != nil {
		o.Fatal(err)
	}
	r.Close = true
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		o.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		o.Fatalf("GET %s: %s, %v: %s", path, response.Status, err, body)
	}
	return string(body)
}

// page reads the JSON of the debug page.
func (o *observation) page() *page {
	o.Helper()
	p := new(page)
	if err := json.Unmarshal([]byte(o.get("/debug/db/data.json")), p); err != nil {
		o.Fatal(err)
	}
	return p
}

const patience = 15 * time.Second

// until waits until the page names the fault in all details.
func (o *observation) until(want *symptom) {
	o.Helper()
	var p *page
	var lacks string
	for began := time.Now(); time.Since(began) < patience; time.Sleep(window) {
		p = o.page()
		if lacks = o.lacks(p, want); lacks == "" {
			return
		}
	}
	o.Errorf("%s about %q: %s, in %s", want.kind, want.statement, lacks, described(p))
}

// never lets the windows that findings are about pass, and checks that the page
// does not name the fault. A machine with other work can slow down a statement
// that has its index, or a transaction that is ended: findings of the kind are
// no fault unless all details are those of the fault. What the plan says is
// independent of time, and is checked also without a finding.
func (o *observation) never(want *symptom) {
	o.Helper()
	p := o.page()
	for began := time.Now(); p.Windows.Count < 14 && time.Since(began) < patience; p = o.page() {
		time.Sleep(window)
	}
	if lacks := o.lacks(p, want); lacks == "" || p.Windows.Count < 14 {
		o.Errorf("%s about %q is there after mending and %d windows: %s", want.kind, want.statement, p.Windows.Count, described(p))
	}
	if want.mended == "" {
		return
	}
	plan, err := o.plan(p, want.statement)
	if err != nil {
		o.Error(err)
	} else if !strings.Contains(plan, want.mended) || strings.Contains(plan, want.advice) {
		o.Errorf("after mending, the plan of %q lacks %q or has %q:\n%s", want.statement, want.mended, want.advice, plan)
	}
}

// lacks returns what a page lacks of the symptom, or "" if it names the fault.
func (o *observation) lacks(p *page, want *symptom) string {
	o.Helper()
	wrong := "there is no such finding"
	for _, f := range want.in(p) {
		if wrong = want.wrong(&f); wrong == "" {
			break
		}
	}
	if wrong != "" || want.advice == "" {
		return wrong
	}
	plan, err := o.plan(p, want.statement)
	if err != nil {
		return err.Error()
	}
	if !strings.Contains(plan, want.advice) {
		return fmt.Sprintf("the plan lacks %q:\n%s", want.advice, plan)
	}
	return ""
}

var place = regexp.MustCompile(`\(faults\.go:(\d+)\)$`)

// wrong returns how a finding differs from the symptom.
func (s *symptom) wrong(f *finding) string {
	if !strings.Contains(f.Evidence, s.evidence) {
		return fmt.Sprintf("the evidence lacks %q", s.evidence)
	}
	if s.line == "" {
		return ""
	}
	if len(f.Stack) == 0 {
		return "no place is named"
	}
	at := place.FindStringSubmatch(f.Stack[0])
	if at == nil {
		return "it is at " + f.Stack[0]
	}
	source, err := os.ReadFile("faults.go")
	if err != nil {
		return err.Error()
	}
	n, _ := strconv.Atoi(at[1])
	if line := strings.Split(string(source), "\n")[n-1]; !strings.Contains(line, s.line) {
		return fmt.Sprintf("line %d is %q, want one with %q", n, line, s.line)
	}
	return ""
}

// plan reads the plan of a statement that the page lists.
func (o *observation) plan(p *page, statement string) (string, error) {
	o.Helper()
	for _, s := range p.Statements {
		if s.Name == statement {
			plan := html.UnescapeString(o.get("/debug/db/plan?key=" + s.Key))
			return plan[max(strings.Index(plan, "<main>"), 0):], nil
		}
	}
	return "", fmt.Errorf("the statement %q is not listed", statement)
}

func described(p *page) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%d windows", p.Windows.Count)
	for _, f := range p.Findings {
		fmt.Fprintf(&out, "\n%s | %s | %s | %s | %q", f.Kind, f.Title, f.Evidence, f.Statement, f.Stack)
	}
	return out.String()
}
