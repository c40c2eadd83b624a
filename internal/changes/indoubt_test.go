package changes

import (
	"testing"
	"time"
)

// A broken session has ended if the server has no session with its process id,
// if that belongs to another session by now, or if the server was restarted.
func TestLostSessionHasEnded(t *testing.T) {
	first, later := time.Unix(100, 0), time.Unix(200, 0)
	type look struct {
		sessions int
		begun    *time.Time
		started  string
	}
	for name, tt := range map[string]struct {
		server string
		looks  []look
		want   bool
	}{
		"still there":                       {"50", []look{{1, &first, "50"}, {1, &first, "50"}}, false},
		"still there, hidden from the role": {"50", []look{{1, nil, "50"}, {1, nil, "50"}}, false},
		"still there, server unknown":       {"", []look{{1, &first, "50"}, {1, &first, "50"}}, false},
		"gone":                              {"50", []look{{1, &first, "50"}, {0, nil, "50"}}, true},
		"another with its process id":       {"50", []look{{1, &first, "50"}, {1, &later, "50"}}, true},
		"another after a restart":           {"50", []look{{1, &later, "150"}}, true},
		"another, hidden, after a restart":  {"50", []look{{1, nil, "150"}}, true},
	} {
		l := sessionPoll{server: tt.server}
		for _, look := range tt.looks {
			l.saw(look.sessions, look.begun, look.started)
		}
		if l.ended != tt.want {
			t.Errorf("%s: ended is %v, want %v", name, l.ended, tt.want)
		}
	}
}
